"""The program that users run, when one of its ranks is stopped, killed or does not come."""

import os
import signal
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "end_to_end"))

import support  # noqa: E402
from support import jobs  # noqa: E402
from test_faults import UNAWARE  # noqa: E402

RANKS = 3
FAR = 1000  # seconds: a deadline that no test comes to


def process_of(job, rank):
    """The process of a rank."""
    for process in jobs.processes_of(job):
        folder = Path("/proc", str(process))
        marks = (folder / "environ").read_bytes().split(b"\0")
        if f"OMPI_COMM_WORLD_RANK={rank}".encode() in marks and (folder / "comm").read_text() == "dejavid_dist\n":
            return process
    raise AssertionError(f"no process of rank {rank}")


class LostRanks(support.ProgramTest):
    def strike(self, number, rank, timeout, shell=()):
        """Trains without end, sends a rank a signal when a few steps are done, and returns what has finished."""
        store = support.write_store(self.folder / "set.h5", support.make_set(3))
        run_dir = self.folder / f"training_{rank}"
        settings = support.options(
            data__store=store, run__dir=run_dir, run__progress="off", train__epochs=100_000, dist__timeout_s=timeout
        )
        program = support.command_line(["dejavid_dist", "train", *settings])
        launcher = ["mpirun", "--oversubscribe", "-np", str(RANKS), *shell]
        job = jobs.start([*launcher, *program], environment=support.surroundings())
        self.wait_for_steps(run_dir / "metrics.jsonl", job)
        os.kill(process_of(job, rank), number)
        return support.finish(job, 60)

    def wait_for_steps(self, metrics, job):
        until = time.monotonic() + 60
        while time.monotonic() < until and job.poll() is None:
            if metrics.exists() and metrics.read_text().count('"step",') >= 5:
                return
            time.sleep(0.02)
        self.fail(f"no steps: {support.finish(job, 1)}")

    def test_a_stopped_rank(self):
        finished = self.strike(signal.SIGSTOP, 0, timeout=5)
        self.assertEqual(finished.code, 14, finished)
        self.assertRegex(
            finished.errors[0],
            r"error: rank [12] on \S+: found no end of .*; expected every rank within 5 s; .*; rank 0 \(process \d+ on \S+\) is stopped$",
        )

    def test_a_killed_rank(self):
        finished = self.strike(signal.SIGKILL, 1, timeout=FAR)
        self.assertEqual(finished.code, 128 + 9, finished)

    def test_a_killed_rank_that_the_launcher_does_not_miss(self):
        for rank in (0, 2):
            finished = self.strike(signal.SIGKILL, rank, timeout=FAR, shell=UNAWARE)
            self.assertEqual(finished.code, 15, finished)
            self.assertRegex(
                finished.errors[0],
                rf"error: rank \d on \S+: found rank {rank} \(process \d+ on \S+\) gone during .* then start again with --run.resume auto$",
            )

    def test_a_rank_that_does_not_come(self):
        program = support.command_line(["dejavid_dist", "doctor", "--dist.timeout_s", "2"])
        finished = jobs.run(
            ["mpirun", "--oversubscribe", "-np", "2", *program, ":", "-np", "1", "sleep", "1000"],
            environment=support.surroundings(),
        )
        self.assertEqual(finished.code, 14, finished)
        self.assertIn("found no return from MPI_Init_thread after 2.0 s", finished.errors[0])


if __name__ == "__main__":
    unittest.main()
