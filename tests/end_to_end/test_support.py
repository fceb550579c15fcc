"""What the tests stand on: the digest that hand-made stores carry, against the published values of XXH64, and jobs under a deadline."""

import sys
import time
import unittest
from pathlib import Path
from unittest import mock

from xxh64 import xxh64

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import jobs  # noqa: E402


class Digest(unittest.TestCase):
    def test_known_values(self):
        self.assertEqual(xxh64(b""), 0xEF46DB3751D8E999)
        self.assertEqual(xxh64(b"a"), 0xD24EC4F1A98C6E5B)
        self.assertEqual(xxh64(b"abc"), 0x44BC2CF5AD770999)
        self.assertEqual(xxh64(b"Nobody inspects the spammish repetition"), 0xFBCEA83C8A378BF1)


@mock.patch.object(jobs, "PATIENCE", 0.2)
class Jobs(unittest.TestCase):
    def assert_none_of(self, process):
        with mock.patch.object(jobs, "PATIENCE", 60):  # a killed process takes a moment to go
            self.assertEqual(jobs.left_behind(process), [])

    def test_code_and_outputs(self):
        finished = jobs.run(["sh", "-c", "echo found; echo error: none >&2; exit 7"])
        self.assertEqual((finished.code, finished.stdout, finished.errors), (7, "found\n", ["error: none"]))

    def test_a_process_left_behind_is_an_error_and_is_ended(self):
        process = jobs.start(["sh", "-c", "setsid sleep 100 > /dev/null 2>&1 & exit 0"])
        with self.assertRaisesRegex(AssertionError, r"processes \[\d+\] left behind"):
            jobs.finish(process, 60)
        self.assert_none_of(process)

    def test_a_stopped_process_left_behind_too(self):
        process = jobs.start(["sh", "-c", "setsid sh -c 'kill -STOP $$' > /dev/null 2>&1 & exit 3"])
        with self.assertRaisesRegex(AssertionError, "left behind"):
            jobs.finish(process, 60)
        self.assert_none_of(process)

    def test_a_helper_may_take_a_moment(self):
        with mock.patch.object(jobs, "PATIENCE", 60):
            self.assertEqual(jobs.run(["sh", "-c", "setsid sleep 0.5 > /dev/null 2>&1 & exit 4"]).code, 4)

    def test_a_late_job_is_an_error_and_is_ended(self):
        process = jobs.start(["sh", "-c", "echo begun; exec sleep 100"])
        begun = time.monotonic()
        with self.assertRaisesRegex(AssertionError, "(?s)still running after 0.5 s.*begun"):
            jobs.finish(process, 0.5)
        self.assertLess(time.monotonic() - begun, 60)
        self.assert_none_of(process)

    def test_as_a_program(self):
        program = [sys.executable, jobs.__file__]
        finished = jobs.run([*program, 60, "sh", "-c", "echo found; exit 7"])
        self.assertEqual((finished.code, finished.stdout), (7, "found\n"))
        late = jobs.run([*program, 0.5, "sleep", 100])
        self.assertEqual(late.code, 1)
        self.assertIn("still running after 0.5 s", late.stderr)


if __name__ == "__main__":
    unittest.main()
