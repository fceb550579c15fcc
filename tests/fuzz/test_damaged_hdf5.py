"""Files over which the HDF5 library itself crashes: every program that reads one says so and leaves with 10 or 11."""

import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "end_to_end"))

from support import ProgramTest, make_set, options, run, write_store  # noqa: E402

FINDS = Path(__file__).resolve().parent / "finds"
STORE, MODEL = FINDS / "store" / "crash-1", FINDS / "model" / "crash-1"


class DamagedHdf5(ProgramTest):
    def assert_crash_reported(self, finished, code, file):
        """One line a rank that still came to print it."""
        self.assertEqual(finished.code, code, finished)
        self.assertGreaterEqual(len(finished.errors), 1, finished)
        self.assertEqual(len(set(finished.errors)), 1, finished)
        self.assertIn(f"error: {file}: found damaged HDF5: reading it crashed the HDF5 library (signal 11, SIGSEGV)", finished.errors[0])
        self.assertIn("; expected a sound ", finished.errors[0])

    def test_convert_reads_a_store(self):
        out = self.folder / "out.h5"
        good = write_store(self.folder / "good.h5", make_set())
        for arguments in (["info", STORE], ["merge", good, STORE, "--out", out], ["verify", STORE]):
            with self.subTest(arguments[0]):
                self.assert_crash_reported(run(["dejavid_convert", *arguments]), 10, STORE)
                self.assertFalse(out.exists())

    def test_verify_says_so_in_its_report(self):
        report = self.folder / "report.json"
        finished = run(["dejavid_convert", "verify", STORE, "--json", report])
        self.assertEqual(finished.code, 10, finished)
        found = json.loads(report.read_text())
        self.assertFalse(found["good"])
        self.assertEqual(found["problem_count"], 1)
        self.assertTrue(found["problems"][0].startswith(f"{STORE}: found damaged HDF5: "), found)

    def test_training_reads_a_store(self):
        for ranks in (None, 3):
            with self.subTest(ranks=ranks):
                arguments = ["dejavid_dist", "train", *options(data__store=STORE, run__dir=self.folder / f"run_{ranks}")]
                self.assert_crash_reported(run(arguments, ranks), 10, STORE)

    def test_evaluation_reads_a_model(self):
        good = write_store(self.folder / "good.h5", make_set())
        for ranks in (None, 3):
            with self.subTest(ranks=ranks):
                arguments = ["dejavid_dist", "eval", *options(model__init=MODEL, data__store=good)]
                self.assert_crash_reported(run(arguments, ranks), 11, MODEL)

    def test_resuming_reads_a_checkpoint(self):
        good = write_store(self.folder / "good.h5", make_set())
        arguments = options(data__store=good, run__dir=self.folder / "run", train__epochs=1, model__steps=4)
        self.succeed(["dejavid_dist", "train", *arguments])
        finished = run(["dejavid_dist", "train", *arguments, *options(run__resume=MODEL)])
        self.assert_crash_reported(finished, 11, MODEL)


if __name__ == "__main__":
    unittest.main()
