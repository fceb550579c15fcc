"""A rank that is late, stopped, killed or gone must end the whole job, with the code that says why and nobody left behind."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import jobs  # noqa: E402

PROGRAM = pathlib.Path(os.environ["DEJAVID_BIN"]).parent / "tests" / "dist_faults"
# A shell between mpirun and each rank that outlives it, so that mpirun misses nobody.
UNAWARE = ["sh", "-c", '"$0" "$@" & wait $!; code=$?; [ $code -lt 128 ] || exec sleep 1000; exit $code']
PATIENCE = 60  # seconds after which a job counts as hung; it takes one or two


def run(command, environment=None):
    """Returns (exit code, stderr). That no process is left behind is looked after."""
    finished = jobs.run(command, PATIENCE, environment={**os.environ, **(environment or {})})
    return finished.code, finished.stderr


def run_ranks(mode, timeout, ranks=3, call="", shell=()):
    return run(["mpirun", "--oversubscribe", "-np", str(ranks), *shell, PROGRAM, mode, str(timeout), call])


def errors(stderr):
    return [line for line in stderr.splitlines() if line.startswith("error: ")]


class Faults(unittest.TestCase):
    def check(self, mode, timeout, expected_code, **others):
        code, stderr = run_ranks(mode, timeout, **others)
        self.assertEqual(code, expected_code, stderr)
        return stderr

    def check_timeout_message(self, stderr):
        line = errors(stderr)[0]
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
        stderr = self.check("stop", 1, 14)
        self.check_timeout_message(stderr)
        self.assertRegex(errors(stderr)[0], r"; rank 1 \(process \d+ on \S+\) is stopped")

    # The deadline is far away and the launcher notices nothing.
    def test_lost_rank(self):
        for ranks in (3, 2):
            lines = errors(self.check("kill", 1000, 15, ranks=ranks, shell=UNAWARE))
            for line in lines:
                self.assertRegex(
                    line,
                    r"^error: rank [02] on (\S+): found rank 1 \(process \d+ on \1\) gone during all_reduce "
                    r"\(100000 float64 values\) after \d\.\d s; expected every rank to be there until the end; "
                    r"see what it reported and whether the host ran out of memory, then start again with --run.resume auto$",
                )
            self.assertTrue(lines)

    def test_ranks_that_leave_one_by_one_are_not_lost(self):
        self.assertEqual(self.check("slow", 1000, 0), "")

    # Something hangs while a rank that has noticed is on its way out.
    def test_a_thread_that_does_not_end(self):
        self.check_timeout_message(self.check("late-reader", 1, 14))

    def test_an_abort_that_never_returns(self):
        self.check_timeout_message(self.check("late-abort", 1, 14))

    # Calls into MPI that cannot be polled.
    def check_call(self, call, mode="stop", timeout=3, **others):
        lines = errors(self.check(mode, timeout, 14, call=call, **others))
        who = "02" if mode == "stop" else "012"
        for line in lines:
            self.assertRegex(
                line,
                rf"^error: rank [{who}] on \S+: found no return from {call} after {timeout}\.0 s; expected one, or an error; "
                r"look for a stopped, lost or overloaded rank, or raise dist.timeout_s$",
            )
        self.assertTrue(lines)

    # A stopped rank would be woken by mpirun only to find it leaving, over which mpirun itself hangs or crashes at times.
    def test_a_rank_late_on_its_way_into_mpi(self):
        self.check_call("MPI_Init_thread", mode="late")

    def test_a_rank_that_never_comes_to_mpi(self):
        launcher = ["mpirun", "--oversubscribe", "-np", "2"]
        code, stderr = run([*launcher, PROGRAM, "none", "1", "MPI_Init_thread", ":", "-np", "1", "sleep", "1000"])
        self.assertEqual(code, 14, stderr)
        self.assertRegex(errors(stderr)[0], r"rank [01] on \S+: found no return from MPI_Init_thread after 1\.0 s")

    def test_a_rank_stopped_while_the_communicator_is_made(self):
        lines = errors(self.check("stop", 1, 14, call="MPI_Comm_idup"))
        self.assertRegex(lines[0], r"rank [02] on \S+: found no end of communicator setup after \d\.\d s; expected every rank")

    def test_a_rank_stopped_on_its_way_to_its_neighbours(self):
        self.check_call("MPI_Comm_split_type")

    def test_a_rank_stopped_on_its_way_out_of_mpi(self):
        for ranks in (3, 2):  # all must come into MPI within the same time
            self.check_call("MPI_Finalize", timeout=8, ranks=ranks)

    def test_a_rank_killed_on_its_way_out_of_mpi(self):
        self.check("kill", 1000, 128 + 9, call="MPI_Finalize")

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
