"""A request to stop that comes while a rank of srun's still starts, at any time after its exec: 75 and no run, never the signal's own code."""

import os
import signal
import time
import unittest

from slurm import support
from slurm_training import RUN, SlurmTrainingTest

DELAYS = (0, 0.01, 0.03, 0.2, 0.5, 1)  # seconds; the dynamic linker takes some hundredths


class EarlySignals(SlurmTrainingTest):
    def start(self, folder, *words):
        """Through env, as launch/slurm/*.sbatch start it."""
        command = ["srun", "--mpi=pmix", "--ntasks=1", "env", "--block-signal=USR2,TERM", "dejavid_dist", *words]
        return support.jobs.start(self.cluster.command(command, folder), environment=self.cluster.surroundings())

    def rank_of(self, folder):
        until = time.monotonic() + 30
        while not (found := self.ranks_of(folder)):
            self.assertLess(time.monotonic(), until)
        return found[0]

    def test_every_moment_of_a_start(self):
        started = []
        for number in (signal.SIGUSR2, signal.SIGTERM):
            for delay in DELAYS:
                folder = self.folder_for(f"{number.name}_{delay}", 100_000)
                job = self.start(folder, "train", "--config", "run.toml", "--run.dir", RUN)
                rank = self.rank_of(folder)
                time.sleep(delay)
                os.kill(rank, number)
                started.append((folder.name, job))
        for name, job in started:
            with self.subTest(name=name):
                self.assertEqual(support.finish(job).code, 75)

    def test_other_commands_end_at_once(self):
        """They have nothing to keep, and do not hold signals back that whoever started them did."""
        folder = self.folder_for("doctor")
        os.mkfifo(folder / "pipe")
        job = self.start(folder, "predict", "--model.init", "none.h5", "--data.store", "set.h5", "--out", "pipe")
        os.kill(self.rank_of(folder), signal.SIGUSR2)
        self.assertEqual(support.finish(job).code, 128 + signal.SIGUSR2)


if __name__ == "__main__":
    unittest.main()
