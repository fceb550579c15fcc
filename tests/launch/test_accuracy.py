"""launch/accuracy.sh on two small sets: its numbers are the programs', finished runs are kept, stopped ones go on, others are never mixed in."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import h5py
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import jobs  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ["DEJAVID_BIN"])
SETTINGS = "--model.steps 4 --train.batch_size 8 --train.epochs 3"


def program(name, *words):
    subprocess.run([str(BIN / name), *map(str, words)], check=True, capture_output=True)


class Accuracy(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        for seed, name in enumerate(("first", "second")):
            program("dejavid_convert", "synthetic", "--preset", "order", "--samples", 48, "--val-samples", 24, "--seed", seed, "--out", self.folder / f"{name}.h5")
        (self.folder / "published.csv").write_text("# of nobody\ndataset,classifier,accuracy\nfirst,HC2,0.5\nfirst,other,1\nsecond,HC2,0.75\n")

    def start(self, *words, settings=SETTINGS, runs="runs", python="/no/python", sets=("first.h5", "other=second.h5")):
        command = [ROOT / "launch" / "accuracy.sh", "--runs", runs, "--seeds", 2, "--settings", settings, "--python", python,
                   "--published", "published.csv", *words, *sets]
        surroundings = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "OMPI_MCA_mpi_yield_when_idle": "1"}
        return jobs.start(command, cwd=self.folder, environment=surroundings)

    def measure(self, *words, **others):
        """Exit code, what was printed, and the JSON."""
        done = jobs.finish(self.start(*words, **others), 120)
        found = self.folder / others.get("runs", "runs") / "accuracy.json"
        return done, json.loads(found.read_text()) if found.exists() else None

    def times(self):
        return {path: path.stat().st_mtime_ns for path in self.folder.glob("runs/*/seed-?/model.h5")}

    def test_numbers_are_those_of_the_programs(self):
        done, found = self.measure()
        self.assertEqual(done.code, 0, done)
        self.assertEqual([record["name"] for record in found["records"]], ["first", "other"])
        for record, name, published in zip(found["records"], ("first", "second"), ({"HC2": 0.5}, {})):
            self.assertEqual((record["samples"], record["split"], record["published"]), (24, "val", published))
            out, store = self.folder / "expected.json", self.folder / f"{name}.h5"
            for seed in range(2):
                program("dejavid_dist", "eval", "--model.init", self.folder / "runs" / record["name"] / f"seed-{seed}" / "model.h5", "--data.store", store, "--json", out)
                self.assertEqual(json.loads(out.read_text())["top1"], record["top1"][seed])
                self.assertEqual(json.loads(out.read_text())["supersampling_top1"], record["averaging_top1"])
            program("dejavid_dist", "neighbours", "--data.store", store, "--json", out)
            self.assertEqual([json.loads(out.read_text())["top1"]], record["neighbours"]["top1"])
            self.assertIn("\nseed = 1\n", (self.folder / "runs" / record["name"] / "seed-1" / "config.toml").read_text())
        classifiers = found["comparison"]["classifiers"]
        self.assertEqual(list(classifiers), ["DejaVid", "averaging over time", "1NN-DTW", "HC2"])
        self.assertEqual(found["comparison"]["sets"], ["first"])
        self.assertEqual(sum(one["average_rank"] for one in classifiers.values()), 1 + 2 + 3 + 4)
        self.assertIn("MiniRocket was not run: /no/python: No such file or directory\n", done.stdout)
        self.assertIn("| first | 24 | ", done.stdout)
        self.assertEqual(done.stdout, (self.folder / "runs" / "accuracy.md").read_text())

        made = self.times()
        self.assertEqual(len(made), 4)
        again, same = self.measure()
        self.assertEqual((again.code, same, self.times()), (0, found, made))

        for words, others in ((["--ranks", "1"], {}), ([], {"settings": "--train.epochs 4"}), (["--config", ROOT / "configs" / "order.toml"], {})):
            refused, same = self.measure(*words, **others)
            self.assertEqual((refused.code, len(refused.stderr.splitlines()), same, self.times()), (2, 1, found, made), refused)
            self.assertIn("runs/first: found runs that were made otherwise", refused.stderr)

    def test_a_stopped_run_goes_on(self):
        settings = SETTINGS.replace("epochs 3", "epochs 300")
        process = self.start(settings=settings, sets=["first.h5"])
        until = time.monotonic() + 60
        while not list(self.folder.glob("runs/first/seed-0/checkpoints/*.h5")) and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGTERM)
        stopped = jobs.finish(process, 60)
        self.assertEqual(stopped.code, 130, stopped)
        self.assertIn("the same command goes on", stopped.stderr)
        self.assertFalse((self.folder / "runs" / "first" / "seed-0.json").exists())
        done, found = self.measure(settings=settings, sets=["first.h5"])
        self.assertEqual(done.code, 0, done)
        self.assertIn("first, seed 0: goes on", done.stderr)
        self.assertIn("resuming", (self.folder / "runs" / "first" / "seed-0.log").read_text())
        self.assertIsNone(found["records"][0]["wall_seconds"][0])
        _, unbroken = self.measure(settings=settings, sets=["first.h5"], runs="unbroken")
        self.assertEqual([record["top1"] for record in found["records"]], [record["top1"] for record in unbroken["records"]])

    def spoil(self, judged):
        """Makes the samples of that split unreadable: their content is not what their digests say."""
        with h5py.File(self.folder / "first.h5", "r+") as store:
            for n in np.flatnonzero(store["split"][:] == judged):
                store["features"][store["offsets"][n]] += 1

    def test_validation_with_the_val_split_of_a_store_looks_at_no_test_sample(self):
        with h5py.File(self.folder / "first.h5", "r+") as store:
            store["split"][-12:] = 2
            del store.attrs["index_digest"]
        self.spoil(2)
        done, found = self.measure("--validation", sets=["first.h5"])
        self.assertEqual(done.code, 0, done)
        record = found["records"][0]
        self.assertEqual((record["split"], record["samples"], record["published"]), ("val", 12, {}))
        refused, _ = self.measure(sets=["first.h5"])
        self.assertIn("validation True, now False", refused.stderr)
        done, _ = self.measure(sets=["first.h5"], runs="others")  # this does look at them
        self.assertIn("digest", done.stderr)

    def test_validation_holds_a_third_of_training_out_and_looks_at_nothing_else(self):
        keys = subprocess.run([BIN / "dejavid_dist", "train", "--help"], capture_output=True, text=True, check=True).stdout
        if "data.holdout" not in keys:
            self.skipTest("dejavid_dist has no data.holdout")
        self.spoil(1)  # of 8 training samples a class 3 are held out
        done, found = self.measure("--validation", "--python", sys.executable, sets=["first.h5"])
        self.assertEqual(done.code, 0, done)
        record = found["records"][0]
        self.assertEqual((record["split"], record["samples"], record["published"]), ("holdout", 18, {}))
        self.assertEqual(len(record["neighbours"]["top1"]), 2)
        self.assertEqual(done.stdout.count("was not run"), 1)

    def test_what_fails_is_said_in_one_line(self):
        done, _ = self.measure(settings="--train.epochs none")
        self.assertEqual((done.code, len(done.stderr.splitlines())), (2, 2), done)
        self.assertIn("train.epochs", done.stderr.splitlines()[-1])
        (self.folder / "bad.toml").write_text("[train")
        for words, named in ((["--config", "no.toml"], "no.toml"), (["--config", "bad.toml"], "bad.toml"), (["--published", "no.csv"], "no.csv"), (["first.h5"], "name twice"), (["../outside=second.h5"], "../outside")):
            done, _ = self.measure(*words)
            self.assertEqual((done.code, len(done.stderr.splitlines())), (2, 1), done)
            self.assertIn(named, done.stderr)
        (self.folder / "second.h5").unlink()
        done, _ = self.measure()
        self.assertEqual((done.code, len(done.stderr.splitlines())), (2, 1), done)
        self.assertIn("second.h5: found no such file", done.stderr)


if __name__ == "__main__":
    unittest.main()
