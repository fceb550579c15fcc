"""launch/ablations.sh on a small synthetic store: what each row trains, the tables, and what a second call makes."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import jobs  # noqa: E402

BIN = Path(os.environ.get("DEJAVID_BIN", ROOT / "build" / "cpu" / "bin"))
SCRIPT = ROOT / "launch" / "ablations.sh"
SURROUNDINGS = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "OMPI_MCA_mpi_yield_when_idle": "1"}
SEEDS = (0, 1)
# What the rows set of: start of the weights, learning them, learning centroids, diagonal steps, renewal of the frozen copy.
ROWS = {
    "full-one": ("one", "true", "true", "false", "epoch"),
    "full-random": ("random", "true", "true", "false", "epoch"),
    "frozen-weights-one": ("one", "false", "true", "false", "epoch"),
    "frozen-centroids-one": ("one", "true", "false", "false", "epoch"),
    "frozen-centroids-random": ("random", "true", "false", "false", "epoch"),
    "full-random-diagonal": ("random", "true", "true", "true", "epoch"),
    "full-random-refresh-batch": ("random", "true", "true", "false", "batch"),
}
# Lines of each table as they begin; top-1 of HMDB51, Kinetics-400 and SSv2 as the thesis prints them.
PUBLISHED = [
    ("the encoder by itself, on its own clips and crops", "88.1", "88.4", "76.7"),
    ("averaging over time, largest mean logit", "88.0", "88.1", "76.2"),
    ("averaging over time, nearest class mean",),
    ("frozen weights, all one", "88.3", "89.1", "77.1"),
    ("full learning, weights start at random", "88.6", "88.9", "77.2"),
    ("full learning, weights start at one", "88.6", "89.0", "77.0"),
    ("frozen centroids, weights start at random", "88.4", "88.6", "76.8"),
    ("frozen centroids, weights start at one", "88.4", "88.8", "76.9"),
    ("frozen weights, all one", "88.3", "89.1", "77.1"),
    ("full learning, weights start at random", "88.6", "88.9", "77.2"),
    ("full learning, weights start at one", "88.6", "89.0", "77.0"),
    ("diagonal steps", "88.5", "88.6", "77.0"),
    ("paths by the live parameters, no copy frozen for an epoch", "88.5", "89.0", "77.1"),
    ("neither", "88.6", "89.1", "77.2"),
]


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


class Ablations(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="dejavid-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.runs = self.folder / "runs"

    def store(self, validation=20, features=12):
        """Holds logits where there are more features than classes."""
        shape = ("--preset", "hmdb51", "--classes", 4, "--samples", 40, "--val-samples", validation, "--features", features)
        words = map(str, (BIN / "dejavid_convert", "synthetic", *shape, "--progress", "off", "--out", "set.h5"))
        subprocess.run(list(words), cwd=self.folder, check=True, capture_output=True)
        return self.folder / "set.h5"

    def start(self, *arguments, epochs=2, ranks=1, seeds=len(SEEDS)):
        words = (SCRIPT, "--store", "set.h5", "--runs", self.runs, "--seeds", seeds, "--ranks", ranks, *arguments, "--train.epochs", epochs)
        return jobs.start(words, cwd=self.folder, environment=SURROUNDINGS)

    def call(self, *arguments, code=0, **others):
        finished = jobs.finish(self.start(*arguments, **others), 120)
        self.assertEqual(finished.code, code, finished)
        return finished

    def summaries(self):
        return {file.parent.name: file.stat().st_mtime_ns for file in self.runs.glob("*/summary.json")}

    def read(self, run, name="summary.json"):
        return json.loads((self.runs / run / name).read_text())

    def test_three_tables(self):
        self.store()
        # Steps so large that the last epoch is not the best.
        finished = self.call("--json", "out.json", "--train.centroid_lr_ratio", 300, ranks=2)
        self.assertEqual(set(self.summaries()), {f"{row}-{seed}" for row in ROWS for seed in SEEDS})
        for row, (start, weights, centroids, diagonal, refresh) in ROWS.items():
            for seed in SEEDS:
                configuration = (self.runs / f"{row}-{seed}" / "config.toml").read_text().splitlines()
                for line in (f'weight_init = "{start}"', f"learn_weights = {weights}", f"learn_centroids = {centroids}", f"diagonal = {diagonal}",
                             f'refresh = "{refresh}"', f"seed = {seed}", "lr = 0.008"):
                    self.assertIn(line, configuration, row)
                self.assertEqual(self.read(f"{row}-{seed}", "environment.json")["world_size"], 2)

        lines = [cells(line) for line in finished.stdout.splitlines() if line.startswith("| ") and not line.startswith("| setting")]
        expected = [[name, *(f"0.{value.replace('.', '')}" for value in values), *[""] * (3 - len(values))] for name, *values in PUBLISHED]
        self.assertEqual([[line[0], *line[3:]] for line in lines], expected)
        self.assertEqual(lines[0][1], "needs the videos")
        self.assertEqual(lines[2][1], "not measured where the store holds logits")

        document = json.loads((self.folder / "out.json").read_text())
        self.assertEqual(len(document["records"]), len(lines))
        for record, line in zip(document["records"], lines):
            if record["run"]:
                last, best = ([self.read(f"{record['run']}-{seed}")[which]["val_top1"] for seed in SEEDS] for which in ("last", "best"))
                self.assertEqual((record["top1"], record["best_top1"], record["seeds"]), (last, best, list(SEEDS)))
                self.assertTrue(line[1].startswith(f"{sum(last) / 2 + 1e-9:.3f} ({min(last):.3f} to {max(last):.3f}"), line)
                self.assertTrue(line[2].startswith(f"{sum(best) / 2 + 1e-9:.3f} ("), line)
        self.assertTrue(any(record.get("top1") != record.get("best_top1") for record in document["records"] if record["run"]))
        self.assertIn("What Table 4.3 changes: set: full learning, weights start at random;", finished.stdout)
        self.assertIn("on set: 20 val samples of 4 classes.", finished.stdout)
        supersampling = json.loads((self.runs / "full-random-0-model.json").read_text())["supersampling_top1"]
        self.assertEqual(lines[1][1], f"{supersampling:.3f}")
        self.assertEqual(document["settings"]["train.epochs"], 2)
        self.assertNotIn(str(self.folder), json.dumps(document))

    def test_a_store_without_logits_is_averaged_by_class_means(self):
        self.store(features=3)
        lines = [cells(line) for line in self.call("--tables", "4.1", seeds=1).stdout.splitlines() if line.startswith("| averaging")]
        self.assertEqual(lines[0][1], "the store holds no logits")
        self.assertEqual(lines[1][1], f"{json.loads((self.runs / 'full-one-0-model.json').read_text())['class_means_top1']:.3f}")

    def test_a_second_call_makes_what_is_missing(self):
        self.store()
        self.call("--tables", "4.3", seeds=1)
        before = self.summaries()
        self.assertEqual(len(before), 3)
        listed = self.call("--dry-run").stdout.splitlines()
        self.assertEqual(sum(line.startswith("finished") for line in listed), 3)
        self.assertEqual(sum(line.startswith("to make") for line in listed), 2 * len(ROWS) - 3)
        self.assertEqual(self.summaries(), before)
        self.assertIn("1 of 2 seeds", self.call("--report").stdout)
        self.assertEqual(self.summaries(), before)
        self.call()
        self.assertEqual(len(self.summaries()), 2 * len(ROWS))
        self.assertEqual({run: self.summaries()[run] for run in before}, before)

    def test_other_settings_and_stores_are_refused(self):
        store = self.store()
        self.call("--tables", "4.3", seeds=1)
        before = self.summaries()
        refused = self.call(epochs=3, code=2).stderr.splitlines()
        self.assertEqual(len(refused), 1)
        self.assertRegex(refused[0], r"found a run with train.epochs = 2; expected 3; give another --runs")
        self.assertEqual(len(self.call("--train.epocs", 3, code=2).stderr.splitlines()), 1)
        self.assertEqual(len(self.call("--train.seed", 3, code=2).stderr.splitlines()), 1)
        os.utime(store)
        self.assertRegex(self.call(code=2).stderr, rf"found a run older than {store}; expected one of this store")
        self.assertEqual(self.summaries(), before)

    def wait_for_a_run_under_way(self, process, after=1):
        """Until `after` runs are finished and another has made a checkpoint; their names."""
        until = time.monotonic() + 60
        while time.monotonic() < until and process.poll() is None:
            found = {file.parent.name: json.loads(file.read_text())["exit_reason"] for file in self.runs.glob("*/summary.json")}
            finished = [run for run, reason in found.items() if reason == "done"]
            under_way = [run for run, reason in found.items() if reason == "running"]
            if len(finished) >= after and under_way:
                return finished, under_way[0]
            time.sleep(0.01)
        raise AssertionError(f"no run under way: {jobs.finish(process, 1)}")

    def test_killed_and_called_again(self):
        self.store()
        process = self.start("--tables", "4.3", epochs=400, seeds=1)
        finished, under_way = self.wait_for_a_run_under_way(process)
        for number in jobs.processes_of(process):
            os.kill(number, signal.SIGKILL)
        process.communicate()
        before = self.summaries()
        self.assertLess(len(finished), 3)
        said = self.call("--tables", "4.3", epochs=400, seeds=1).stderr
        self.assertIn(under_way, said)
        for run in finished:
            self.assertEqual(self.summaries()[run], before[run])
            self.assertNotIn(f" {run}:", said)
        epochs = [json.loads(line)["epoch"] for line in (self.runs / under_way / "metrics.jsonl").read_text().splitlines() if '"epoch",' in line]
        self.assertEqual(epochs, list(range(400)))
        self.assertIn("resuming", "".join(file.read_text() for file in (self.runs / under_way / "logs").iterdir()))

    def test_asked_to_stop(self):
        self.store()
        process = self.start("--tables", "4.3", epochs=400, seeds=1)
        _, under_way = self.wait_for_a_run_under_way(process, after=0)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(jobs.finish(process, 60).code, 75)
        self.assertEqual(self.read(under_way)["exit_code"], 75)

    def test_a_run_that_fails_leaves_the_others(self):
        self.store()
        self.runs.mkdir()
        (self.runs / "full-random-diagonal-0").write_text("not a folder")
        finished = self.call("--tables", "4.3", code=13)
        self.assertIn("full-random-diagonal-0: exit code 13: error: ", finished.stderr)
        lines = [cells(line) for line in finished.stdout.splitlines() if line.startswith("| ")]
        self.assertTrue(lines[1][1].endswith(", 1 of 2 seeds"), lines[1])
        self.assertNotIn("seeds", lines[2][1])

    def test_a_store_without_validation_is_refused(self):
        self.store(validation=0)
        self.assertRegex(self.call("--tables", "4.3", code=10).stderr, "found no validation; expected a store with val or test samples")


if __name__ == "__main__":
    unittest.main()
