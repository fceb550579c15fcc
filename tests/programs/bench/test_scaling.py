"""What `dejavid_bench scaling` records on several ranks, what is made of it, and what `predict` says. How long anything took is nobody's
business here."""

import importlib.util
import json
import os
import sys
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "end_to_end"))

import support  # noqa: E402

REFERENCE = support.SOURCE.parent / "shared" / "tools" / "scaling_model.py"  # where there is one
FIELDS = {
    "part", "mode", "ranks", "hosts", "ranks_a_host", "threads", "device", "backend", "batch", "shape", "lengths", "steps_timed",
    "steps_left_out", "step_seconds", "samples_per_s", "phases_slowest", "phases_mean", "exposed_communication", "reduced_bytes",
    "bus_gb_per_s", "efficiency", "efficiency_of_hosts", "balance", "peak_bytes", "first_loss", "last_loss", "disturbed",
}  # fmt: skip
EMULATED = "../tests/dejavid_bench_emulated"
PHASES = {"read", "paths", "forward", "backward", "reduce", "update"}
COUNTS = {"strong": (1, 2, 3), "weak": (1, 3), "many": (3,)}  # of ranks
CLASSES, STEPS, FEATURES = 5, 8, 7  # of support.make_set, and of the model
PARAMETERS = CLASSES * STEPS * FEATURES
# Shape, GPUs: seconds of a step with all overlap and with none, as the reference has them.
GOLDEN = [
    ("hmdb51", 1, 0.0010101125152841034, 0.0010101125152841034),
    ("hmdb51", 8, 0.00019040198554221154, 0.0002513424582694843),
    ("hmdb51", 64, 0.00027567410135135136, 0.00030244994361474856),
    ("k400", 1, 0.00877137474858117, 0.00877137474858117),
    ("k400", 8, 0.0012219735369348212, 0.0014480608096620938),
    ("k400", 64, 0.000639721100240349, 0.000768426606474889),
    ("ssv2", 1, 0.01622760587942811, 0.01622760587942811),
    ("ssv2", 8, 0.0021755775312075833, 0.002497850403934856),
    ("ssv2", 64, 0.0008657485958009613, 0.0010934386472802684),
]


