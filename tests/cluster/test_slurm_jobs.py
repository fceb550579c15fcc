"""The scripts of launch/slurm as they are shipped, under a real Slurm: whatever ends a start, the job starts again by itself and leaves the
files of an unbroken run."""

import json
import os
import re
import signal
import unittest

import slurm
from slurm_training import EARLY, EPOCHS, ONE_NODE, ONE_RANK, RUN, RUNNING, TRAINERS, TWO_NODES, SlurmTrainingTest, has_pending


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


class Ends(SlurmTrainingTest):
    def test_undisturbed_on_two_ranks_of_two_nodes(self):
        folder = self.folder_for("whole", 10)
        options = ("--nodes=2", "--ntasks-per-node=2", "--gpus-per-node=2", "--cpus-per-task=1")
        for script, run in zip(TRAINERS, (RUN, "by_mpirun")):
            self.assert_ended(self.submit(folder, script, options, ("--run.dir", run)), folder, restarts=0)
            self.assert_same_run(folder, self.unbroken(4, 10, ("--run.dir", run)), run)

    def test_a_start_that_makes_no_step_is_the_last(self):
        """Or else a job whose signal comes while it still starts would start for ever."""
        for script, to in zip(TRAINERS, ((), ("--batch",))):
            with self.subTest(script=script):
                folder = self.folder_for(script)
                job = self.submit(folder, script)
                self.cluster.wait_until(lambda: len(self.ranks_of(folder)) == 2, lambda: self.output(folder))
                for rank in self.ranks_of(folder):
                    os.kill(rank, signal.SIGSTOP)
                self.assertEqual(self.steps(folder), 0)
                self.cluster.call("scancel", "--signal=USR2", *to, job)
                for rank in self.ranks_of(folder):
                    self.cluster.wait_until(lambda: has_pending(rank, signal.SIGUSR2), lambda: "USR2")
                    os.kill(rank, signal.SIGCONT)
                self.assert_ended(job, folder, code=1, restarts=0)
                self.assertIn("stopped before this start had made a step; given up", self.output(folder))

    def test_enough_restarts(self):
        folder = self.folder_for("often")
        job = self.submit(folder, environment={"DEJAVID_RESTARTS": "1"})
        for steps in (EARLY, 3 * EARLY):
            self.cluster.wait_for(job, RUNNING)
            self.wait_for_steps(job, folder, steps=steps)
            self.cluster.call("scancel", "--signal=USR2", job)
            self.cluster.wait_for(job, slurm.OVER | {"PENDING"})
        self.assert_ended(job, folder, code=1, restarts=1)
        self.assertIn("stopped after 1 restarts; given up", self.output(folder))
        self.assertEqual(self.summary(folder)["exit_code"], 75)

    def test_cancelled_jobs_stay_so(self):
        for script in TRAINERS:
            with self.subTest(script=script):
                folder = self.folder_for(script, 100 * EPOCHS)
                job = self.submit(folder, script)
                self.wait_for_steps(job, folder)
                self.cluster.call("scancel", job)
                self.assertEqual(self.cluster.wait_for(job)["JobState"], "CANCELLED")
                self.assertNotIn("queued again", self.output(folder))

    def test_errors_are_told_once_and_end_the_job(self):
        folder = self.folder_for("errors")
        for arguments, code, words in (
            ((), 2, "error: run.dir: found none; expected the folder that a later start goes on from"),
            (("--run.dir", RUN, "--train.epocs", "3"), 2, "train.epochs"),
            (("--run.dir", RUN, "--data.bad_samples", "skip", "--model.init", "none.h5"), 11, "none.h5"),
        ):
            job = self.submit(folder, arguments=arguments)
            self.assert_ended(job, folder, code=code, restarts=0)
            errors = [line for line in (folder / f"dejavid-{job}.out").read_text().splitlines() if line.startswith("error: ")]
            self.assertEqual(len(errors), 1, errors)
            self.assertIn(words, errors[0])


class Chains(SlurmTrainingTest):
    def test_the_next_job_goes_on_and_the_rest_is_withdrawn(self):
        folder = self.folder_for("chain")
        command = (slurm.SCRIPTS / "chain.sh", 4, *TWO_NODES, self.script(folder, "train.sbatch"), "--run.dir", RUN)
        jobs = self.cluster.call(*command, cwd=folder).split()
        self.assertEqual(len(jobs), 4)
        self.wait_for_steps(jobs[0], folder)
        self.cluster.call("scancel", "--signal=USR2", jobs[0])
        self.assert_ended(jobs[0], folder, code=75, restarts=0)
        self.assert_ended(jobs[1], folder, code=0, restarts=0)
        for job in jobs[2:]:
            self.assertEqual(self.cluster.wait_for(job)["JobState"], "CANCELLED")
        self.assert_same_run(folder, self.unbroken())


class Cores(slurm.ClusterTest):
    def test_ranks_take_the_cores_that_they_were_granted(self):
        for options, cores, threads in ((("1",), 1, 1), (("2",), 2, 2), (("1", "--cpu-bind=none"), 2, 1)):
            command = ("srun", "--mpi=pmix", "--nodes=2", "--ntasks-per-node=1", "--cpus-per-task", *options, "dejavid_dist", "doctor")
            text = self.cluster.call(*command)
            for rank, host in enumerate(("n1", "n2")):
                self.assertRegex(text, rf"(?m)^\s*{rank} \(0\)\s+{host}, {cores} of 2 cores, {threads} threads")


class Benchmarks(SlurmTrainingTest):
    def test_scaling_from_one_rank_to_all(self):
        folder = self.folder_for("scaling")
        line = "preset=order samples=64 modes=strong"
        text, edited = re.subn(r"^preset=.*( # EDIT 3)", rf"{line}\1", (slurm.SCRIPTS / "scaling.sbatch").read_text(), flags=re.M)
        self.assertEqual(edited, 1)
        (folder / "scaling.sbatch").write_text(text)
        (folder / "launch").symlink_to(slurm.SCRIPTS.parent)
        options = ("--nodes=2", "--ntasks-per-node=2", "--gpus-per-node=2", "--cpus-per-task=1")
        job = self.cluster.submit(folder / "scaling.sbatch", ("--batch-size", "32", "--rounds", "1"), options, folder)
        self.assert_ended(job, folder, restarts=0)
        results = folder / "scaling" / f"scaling-{job}"
        for ranks, hosts in ((1, 1), (2, 1), (4, 2)):
            (record,) = json.loads((results / f"strong_{ranks}.json").read_text())["records"]
            self.assertEqual((record["ranks"], record["hosts"], record["ranks_a_host"]), (ranks, hosts, min(ranks, 2)))
            # Both nodes are one machine with two cores, whatever they are called.
            self.assertEqual(record["threads"], 1)
            self.assertEqual("threads share" in (record["disturbed"] or ""), ranks > 2)
        self.assertIn("| strong | 4 | 2 | 1 | 32 |", (results / "scaling.md").read_text())
        self.assertTrue((results / "scaling.svg").exists())


if __name__ == "__main__":
    unittest.main()
