"""What dejavid_bench records, alone and under mpirun. How long anything took is nobody's business here."""

import json
import os
import signal
import subprocess
import sys
import time
import unittest
import unittest.mock
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "end_to_end"))

import support  # noqa: E402

OPERATIONS = ["cost", "search_paths", "distances_along_paths", "gradient_along_paths"]
GPU_OPERATIONS = [operation + suffix for suffix in ("", "_f16", "_i8") for operation in ("cost", "search_paths")]
GPU_OPERATIONS += ["distances_along_paths", "gradient_along_paths", "distances_along_paths_f16", "gradient_along_paths_f16"]
PARTS = ["kernels", "train", "naive", "torch", "io", "lrprop"]
PHASES = ["read", "paths", "forward", "backward", "reduce", "update", "evaluate"]
COMMON = {"part", "name", "variant", "shape", "ranks", "threads", "seconds", "spread", "elements", "gelem_per_s"}
ROOF = {"roof_gelem_per_s", "share_of_roof"}
SMALL_SHAPE = ["--shape", "3,4,40,9,5"]

TORCH_NAMES = ["eager", "compiled", "compiled_by_row", "compiled_by_row_max_autotune"]
IO_NAMES = [f"{way}/{state}" for state in ("cold", "warm", "later") for way in ("raw", "sequential", "shuffled")]
IO_NAMES.remove("raw/later")
STEP_PHASES = ["encode", "losses", "backward", "reduce", "update"]
SMALL_STEP = ["lrprop", "--only", "steps", "--shape", "6,10,8,2,12,2,5,9", "--repeats", "2", "--seconds", "0"]
ALIGNMENT_OPERATIONS = ["soft_dtw", "soft_dtw_gradient", "dtw", "distances", "compare_rows"]
PYTHON = sys.executable
HAS_TORCH = subprocess.run([PYTHON, "-c", "import torch"], capture_output=True).returncode == 0
EMULATED = "../tests/dejavid_bench_emulated"