class Scaling(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.store = support.write_store(self.folder / "set.h5", support.make_set(17))  # 40 training samples

    def measure(self, mode, ranks, *more, code=0):
        out = self.folder / f"{mode}_{ranks}.json"
        arguments = ["dejavid_bench", "scaling", "--mode", mode, "--store", self.store, "--threads", "1", "--batch-size", "16"]
        finished = support.run([*arguments, "--rounds", "2", "--device", "cpu", "--json", out, *more], ranks, cwd=self.folder)
        self.assertEqual(finished.code, code, finished)
        return json.loads(out.read_text())["records"][0] if code == 0 else finished

    def test_every_mode_comes_to_the_losses_of_one_rank(self):
        runs = {(mode, ranks): self.measure(mode, ranks) for mode, counts in COUNTS.items() for ranks in counts}
        for (mode, ranks), run in runs.items():
            with self.subTest(mode=mode, ranks=ranks):
                self.assertLessEqual(FIELDS, set(run))
                self.assertEqual((run["part"], run["mode"], run["ranks"], run["hosts"], run["threads"]), ("scaling", mode, ranks, 1, 1))
                self.assertEqual(run["batch"], 16 if mode == "strong" else 16 * ranks)
                self.assertEqual((run["steps_timed"], run["steps_left_out"]), (6, 3))
                self.assertEqual(set(run["phases_slowest"]), PHASES)
                self.assertEqual(set(run["phases_mean"]), PHASES)
                for name in ("first_loss", "last_loss"):
                    self.assert_relative(run[name], runs["strong", 1][name], 1e-12, name)
                self.assertNotEqual(run["last_loss"], run["first_loss"])
                summed = mode != "many" and ranks > 1
                self.assertEqual(run["reduced_bytes"], 2 * 8 * PARAMETERS if summed else 0)
                self.assertEqual(run["bus_gb_per_s"] is not None, summed)
                self.assertEqual(run["exposed_communication"] is not None, summed)
                self.assertGreaterEqual(run["balance"], 1)
                self.assertEqual(run["balance"] > 1, mode == "strong" and ranks > 1)
                self.assertLess(run["balance"], 1.2)
                self.assertGreater(run["samples_per_s"], 0)
                lengths = run["lengths"]
                self.assertLessEqual(4, lengths["least"])
                self.assertLess(lengths["least"], lengths["mean"])
                self.assertLess(lengths["mean"], lengths["most"])
                self.assertLessEqual(lengths["most"], 16)

    def test_on_the_emulated_gpu(self):
        losses = []
        for ranks in (1, 2):
            out = self.folder / f"gpu_{ranks}.json"
            arguments = [EMULATED, "scaling", "--store", self.store, "--batch-size", "20", "--rounds", "1", "--device", "cuda", "--json", out]
            finished = support.run(arguments, ranks, cwd=self.folder)
            self.assertEqual(finished.code, 0, finished)
            (run,) = json.loads(out.read_text())["records"]
            self.assertEqual((run["device"], run["backend"]), ("cuda", "none" if ranks == 1 else "mpi"))
            self.assertEqual(run["reduced_bytes"], 0 if ranks == 1 else 2 * 4 * PARAMETERS)
            self.assertEqual("ranks share a GPU" in (run["disturbed"] or ""), ranks == 2)
            losses.append(run["last_loss"])
        self.assert_relative(losses[1], losses[0], 1e-6, "loss")

    def test_says_where_a_number_is_no_efficiency(self):
        cores = len(os.sched_getaffinity(0))
        shared = self.measure("strong", cores + 1)
        self.assertIn(f"{cores + 1} threads share {cores} cores", shared["disturbed"])
        self.assertIsNone(shared["efficiency"])
        idle = self.idle_ranks()
        self.assertIn("ranks have no work", idle["disturbed"])
        self.assertIsNone(idle["efficiency"])

    def idle_ranks(self):
        out = self.folder / "idle.json"
        arguments = ["dejavid_bench", "scaling", "--store", self.store, "--threads", "1", "--batch-size", "2", "--rounds", "1", "--json", out]
        finished = support.run(arguments, 3, cwd=self.folder)
        self.assertEqual(finished.code, 0, finished)
        self.assertIn("a batch of 2 samples leaves 1 of 3 ranks with nothing to do", finished.stderr)
        return json.loads(out.read_text())["records"][0]

    def test_efficiency_is_against_the_same_on_one_rank(self):
        one, two = self.measure("strong", 1), self.measure("strong", 2)
        quiet = {**one, "disturbed": None, "samples_per_s": 100.0}
        (self.folder / "one.json").write_text(json.dumps({"records": [quiet, {**quiet, "threads": 9, "samples_per_s": 1.0}]}))
        again = self.measure("strong", 2, "--baseline", self.folder / "one.json")
        if again["disturbed"] is None:
            self.assert_relative(again["efficiency"], again["samples_per_s"] / 2 / 100, 1e-9, "efficiency")
        else:
            self.assertIsNone(again["efficiency"])
        self.assertIsNone(two["efficiency"])
        finished = self.measure("strong", 2, "--baseline", self.store, code=2)
        self.assertEqual(len(finished.errors), 1, finished)
        self.assertIn("set.h5: found no records of scaling", finished.errors[0])

    def test_the_report(self):
        for ranks in (1, 2):
            self.measure("strong", ranks)
        self.measure("many", 2)
        finished = support.run(
            ["dejavid_bench", "predict", "--ranks", "1,2", "--measured", "strong_1.json", "strong_2.json", "--json", "model.json"],
            cwd=self.folder,
        )
        self.assertEqual(finished.code, 0, finished)
        command = [sys.executable, support.SOURCE / "launch" / "scaling_report.py", self.folder]
        finished = support.jobs.run(command)
        self.assertEqual(finished.code, 0, finished)
        rows = [line for line in (self.folder / "scaling.md").read_text().splitlines() if line.startswith("|")]
        self.assertEqual(len(rows), 2 + 3)
        self.assertEqual({row.count("|") for row in rows}, {18})
        texts = [node.text for node in xml.parse(self.folder / "scaling.svg").iter() if node.tag.endswith("text")]
        for wanted in ("strong: time of a step", "ideal", "model", "efficiency against one rank", "phases of the slowest rank", "reduce"):
            self.assertIn(wanted, texts)

        document = json.loads((self.folder / "strong_2.json").read_text())
        document["records"][0]["last_loss"] *= 1.001
        (self.folder / "strong_2.json").write_text(json.dumps(document))
        finished = support.jobs.run(command)
        self.assertEqual(finished.code, 1, finished)
        self.assertIn("losses differ: strong: last_loss", finished.stderr)

    def test_the_sweep_of_one_machine(self):
        out = self.folder / "out"
        environment = support.surroundings()
        environment["PATH"] = f"{support.BIN}:{environment['PATH']}"
        finished = support.jobs.run(
            [support.SOURCE / "launch" / "scaling.sh", "--ranks", "1 2", "--modes", "strong many", "--preset", "order", "--samples", "64",
             "--output", out, "--rounds", "1", "--batch-size", "32", "--device", "cpu"],
            environment=environment,
        )  # fmt: skip
        self.assertEqual(finished.code, 0, finished)
        names = {"set.h5", "strong_1.json", "strong_2.json", "many_1.json", "many_2.json", "model.json", "scaling.md", "scaling.svg"}
        self.assertEqual({file.name for file in out.iterdir()}, names)


class Predictions(support.ProgramTest):
    def predict(self, *arguments):
        self.succeed(["dejavid_bench", "predict", *arguments, "--json", "predicted.json"])
        return json.loads((self.folder / "predicted.json").read_text())["records"]

    def test_golden_numbers(self):
        for shape, data, overlapped, in_turn in GOLDEN:
            for expected, more in ((overlapped, ()), (in_turn, ("--no-overlap",))):
                (record,) = self.predict("--preset", shape, "--gpus", str(data), *more)
                self.assert_relative(record["step_seconds"], expected, 1e-12, record)
                self.assertEqual(record["mesh"], f"{data}x1")

    @unittest.skipUnless(REFERENCE.exists(), f"found no {REFERENCE.name} beside the project")
    def test_the_reference(self):
        spec = importlib.util.spec_from_file_location("scaling_model", REFERENCE)
        model = importlib.util.module_from_spec(spec)
        sys.modules["scaling_model"] = model
        spec.loader.exec_module(model)
        counts = (1, 2, 4, 8, 16, 32, 64, 128, 256)
        for shape in model.SHAPES.values():
            for overlap, more in ((True, ()), (False, ("--no-overlap",))):
                one = model.step(shape, 1, 1, overlap)
                for kind in ("data", "best"):
                    records = self.predict("--preset", shape.name, "--gpus", ",".join(map(str, counts)), "--mesh", kind, *more)
                    for count, record in zip(counts, records):
                        best = min((t, m) for m in model.meshes(count) if (t := model.step(shape, *m, overlap)) is not None)
                        mesh = (count, 1) if kind == "data" else best[1]
                        step, terms = model.step(shape, *mesh, overlap, 0, True)
                        self.assertEqual(record["mesh"], f"{mesh[0]}x{mesh[1]}")
                        self.assert_relative(record["step_seconds"], step, 1e-12, record)
                        self.assert_relative(record["efficiency"], one / step / count, 1e-12, record)
                        self.assert_relative(record["epoch_seconds"], -(-shape.samples // shape.B) * step, 1e-12, record)
                        self.assert_relative(record["gib_a_rank"], model.memory(shape, *mesh)[0], 1e-12, record)
                        names = dict(paths="paths", distances="dist", gradient="grad", update="update", gather="gather", reduce="reduce")
                        for ours, theirs in names.items():
                            self.assert_relative(record["terms"][ours], terms[theirs], 1e-12, ours)
        records = self.predict("--preset", "hmdb51", "--ranks", "1,2,16,32", "--rate", "2e10", "--bandwidth", "1e9")
        for record, ranks in zip(records, (1, 2, 16, 32)):
            shape, groups = model.SHAPES["hmdb51"], 24
            compute = shape.elements / 2e10 * 1.57 * max(groups * (r + 1) // ranks - groups * r // ranks for r in range(ranks)) / groups
            reduce = 0 if ranks == 1 else 50e-6 + 2 * (ranks - 1) / ranks * 16 * shape.P / 1e9
            self.assert_relative(record["step_seconds"], compute + reduce, 1e-12, record)

    def test_where_strong_scaling_ends_and_why(self):
        for shape, end in (("hmdb51", 4), ("k400", 16), ("ssv2", 16)):
            record = self.predict("--preset", shape, "--gpus", "1,8")[-1]
            self.assertEqual(record["strong_scaling_ends_at"], end)
        self.assertIn("sum of gradients", record["strong_scaling_ends_by"])

    def test_refusals(self):
        for arguments, words in (
            ((), "found neither or both of --gpus and --ranks"),
            (("--gpus", "0"), "--gpus: found 0"),
            (("--gpus", "512"), "found 512 with a batch of 384 samples"),
            (("--preset", "ucf101", "--gpus", "1"), 'found "ucf101"'),
            (("--ranks", "2"), "--ranks: found no rates"),
        ):
            finished = support.run(["dejavid_bench", "predict", *arguments])
            self.assertEqual((finished.code, len(finished.errors)), (2, 1), finished)
            self.assertIn(words, finished.errors[0])


if __name__ == "__main__":
    unittest.main()
