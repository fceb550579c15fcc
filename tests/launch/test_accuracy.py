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
WITH_SCIKIT_LEARN = ROOT / ".venv-python" / "bin" / "python"


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
        for name in ("SVM on the average", "SVM on 4 segment averages", "MiniRocket"):
            self.assertIn(f"{name} was not run: /no/python: No such file or directory\n", done.stdout)
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
        self.assertEqual(done.stdout.count("MiniRocket was not run"), 1)

    def require_scikit_learn(self):
        found = subprocess.run([WITH_SCIKIT_LEARN, "-c", "import sklearn, h5py"], capture_output=True, check=False) if WITH_SCIKIT_LEARN.exists() else None
        if not found or found.returncode:
            self.skipTest("found no scikit-learn and h5py in .venv-python; run launch/install.sh --python")

    def add_to_averages(self, path, offset):
        """Averages tell classes from then on."""
        with h5py.File(path, "r+") as store:
            for n, label in enumerate(store["labels"][:]):
                begin, end = store["offsets"][n : n + 2]
                store["features"][begin:end] += offset * label

    def test_svms_on_averages_are_added_and_nothing_else_changes(self):
        self.require_scikit_learn()
        _, before = self.measure(sets=["first.h5"])
        out = self.folder / "runs" / "accuracy.json"
        made = self.times()
        add = lambda *words, **others: self.measure("--json", out, "--add", *words, **{"sets": ["first.h5"], **others})  # noqa: E731
        refused, same = add()
        self.assertEqual((refused.code, len(refused.stderr.splitlines()), same), (2, 1, before), refused)
        self.assertIn("SVM on the average: /no/python", refused.stderr)
        before["records"][0]["minirocket"] = {"top1": [0.5, 0.75], "seconds": [1, 1]}  # of an earlier day, another Python
        out.write_text(json.dumps(before))
        refused, same = add(python=WITH_SCIKIT_LEARN, sets=["first.h5", "second.h5"])
        self.assertEqual((refused.code, same), (2, before), refused)
        self.assertIn("SET: found first, second; expected those of", refused.stderr)
        before["records"][0]["samples"] += 1
        out.write_text(json.dumps(before))
        refused, same = add(python=WITH_SCIKIT_LEARN)
        self.assertEqual((refused.code, same), (2, before), refused)
        self.assertIn("first.h5: found 24 val samples; expected 25 val samples", refused.stderr)
        before["records"][0]["samples"] -= 1
        out.write_text(json.dumps(before))

        done, found = add(python=WITH_SCIKIT_LEARN)
        self.assertEqual((done.code, self.times()), (0, made), done)
        new = {name: found["records"][0].pop(name) for name in ("svm", "svm_segments")}
        old = {name: value for name, value in before["records"][0].items() if name not in new}
        self.assertEqual((found["machine"], found["records"][0]), (before["machine"], old))
        (added,) = found["added"]
        self.assertEqual(added["what"], ["SVM on the average", "SVM on 4 segment averages"])
        self.assertIn("--add", added["command_line"])
        self.assertEqual(found["not_run"], {"minirocket": before["not_run"]["minirocket"]})
        self.assertEqual([len(one["top1"]) for one in new.values()], [1, 1])
        self.assertIn("| SVM on the average |", done.stdout)
        self.assertEqual(found["comparison"]["classifiers"]["SVM on 4 segment averages"]["mean_top1"], new["svm_segments"]["top1"][0])

        again, same = add(python=WITH_SCIKIT_LEARN)  # nothing is lacking
        self.assertEqual((again.code, same["added"]), (0, found["added"]), again)
        wrong, _ = self.measure("--add", sets=["first.h5"])
        self.assertEqual((wrong.code, len(wrong.stderr.splitlines())), (2, 1), wrong)

    def svm(self, *words, segments=1, split=1, seeds=1):
        out = self.folder / "svm.json"
        subprocess.run([str(word) for word in (WITH_SCIKIT_LEARN, ROOT / "launch" / "averages.py", self.folder / "first.h5", out, "--segments", segments,
                        "--split", split, "--seeds", seeds, "--threads", 1, *words)], check=True, capture_output=True)
        return json.loads(out.read_text())

    def test_an_svm_reads_averages_and_no_order(self):
        self.require_scikit_learn()
        # The classes are orders of the same events: their averages are alike, those of their parts are not.
        self.assertLess(self.svm()["top1"][0], 0.5)
        self.assertGreater(self.svm(segments=4)["top1"][0], 0.7)
        self.add_to_averages(self.folder / "first.h5", 2.0)
        self.assertEqual(self.svm()["top1"], [1.0])

    def test_an_svm_sees_no_label_of_the_judged(self):
        self.require_scikit_learn()
        expected = self.svm(segments=4)
        with h5py.File(self.folder / "first.h5", "r+") as store:
            labels, split = store["labels"][:], store["split"][:]
            labels[split == 1] = (labels[split == 1] + 1) % 6
            store["labels"][...] = labels
        found = self.svm(segments=4)
        self.assertEqual(found["C"], expected["C"])
        self.assertGreater(expected["top1"][0], 0.7)
        self.assertLess(found["top1"][0], 0.3)
        with h5py.File(self.folder / "first.h5") as store:
            ids = [name.decode() for name in store["ids"][:][store["split"][:] == 0]]
        held_out = ids[18:36]  # three samples of each class
        (self.folder / "held.csv").write_text("id\n" + "\n".join(held_out) + "\n")
        held = self.svm("--held-out", self.folder / "held.csv", self.folder / "held.csv", segments=4, seeds=2)
        self.assertEqual((held["samples"], len(held["top1"]), held["top1"][0]), (18, 2, held["top1"][1]))
        self.assertGreater(held["top1"][0], 0.7)

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
