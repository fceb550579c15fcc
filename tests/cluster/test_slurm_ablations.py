"""launch/ablations.sh --slurm under a real Slurm: an array of the runs that are missing, and a job after it that makes the tables."""

import re
import unittest

import slurm
from slurm_training import ONE_RANK
from slurm import support

SCRIPT = support.SOURCE / "launch" / "ablations.sh"


class Ablations(slurm.ClusterTest):
    def ablations(self, *arguments):
        words = ("--store", "set.h5", "--runs", "runs", "--seeds", 2, *arguments, "--train.epochs", 2)
        return self.cluster.call(SCRIPT, *words, "--slurm", " ".join(ONE_RANK), cwd=self.folder)

    def test_an_array_and_tables_after_it(self):
        shape = ("--preset", "hmdb51", "--classes", 4, "--samples", 40, "--val-samples", 20, "--features", 12)
        self.succeed(["dejavid_convert", "synthetic", *map(str, shape), "--progress", "off", "--out", "set.h5"])
        here = ("--store", "set.h5", "--runs", "runs", "--seeds", 1, "--tables", "4.3", "--ranks", 1, "--train.epochs", 2)
        self.cluster.call(SCRIPT, *here, cwd=self.folder)
        runs = self.folder / "runs"
        before = {file: file.stat().st_mtime_ns for file in runs.glob("*/summary.json")}
        self.assertEqual(len(before), 3)

        said = self.ablations("--tables", "4.2,4.3", "--json", "out.json")
        count, job = re.search(r"job \d+: an array of (\d+) runs; job (\d+) after it", said).groups()
        self.assertEqual(int(count), 2 * 7 - 3)
        shown = self.cluster.wait_for(job, timeout=180)
        output = (runs / f"tables-{job}.out").read_text()
        self.assertEqual(shown["ExitCode"], "0:0", output)
        after = {file: file.stat().st_mtime_ns for file in runs.glob("*/summary.json")}
        self.assertEqual(len(after), 2 * 7)
        self.assertEqual({file: after[file] for file in before}, before)
        self.assertIn("seed = 1", (runs / "frozen-weights-one-1" / "config.toml").read_text())
        self.assertIn("lr = 0.008", (runs / "frozen-weights-one-1" / "config.toml").read_text())  # of configs/hmdb51.toml, not of the script's third line
        self.assertEqual(output.count("\nTable 4."), 1, output)  # after the first, with which the output begins
        self.assertNotIn(" of 2 seeds", output)
        self.assertTrue((self.folder / "out.json").exists())

        # All is there: the tables at once, and no job.
        self.assertIn("Table 4.2, what is learned:", self.ablations("--tables", "4.2,4.3"))


if __name__ == "__main__":
    unittest.main()