class Records(support.ProgramTest):
    def measure(self, *arguments, ranks=None, program="dejavid_bench", timeout=120):
        """The records, after checking what holds for all of them."""
        finished = self.succeed([program, *arguments, "--json", "bench.json"], ranks, timeout)
        document = json.loads((self.folder / "bench.json").read_text())
        self.assertEqual(set(document), {"machine", "records"})
        machine = document["machine"]
        for name in ("processor", "host", "kernel_variant", "finished_utc"):
            self.assertTrue(machine[name], name)
        self.assertGreaterEqual(machine["host_cores"], machine["affinity_cores"])
        self.assertIn("compiler", machine["versions"])
        for record in document["records"]:
            self.assertGreater(record["seconds"], 0)
            self.assertGreaterEqual(record["spread"], 0)
            self.assert_relative(record["gelem_per_s"], record["elements"] / record["seconds"] / 1e9, 1e-9, "rate")
            self.assertIn(record["name"], finished.stdout)
            if record["part"] in ("io", "lrprop") and "roof_gelem_per_s" not in record:
                continue
            self.assertGreater(record["roof_gelem_per_s"], 0)
            counted = record.get("visited_elements", record["elements"])
            share = counted / record["seconds"] / 1e9 / record["roof_gelem_per_s"]
            self.assert_relative(record["share_of_roof"], share, 1e-9, "share of the roof")
        return document["records"]

    def check_kernels(self, ranks):
        arguments = ["--shape", "3,4,40,9,5", "--repeats", "2", "--seconds", "0.01", "--threads", "1"]
        records = self.measure("kernels", *arguments, ranks=ranks)
        integers = [record for record in records if record["name"].startswith("search_paths_i8")]
        variants = list(dict.fromkeys(record["variant"] for record in records if record not in integers))
        self.assertEqual(variants[-1], "portable")
        names = [f"{o}/{v}" for v in variants for o in OPERATIONS] + [f"search_paths_i8/{r['variant']}" for r in integers]
        self.assertEqual([r["name"] for r in records], names)
        self.assertEqual(integers[-1]["variant"], "portable")
        for record in records:
            along = "along" in record["name"]
            self.assertEqual(set(record), COMMON | ROOF | ({"visited_elements"} if along else set()))
            self.assertEqual((record["part"], record["ranks"], record["threads"]), ("kernels", 1, 1))
            self.assertEqual(record["shape"], {"C": 3, "K": 4, "F": 40, "T": 9, "B": 5})
            self.assertEqual(record["elements"], 3 * 4 * 40 * 9 * 5)
            if along:
                self.assertEqual(record["visited_elements"], 3 * 40 * 5 * (4 + 9 - 1))

    def test_kernels(self):
        self.check_kernels(ranks=None)

    def test_kernels_under_mpirun_run_once(self):
        self.check_kernels(ranks=2)

    def check_training(self, record, ranks, columns):
        on_gpu = {"device_peak_bytes", "nominal_roof_gelem_per_s"} if record["variant"] == "cuda" else set()
        self.assertEqual(set(record), COMMON | ROOF | {"samples_per_s", "first_seconds", "phases", "peak_bytes"} | on_gpu)
        self.assertEqual((record["part"], record["name"], record["ranks"]), ("train", "epoch", ranks))
        self.assertEqual([record["shape"][name] for name in "CKF"], [6, 8, 24])
        self.assertGreaterEqual(record["threads"], 1)
        self.assertEqual(record["elements"], 6 * 8 * 24 * columns)
        self.assert_relative(record["samples_per_s"], 24 / record["seconds"], 1e-9, "samples/s")
        self.assertEqual(list(record["phases"]), PHASES)
        # A GPU works while the host goes on: what the host waits for is counted where it waits.
        for phase in ("read", "update", "evaluate") if on_gpu else ("read", "paths", "forward", "backward", "update", "evaluate"):
            self.assertGreater(record["phases"][phase], 0, phase)
        for name in on_gpu:
            self.assertGreater(record[name], 0)
        self.assertGreater(record["peak_bytes"], 0)

    def make_store(self):
        """The store that `train --preset order --samples 24 --val-samples 12` makes, and its training columns."""
        synthetic = ["synthetic", "--preset", "order", "--samples", 24, "--val-samples", 12]
        self.succeed(["dejavid_convert", *synthetic, "--out", "order.h5", "--progress", "off"])
        offsets = support.read_arrays(self.folder / "order.h5")["offsets"]
        return int(offsets[24] - offsets[0])

    def test_training_on_a_set_of_its_own(self):
        columns = self.make_store()
        for ranks in (None, 2):
            with self.subTest(ranks=ranks):
                arguments = ["--preset", "order", "--samples", "24", "--val-samples", "12", "--epochs", "1"]
                (record,) = self.measure("train", *arguments, ranks=ranks)
                self.check_training(record, ranks or 1, columns)
                self.assertEqual((record["shape"]["name"], record["shape"]["B"]), ("order", 384))
                self.assert_relative(record["shape"]["T"], columns / 24, 1e-9, "mean length")
                self.assertEqual(record["spread"], 0)

    def test_training_on_a_given_store(self):
        columns = self.make_store()
        (record,) = self.measure("train", "--store", "order.h5", "--batch-size", "8", "--epochs", "2")
        self.check_training(record, 1, columns)
        self.assertEqual((record["shape"]["name"], record["shape"]["B"]), ("order.h5", 8))
        (record,) = self.measure("train", "--store", "order.h5", "--epochs", "1", "--path-precision", "i8")
        self.check_training(record, 1, columns)

    def test_an_emulated_gpu(self):
        columns = self.make_store()
        for ranks in (None, 2):
            with self.subTest(ranks=ranks):
                arguments = ["--store", "order.h5", "--batch-size", "8", "--epochs", "2", "--device", "cuda"]
                (record,) = self.measure("train", *arguments, ranks=ranks, program=EMULATED)
                self.assertEqual(record["variant"], "cuda")
                self.check_training(record, ranks or 1, columns)
        arguments = ["--shape", "3,4,40,9,5", "--repeats", "2", "--seconds", "0"]
        records = self.measure("kernels", *arguments, program=EMULATED)  # a GPU is there, so it is taken
        self.assertEqual([r["name"] for r in records], [f"{o}/{v}" for v in ("cuda", "cuda_f16") for o in GPU_OPERATIONS])
        arguments = ["--store", "order.h5", "--epochs", "1", "--device", "cuda", "--path-precision", "i8"]
        (record,) = self.measure("train", *arguments, program=EMULATED)
        self.check_training(record, 1, columns)

    def test_naive(self):
        arguments = [*SMALL_SHAPE, "--batches", "1", "--epoch-samples", "100", "--threads", "1"]
        naive, kernels = self.measure("naive", *arguments)
        self.assertEqual((naive["name"], kernels["name"]), ("naive", "kernels"))
        for record in (naive, kernels):
            several = {"samples_per_s", "phases", "measured_samples"} | ({"times_slower"} if record is naive else set())
            self.assertEqual(set(record), COMMON | ROOF | several)
            self.assertEqual((record["part"], record["ranks"], record["threads"]), ("naive", 1, 1))
            self.assertEqual(record["elements"], 3 * 4 * 40 * 9 * 100)
            self.assertEqual(record["measured_samples"], 5)
            self.assertEqual(list(record["phases"]), ["paths", "forward", "backward"])
            self.assert_relative(sum(record["phases"].values()), record["seconds"], 1e-9, "phases")
            self.assert_relative(record["samples_per_s"], 100 / record["seconds"], 1e-9, "samples/s")
        self.assert_relative(naive["times_slower"], naive["seconds"] / kernels["seconds"], 1e-9, "times slower")

    def test_an_epoch_of_a_preset_is_the_papers(self):
        naive, _ = self.measure("naive", "--shape", "hmdb51", "--samples", "1", "--batches", "1")
        self.assertEqual(naive["elements"], 51 * 8 * 1459 * 33 * 3570)

    @unittest.skipUnless(HAS_TORCH, "needs a torch that Python can import (launch/install.sh --cuda)")
    def test_torch(self):
        arguments = [*SMALL_SHAPE, "--device", "cpu", "--repeats", "2", "--seconds", "0", "--threads", "1"]
        ours, *others = self.measure("torch", *arguments, "--python", PYTHON, timeout=600)  # PyTorch's compiler takes its time
        self.assertEqual(ours["name"], f"cost/{ours['variant']}")
        self.assertEqual([record["name"] for record in others], TORCH_NAMES)
        for record in others:
            partly = {"measured_samples"} if record["name"] == "eager" else set()
            self.assertEqual(set(record), COMMON | ROOF | {"times_slower"} | partly)
            self.assertTrue(record["variant"].startswith("torch "), record["variant"])
            self.assertEqual(record["elements"], 3 * 4 * 40 * 9 * 5)
            self.assert_relative(record["times_slower"], record["seconds"] / ours["seconds"], 1e-9, "times slower")

    def check_step(self, record):
        self.assertEqual((record["part"], record["ranks"], record["threads"]), ("lrprop", 1, 1))
        self.assertEqual(record["shape"], {"F": 6, "T": 9, "B": 1})
        layer = 4 * 8 * 8 + 2 * 8 * 12
        matrices = 6 * 10 + 10 * 10 + 10 * 8 + 2 * layer + 8 * 5 + 5 * 5 + 5 * 5
        self.assertEqual(record["elements"], 3 * 4 * 9 * matrices)
        self.assertEqual(list(record["phases"]), STEP_PHASES)
        for phase in STEP_PHASES:
            self.assertGreater(record["phases"][phase], 0, phase)
        self.assertGreater(record["cpu_seconds"], 0)

    def test_a_step_of_lrprop(self):
        with unittest.mock.patch.dict(os.environ, {"TMPDIR": str(self.folder)}):
            (ours,) = self.measure(*SMALL_STEP, "--no-torch", ranks=2)
        self.check_step(ours)
        self.assertEqual(set(ours), COMMON | {"phases", "weights", "cpu_seconds", "loss"})
        self.assertEqual(ours["name"], "step")
        self.assertEqual([file.name for file in self.folder.iterdir()], ["bench.json"])

    @unittest.skipUnless(HAS_TORCH, "needs a torch that Python can import (launch/install.sh --cuda)")
    def test_a_step_of_lrprop_beside_torch(self):
        """Which also compares the losses: it refuses to compare times of steps that differ."""
        ours, torch = self.measure(*SMALL_STEP, "--python", PYTHON)
        self.check_step(ours)
        self.check_step(torch)
        compared = {"times_slower", "times_slower_spread", "times_slower_cpu", "times_slower_cpu_spread"}
        self.assertEqual(set(torch), COMMON | {"phases", "weights", "cpu_seconds"} | compared)
        self.assertEqual(torch["name"], "step/torch")
        self.assertTrue(torch["variant"].startswith("torch "), torch["variant"])

    def test_a_torch_of_another_loss(self):
        other = self.folder / "other"
        results = json.dumps({"version": "0", "loss": 1e3, "seconds": 1, "cpu_seconds": 1, "phases": [1, 1, 1, 1, 1]})
        other.write_text(f"#!/bin/sh\necho '{results}' > \"$2/results.json\"\n")
        other.chmod(0o755)
        finished = support.run(["dejavid_bench", *SMALL_STEP, "--python", other], cwd=self.folder)
        self.assertEqual((finished.code, len(finished.errors)), (1, 1), finished)
        self.assertIn("a loss of 1000 by PyTorch", finished.errors[0])

    def test_alignment_kernels(self):
        options = ["--lengths", "9,2", "--widths", "5,20", "--repeats", "2", "--seconds", "0"]
        records = self.measure("lrprop", "--only", "kernels", *options)
        variants = list(dict.fromkeys(record["variant"] for record in records))
        self.assertEqual((variants[0], variants[-1]), ("reference", "portable"))
        expected = []
        for length in (9, 2):
            for operation in ALIGNMENT_OPERATIONS:
                widths = [5, 20] if operation in ("distances", "compare_rows") else [1]
                expected += [(f"{operation}/{v}", length, width) for width in widths for v in variants]
        self.assertEqual([(r["name"], r["shape"]["T"], r["shape"]["F"]) for r in records], expected)
        for record in records:
            of_roof = ROOF if record["name"].startswith("compare_rows") else set()
            compared = {"times_reference", "times_reference_spread"} | of_roof if record["variant"] != "reference" else set()
            self.assertEqual(set(record), COMMON | {"ns_per_cell"} | compared)
            cells = record["shape"]["T"] ** 2
            self.assertEqual(record["elements"], cells * record["shape"]["F"])
            self.assert_relative(record["ns_per_cell"], record["seconds"] / cells * 1e9, 1e-9, "ns a cell")

    def test_a_torch_that_is_not_there(self):
        bare = self.folder / "bare"
        bare.write_text(f'#!/bin/sh\nexec {PYTHON} -S "$@"\n')  # without its packages
        bare.chmod(0o755)
        for python, words in ((bare, "ModuleNotFoundError"), ("nowhere/python", "nowhere/python cannot be started")):
            with self.subTest(python=python):
                finished = support.run(["dejavid_bench", "torch", *SMALL_SHAPE, "--python", python], cwd=self.folder)
                self.assertEqual((finished.code, len(finished.errors)), (2, 1), finished)
                self.assertIn(words, finished.errors[0])
                finished = support.run(["dejavid_bench", *SMALL_STEP, "--python", python], cwd=self.folder)
                self.assertEqual((finished.code, len(finished.errors)), (2, 1), finished)
                self.assertIn(words, finished.errors[0])

    @unittest.skipUnless(HAS_TORCH, "needs a torch that Python can import (launch/install.sh --cuda)")
    def test_a_compiler_that_is_not_there(self):
        with unittest.mock.patch.dict(os.environ, {"CXX": "nowhere-g++", "TMPDIR": str(self.folder)}):
            finished = support.run(["dejavid_bench", "torch", *SMALL_SHAPE, "--python", PYTHON], cwd=self.folder)
        self.assertEqual((finished.code, len(finished.errors)), (2, 1), finished)
        self.assertIn("C++ compiler", finished.errors[0])
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_signal_ends_the_python_too(self):
        slow = self.folder / "slow"
        slow.write_text('#!/bin/sh\necho "$$" > "$2/started"\nexec sleep 600\n')
        slow.chmod(0o755)
        (self.folder / "tmp").mkdir()
        with unittest.mock.patch.dict(os.environ, {"TMPDIR": str(self.folder / "tmp")}):
            process = support.start(["dejavid_bench", "torch", *SMALL_SHAPE, "--seconds", "0", "--python", slow])
        while not (started := list(self.folder.glob("tmp/*/started"))) or not started[0].read_text().endswith("\n"):
            self.assertIsNone(process.poll())
            time.sleep(0.05)
        sleeper = int(started[0].read_text())
        os.kill(process.pid, signal.SIGTERM)
        finished = support.finish(process)
        self.assertEqual((finished.code, len(finished.errors)), (1, 1), finished)
        self.assertIn("stopped by a signal", finished.errors[0])
        with self.assertRaises(ProcessLookupError):
            os.kill(sleeper, 0)
        self.assertEqual(list((self.folder / "tmp").iterdir()), [])

    def test_reading_a_store(self):
        self.make_store()
        records = self.measure("io", "--store", "order.h5", "--batch-size", "5", "--repeats", "2")
        self.assertEqual([record["name"] for record in records], IO_NAMES)
        features = support.read_arrays(self.folder / "order.h5")["features"]
        seconds = {record["name"]: record["seconds"] for record in records}
        for record in records:
            way, state = record["name"].split("/")
            compared = {"share_of_raw"} if way != "raw" else set()
            self.assertEqual(set(record), COMMON | {"samples_per_s", "bytes", "mb_per_s", "cached_share"} | compared)
            self.assertEqual((record["shape"]["name"], record["shape"]["B"]), ("order.h5", 5))
            self.assertEqual(record["elements"], features.size)
            self.assertEqual(record["bytes"], (self.folder / "order.h5").stat().st_size)
            self.assert_relative(record["mb_per_s"], record["bytes"] / record["seconds"] / 1e6, 1e-9, "MB/s")
            self.assert_relative(record["samples_per_s"], 36 / record["seconds"], 1e-9, "samples/s")
            if compared:
                raw = seconds["raw/cold" if state == "cold" else "raw/warm"]
                self.assert_relative(record["share_of_raw"], raw / record["seconds"], 1e-9, "share of raw")
            if state != "cold":
                self.assertEqual(record["cached_share"], 1, record["name"])

    def test_reading_a_store_of_its_own(self):
        with unittest.mock.patch.dict(os.environ, {"TMPDIR": str(self.folder)}):
            records = self.measure("io", "--preset", "order", "--samples", "24", "--repeats", "1")
        self.assertEqual({record["shape"]["name"] for record in records}, {"order"})
        self.assertEqual([file.name for file in self.folder.iterdir()], ["bench.json"])

    def test_help_and_mistakes(self):
        for arguments in (["--help"], *([part, "--help"] for part in PARTS)):
            self.assertIn("Usage: dejavid_bench", self.succeed(["dejavid_bench", *arguments], ranks=2).stdout)
        for code, words, arguments in (
            (2, "--shape: found 'ssv3'", ["kernels", "--shape", "ssv3"]),
            (2, "--threads: found 0", ["kernels", "--threads", "0"]),
            (2, "--samples: found 3", ["train", "--preset", "order", "--samples", "3"]),
            (2, "--store", ["train", "--preset", "order", "--store", "a.h5"]),
            (10, "missing.h5", ["train", "--store", "missing.h5"]),
            (2, "--device", ["kernels", "--device", "cuda"]),
            (2, "dist.device", ["train", "--preset", "order", "--device", "cuda"]),
            (2, "--threads: found 0", ["naive", "--threads", "0"]),
            (2, "--shape: found 'ssv3'", ["torch", "--shape", "ssv3"]),
            (2, "--device", ["torch", "--device", "cuda"]),
            (2, "--shape: found 'medium'", ["lrprop", "--shape", "medium"]),
            (2, "--shape: found '6,10,8,3,12,2,5,9'", ["lrprop", "--shape", "6,10,8,3,12,2,5,9"]),
            (2, "--threads: found 0", ["lrprop", "--threads", "0"]),
            (2, "--samples: found 3", ["io", "--preset", "order", "--samples", "3"]),
            (2, "--store", ["io", "--preset", "order", "--store", "a.h5"]),
            (10, "missing.h5", ["io", "--store", "missing.h5"]),
            (13, "nowhere", ["kernels", "--json", "nowhere/a.json"]),
        ):
            with self.subTest(arguments=arguments):
                finished = support.run(["dejavid_bench", *arguments], cwd=self.folder)
                self.assertEqual(finished.code, code, finished)
                self.assertEqual(len(finished.errors), 1, finished)
                self.assertIn(words, finished.errors[0])
                self.assertEqual(list(self.folder.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
