"""A collective on the GPU that hangs or fails must end the whole job, with the code that says why and nobody left behind."""

import os
import pathlib
import unittest

from test_faults import UNAWARE, errors, run

PROGRAM = pathlib.Path(os.environ["DEJAVID_BIN"]).parent / "tests" / "device_faults"
FAR = 1000  # seconds: a deadline that no test comes to


class DeviceFaults(unittest.TestCase):
    def check(self, expected_code, mode="none", fault="", timeout=FAR, grace=FAR, ranks=3, devices=3, delay=0, shell=()):
        environment = {
            "DEJAVID_SHIM_DEVICES": str(devices),
            "DEJAVID_NCCL_FAULT": fault,
            "DEJAVID_NCCL_DELAY_MS": str(delay),
        }
        launcher = ["mpirun", "--oversubscribe", "-np", str(ranks)] if ranks else []
        code, stderr = run([*launcher, *shell, PROGRAM, mode, str(timeout), str(grace)], environment)
        self.assertEqual(code, expected_code, stderr)
        return stderr

    def check_timeout_line(self, stderr):
        for line in errors(stderr):
            self.assertRegex(line, r"^error: rank \d on \S+: found no end of all_reduce number 2 \(1000 float32 values, step 1\) after \d+\.\d s; ")
            self.assertIn("expected every rank within 1 s; look for a stopped, lost or overloaded rank", line)
        self.assertTrue(errors(stderr), stderr)

    def test_all_well(self):
        for ranks in (None, 1, 3):
            self.assertEqual(self.check(0, ranks=ranks), "")

    def test_slow_collectives(self):
        self.assertEqual(self.check(0, delay=300), "")

    # The collective itself.
    def test_a_collective_that_never_ends_anywhere(self):
        stderr = self.check(14, fault="stuck::2", timeout=1)
        self.check_timeout_line(stderr)
        self.assertIn("freed", stderr)
        self.assertIn("the same again", stderr)

    def test_a_collective_that_never_ends_on_one_rank(self):
        self.check_timeout_line(self.check(14, fault="stuck:1:2", timeout=1))

    def test_one_rank_alone(self):
        self.check_timeout_line(self.check(14, fault="stuck::2", timeout=1, ranks=None))

    def test_an_error_of_the_library_on_one_rank(self):
        stderr = self.check(15, fault="error:1:2")
        line = errors(stderr)[0]
        self.assertRegex(
            line,
            r"^error: rank 1 on \S+: found NCCL error 6 \(remote process exited or there was a network error\) "
            r"during all_reduce number 2 \(1000 float32 values, step 1\); expected every rank to be there; ",
        )
        self.assertIn("freed", stderr)

    # The call that puts it on its stream.
    def test_a_call_that_stays_in_progress(self):
        self.check_timeout_line(self.check(14, fault="late-call:1:2", timeout=1))

    def test_a_call_that_never_returns(self):
        stderr = self.check(14, fault="stuck-call::2", timeout=0.5, grace=0.5)
        self.assertRegex(errors(stderr)[0], r"rank \d on \S+: found no return from ncclAllReduce after 1\.0 s; expected one")

    # A rank.
    def test_a_stopped_rank(self):
        self.check_timeout_line(self.check(14, mode="stop", timeout=1))

    def test_a_process_that_was_suspended_blames_nobody(self):
        """It stands still for 2 s of the 2.8 s that a collective takes."""
        self.assertEqual(self.check(0, mode="pause", timeout=1.8, ranks=None), "")

    def test_a_killed_rank(self):
        self.check(128 + 9, mode="kill")

    def test_a_killed_rank_that_the_launcher_does_not_miss(self):
        line = errors(self.check(15, mode="kill", shell=UNAWARE))[0]
        self.assertRegex(line, r"found rank 1 \(process \d+ on \S+\) gone during all_reduce number 2 \(1000 float32 values, step 1\)")

    def test_a_rank_that_exits(self):
        self.check(3, mode="exit")

    def test_a_rank_that_throws(self):
        self.assertIn("error: rank 1 leaves without a word", self.check(1, mode="throw"))

    # The host thread does not look.
    def test_a_host_thread_in_a_call_that_never_returns(self):
        self.check_timeout_line(self.check(14, mode="block", fault="stuck::2", timeout=1, grace=1))

    def test_an_error_while_the_host_thread_is_in_such_a_call(self):
        stderr = self.check(15, mode="block", fault="error:1:2", grace=1)
        self.assertIn("found NCCL error 6", errors(stderr)[0])

    def test_a_host_thread_that_notices_and_then_does_nothing(self):
        self.check_timeout_line(self.check(14, mode="linger", fault="stuck::2", timeout=1, grace=1))

    # Giving up.
    def test_memory_can_be_freed_after_an_abort(self):
        stderr = self.check(0, mode="abort", fault="stuck::2", ranks=2)
        self.assertEqual(stderr.count("freed"), 2, stderr)
        self.assertEqual(stderr.count("given up by abort()"), 2, stderr)

    def test_an_abort_that_never_returns(self):
        stderr = self.check(14, mode="abort", fault="stuck::2,stuck-abort", grace=1)
        self.assertIn("found no return from ncclCommAbort after 1.0 s", errors(stderr)[0])

    # Setting up.
    def test_a_setup_refused_on_every_rank(self):
        for line in errors(self.check(2, fault="refuse-init")):
            self.assertRegex(line, r"rank \d on \S+: found NCCL error 2 \(unhandled system error: refused as asked for\) in ncclCommInitRankConfig; expected NCCL 2\.28\.9")

    def test_a_setup_refused_on_one_rank(self):
        self.assertIn("rank 1 on", errors(self.check(2, fault="refuse-init:1"))[0])

    def test_no_id(self):
        self.assertIn("ncclGetUniqueId on rank 0", errors(self.check(2, fault="refuse-id"))[0])

    def test_a_setup_that_never_ends(self):
        self.assertIn("found no end of NCCL's set-up after 1 s", self.check(14, fault="stuck-init:1", timeout=1))

    def test_ranks_on_one_gpu(self):
        for line in errors(self.check(2, devices=1)):
            self.assertRegex(line, r"^error: dist.backend: found ranks 0 and 1 on one GPU \(\S+ on \S+\); expected a GPU for every rank")


if __name__ == "__main__":
    unittest.main()
