"""The scripts of launch/slurm as they are shipped, under a real Slurm: how jobs end, chains of them, what ranks get, and the benchmark."""

import json
import os
import re
import signal
import unittest

import slurm
from slurm import support
from slurm_training import EARLY, EPOCHS, RUN, RUNNING, TRAINERS, TWO_NODES, SlurmTrainingTest, has_pending


class Ends(SlurmTrainingTest):
    def test_undisturbed_on_two_ranks_of_two_nodes(self):
        folder = self.folder_for("whole", 10)
        options = ("--nodes=2", "--ntasks-per-node=2", "--gpus-per-node=2", "--cpus-per-task=1")
        runs = (RUN, "by_mpirun")
        jobs = [self.submit(folder, script, options, ("--run.dir", run)) for script, run in zip(TRAINERS, runs)]
        for job, run in zip(jobs, runs):
            self.assert_ended(job, folder, restarts=0)
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
        submitted = []
        for script in TRAINERS:
            folder = self.folder_for(script, 100 * EPOCHS)
            submitted.append((folder, self.submit(folder, script)))
        for folder, job in submitted:
            self.wait_for_steps(job, folder)
            self.cluster.call("scancel", job)
        for folder, job in submitted:
            with self.subTest(folder=folder.name):
                self.assertEqual(self.cluster.wait_for(job)["JobState"], "CANCELLED")
                self.assertNotIn("queued again", self.output(folder))

    def test_errors_are_told_once_and_end_the_job(self):
        folder = self.folder_for("errors")
        cases = (
            ((), 2, "error: run.dir: found none; expected the folder that a later start goes on from"),
            (("--run.dir", RUN, "--train.epocs", "3"), 2, "train.epochs"),
            (("--run.dir", RUN, "--model.init", "none.h5"), 11, "none.h5"),
        )
        jobs = [self.submit(folder, arguments=arguments) for arguments, _, _ in cases]
        for job, (_, code, words) in zip(jobs, cases):
            self.assert_ended(job, folder, code=code, restarts=0)
            errors = [line for line in (folder / f"dejavid-{job}.out").read_text().splitlines() if line.startswith("error: ")]
            self.assertEqual(len(errors), 1, errors)
            self.assertIn(words, errors[0])


class Chains(SlurmTrainingTest):
    def test_the_next_job_goes_on_and_the_rest_is_withdrawn(self):
        folder = self.folder_for("chain")
        # The configuration among the arguments, in place of the one of the script's third line.
        script = slurm.SCRIPTS / "train.sbatch"
        command = (slurm.SCRIPTS / "chain.sh", 4, *TWO_NODES, script, "--config", "run.toml", "--run.dir", RUN)
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
        for cores in (1, 2):
            command = ("srun", "--mpi=pmix", "--nodes=2", "--ntasks-per-node=1", "--cpus-per-task", cores, "dejavid_dist", "doctor")
            text = self.cluster.call(*command)
            for rank, host in enumerate(("n1", "n2")):
                self.assertRegex(text, rf"(?m)^\s*{rank} \(0\)\s+{host}, {cores} of 2 cores, {cores} threads")
            self.assertNotIn("warning:", text)


class Encoding(SlurmTrainingTest):
    CLIPS = ("--videos", "clips", "--encoder", "motion", "--windows", "multi", "--widths", "16", "--threads", "1", "--progress", "off")

    def finished(self, folder):
        """Videos whose rows are kept."""
        return sum(len(file.read_text().splitlines()) for file in folder.glob("set.h5.parts/*/*.jsonl"))

    def submit_encoding(self, folder, *arguments):
        return self.cluster.submit(slurm.SCRIPTS / "encode.sbatch", (*arguments, "--out", "set.h5"), TWO_NODES, folder)

    def test_it_goes_on_with_the_videos_that_are_left(self):
        folder = self.folder / "encode"
        self.succeed(["dejavid_encode", "scenes", "--clips", 4, "--val-clips", 0, "--out", folder / "clips"])
        job = self.submit_encoding(folder, *self.CLIPS)
        self.cluster.wait_until(lambda: self.finished(folder) > 0, lambda: f"a video: {self.output(folder)}")
        self.cluster.call("scancel", "--signal=USR2", job)
        self.assert_ended(job, folder, restarts=1)
        self.assertIn("queued again", self.output(folder))
        alone = support.run(["dejavid_encode", *self.CLIPS, "--out", "alone.h5"], cwd=folder)
        self.assertEqual(alone.code, 0, alone)
        self.assertEqual((folder / "set.h5").read_bytes(), (folder / "alone.h5").read_bytes())

    def test_an_error_ends_the_job(self):
        folder = self.folder / "refused"
        folder.mkdir()
        job = self.submit_encoding(folder, "--videos", "none.csv", "--encoder", "motion")
        self.assert_ended(job, folder, code=10, restarts=0)
        self.assertEqual(len(re.findall(r"^error: ", self.output(folder), flags=re.M)), 1, self.output(folder))


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
