"""A rank that is late, stopped, killed or gone must end the whole job, with the code that says why and nobody left behind."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import jobs  # noqa: E402

PROGRAM = pathlib.Path(os.environ["DEJAVID_BIN"]).parent / "tests" / "dist_faults"
PATIENCE = 60  # seconds after which a job counts as hung; it takes one or two


def run(command, environment=None):
    """Returns (exit code, stderr). That no process is left behind is looked after."""
    finished = jobs.run(command, PATIENCE, environment={**os.environ, **(environment or {})})
    return finished.code, finished.stderr


def run_ranks(mode, timeout, ranks=3):
    return run(["mpirun", "--oversubscribe", "-np", str(ranks), PROGRAM, mode, str(timeout)])


class Faults(unittest.TestCase):
    def check(self, mode, timeout, expected_code):
        code, stderr = run_ranks(mode, timeout)
        self.assertEqual(code, expected_code, stderr)
        return stderr

    def check_timeout_message(self, stderr):
        line = next(line for line in stderr.splitlines() if line.startswith("error: "))
        self.assertRegex(line, r"^error: rank [02] on \S+: found no end of all_reduce \(100000 float64 values\) after \d+\.\d s; ")
        self.assertIn("expected every rank within 1 s", line)

    def test_all_well(self):
        self.assertEqual(self.check("none", 30, 0), "")

    def test_late_rank(self):
        self.check_timeout_message(self.check("late", 1, 14))

    def test_late_rank_and_the_session_left_by_the_exception(self):
        self.check_timeout_message(self.check("late-unwind", 1, 14))

    def test_late_rank_and_the_session_left_by_return(self):
        self.check_timeout_message(self.check("late-return", 1, 14))

    def test_a_failed_communicator_fails_the_same_way_again(self):
        self.assertIn("the same again", self.check("late-again", 1, 14))

    def test_stopped_rank(self):
        self.check_timeout_message(self.check("stop", 1, 14))

    # The deadline is far away: it is the launcher that ends the job.
    def test_rank_that_exits(self):
        self.check("exit", 1000, 3)

    def test_abort_with_a_code_that_launchers_would_change(self):
        self.check("abort", 1000, 1)

    def test_killed_rank(self):
        self.check("kill", 1000, 128 + 9)

    def test_exception_that_leaves_the_session_on_one_rank(self):
        stderr = self.check("throw", 1000, 1)
        self.assertIn("error: rank 1 leaves without a word", stderr)


class Singletons(unittest.TestCase):
    """Started without MPI's launcher while the environment promises several processes."""

    def check_refused(self, environment):
        code, stderr = run([PROGRAM, "none", "30"], environment)
        self.assertEqual(code, 2, stderr)
        self.assertRegex(stderr, r"error: launch: found an MPI world of 1 process while \S+ = 4; expected .*; start with `srun --mpi=pmix`")

    def test_srun_without_pmix(self):
        self.check_refused({"SLURM_STEP_ID": "0", "SLURM_PROCID": "2", "SLURM_STEP_NUM_TASKS": "4"})

    def test_mpirun_of_another_mpi(self):
        self.check_refused({"PMI_SIZE": "4"})

    def test_plain_start_inside_an_allocation(self):
        code, stderr = run([PROGRAM, "none", "30"], {"SLURM_NTASKS": "4", "SLURM_PROCID": "0"})
        self.assertEqual(code, 0, stderr)


if __name__ == "__main__":
    unittest.main()
