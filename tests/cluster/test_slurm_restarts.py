"""The scripts of launch/slurm as they are shipped, under a real Slurm: whatever ends a start, the job starts again by itself and leaves the
files of an unbroken run."""

import os
import signal
import unittest

import slurm
from slurm_training import EPOCHS, ONE_NODE, ONE_RANK, RUNNING, TRAINERS, TWO_NODES, SlurmTrainingTest


class Restarts(SlurmTrainingTest):
    def test_signals_and_a_time_limit(self):
        """Signals that Slurm sends to where the script asks for them, the steps or the script, meanwhile another job comes to its end: Slurm
        looks at limits every 30 s, and signals as soon as less is left than asked for, or half a minute more. Its ranks are stopped until
        then, as a run that would take hours; Slurm wakes them."""
        limited = self.folder_for("limit")
        limited_job = self.submit(limited, options=(*TWO_NODES, "--time=2", "--signal=USR2@55"))
        self.wait_for_steps(limited_job, limited)
        for rank in self.ranks_of(limited):
            os.kill(rank, signal.SIGSTOP)
        self.cluster.call("scontrol", "update", f"jobid={limited_job}", "timelimit=1")

        cases = (TRAINERS[0], (), TWO_NODES), (TRAINERS[1], ("--batch",), TWO_NODES), (TRAINERS[0], (), ONE_NODE)
        submitted = [(limited, limited_job)]
        for script, to, options in cases:
            folder = self.folder_for(f"{script}_{options[0]}")
            submitted.append((folder, self.submit(folder, script, options)))
        for (script, to, options), (folder, job) in zip(cases, submitted[1:]):
            self.wait_for_steps(job, folder)
            self.cluster.call("scancel", "--signal=USR2", *to, job)
        for folder, job in submitted:
            with self.subTest(folder=folder.name):
                self.assert_ended(job, folder, restarts=1)
                self.assertIn("stopped with a checkpoint, and queued again", self.output(folder))
                self.assertIn("resuming from", self.output(folder))
                self.assert_same_run(folder, self.unbroken())

    def test_preemption(self):
        """A job of another partition takes the nodes; Slurm gives 10 s, and takes no job up again that has ended by itself."""
        submitted = []
        for script in TRAINERS:
            folder = self.folder_for(script, 2 * EPOCHS)
            submitted.append((folder, self.submit(folder, script, ("--partition=low", *TWO_NODES))))
        for folder, job in submitted:
            self.wait_for_steps(job, folder)
        self.cluster.call("srun", "--nodes=2", "--ntasks=2", "--cpus-per-task=2", "true")
        for folder, job in submitted:
            with self.subTest(folder=folder.name):
                self.assert_ended(job, folder, restarts=1)
                self.assertIn("resuming from", self.output(folder))
                self.assert_same_run(folder, self.unbroken(epochs=2 * EPOCHS))

    def test_a_node_that_goes_down(self):
        folder = self.folder_for("down")
        job = self.submit(folder)
        self.wait_for_steps(job, folder)
        self.cluster.call("scontrol", "update", "nodename=n2", "state=down", "reason=test")
        self.cluster.wait_for(job, {"PENDING"})
        # By then the node may have registered itself again.
        self.cluster.call("scontrol", "update", "nodename=n2", "state=resume", check=False)
        self.assert_ended(job, folder, restarts=1)
        self.assertIn("resuming from", self.output(folder))
        self.assert_same_run(folder, self.unbroken())

    def test_one_element_of_an_array(self):
        """The last element's own number is the array's: what is queued again must be the element."""
        folder = self.folder_for("array", 2 * EPOCHS)
        job = self.submit(folder, "array.sbatch", (*ONE_RANK, "--array=1-3", "--job-name=seeds"), ())
        elements = [f"{job}_{task}" for task in (1, 2, 3)]
        runs = {element: f"runs/seeds/{element.split('_')[1]}" for element in elements}
        for element in elements:
            self.cluster.wait_for(element, RUNNING)
        self.wait_for_steps(elements[2], folder, runs[elements[2]])
        self.cluster.call("scancel", "--signal=USR2", elements[2])
        for element, restarts in zip(elements, (0, 0, 1)):
            self.assert_ended(element, folder, restarts=restarts)
        for seed, element in enumerate(elements, 1):
            arguments = ("--train.seed", str(seed), "--run.dir", runs[element])
            self.assert_same_run(folder, self.unbroken(1, 2 * EPOCHS, arguments), runs[element])


if __name__ == "__main__":
    unittest.main()
