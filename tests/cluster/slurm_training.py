"""Training by the scripts of launch/slurm, as a user submits them: what jobs go through, and what must be the same after them."""

import contextlib
import json
import os
import re
from pathlib import Path

import slurm
from slurm import support

RUN = "training"
SETTINGS = """\
[data]
store = "set.h5"
[model]
steps = 4
[train]
epochs = {epochs}
batch_size = 16
lr = 0.02
[run]
checkpoint_every_steps = 20
progress = "off"
"""
EARLY = 20  # steps of 120 after which something happens to a run
EPOCHS = 40  # of three steps: 40 samples in batches of 16
RUNNING = {"RUNNING"}
TRAINERS = ("train.sbatch", "train_mpirun.sbatch")
TWO_NODES = ("--nodes=2", "--ntasks-per-node=1", "--gpus-per-node=1", "--cpus-per-task=1")
ONE_NODE = ("--nodes=1", "--ntasks-per-node=2", "--gpus-per-node=2", "--gpus-per-task=1", "--cpus-per-task=1")
ONE_RANK = ("--nodes=1", "--ntasks-per-node=1", "--gpus-per-node=1", "--cpus-per-task=1")


class SlurmTrainingTest(slurm.ClusterTest):
    """Every run has a folder of its own and calls its store set.h5: what is written may be compared byte for byte."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tse_set = support.make_set(17)
        cls.unbroken_runs = {}

    def folder_for(self, name, epochs=EPOCHS):
        """With the store and the configuration that the scripts' third line names."""
        folder = self.folder / name
        folder.mkdir()
        support.write_store(folder / "set.h5", self.tse_set)
        (folder / "run.toml").write_text(SETTINGS.format(epochs=epochs))
        return folder

    def script(self, folder, name):
        """The script as it is shipped, but for its third marked line."""
        text, edited = re.subn(r"^config=\S+( +# EDIT 3)", r"config=run.toml\1", (slurm.SCRIPTS / name).read_text(), flags=re.M)
        self.assertEqual(edited, 1)
        path = folder / name
        path.write_text(text)
        return path

    def submit(self, folder, name="train.sbatch", options=TWO_NODES, arguments=("--run.dir", RUN), environment=None):
        return self.cluster.submit(self.script(folder, name), arguments, options, folder, environment)

    def steps(self, folder, run=RUN):
        with contextlib.suppress(FileNotFoundError):
            return (folder / run / "metrics.jsonl").read_text().count('"event":"step"')
        return 0

    def wait_for_steps(self, job, folder, run=RUN, steps=EARLY):
        def reached():
            return self.steps(folder, run) >= steps or self.cluster.show(job)["JobState"] in slurm.OVER

        self.cluster.wait_until(reached, lambda: f"step {steps}: {self.output(folder)}")
        self.assertEqual(self.cluster.show(job)["JobState"], "RUNNING", self.output(folder))

    def output(self, folder):
        """What all jobs of a folder have printed."""
        return "".join(f"--- {file.name}\n{file.read_text()}" for file in sorted(folder.glob("*.out")))

    def summary(self, folder, run=RUN):
        return json.loads((folder / run / "summary.json").read_text())

    def assert_ended(self, job, folder, code=0, state=None, restarts=None):
        shown = self.cluster.wait_for(job)
        self.assertEqual(shown["ExitCode"], f"{code}:0", f"{shown}\n{self.output(folder)}")
        self.assertEqual(shown["JobState"], state or ("COMPLETED" if code == 0 else "FAILED"), self.output(folder))
        if restarts is not None:
            self.assertEqual(int(shown["Restarts"]), restarts, self.output(folder))
        return shown

    def unbroken(self, ranks=2, epochs=EPOCHS, arguments=("--run.dir", RUN)):
        """The folder of the same run, of as many ranks by mpirun and undisturbed."""
        key = (ranks, epochs, arguments)
        if key not in self.unbroken_runs:
            self.unbroken_runs[key] = self.folder_for(f"unbroken_{len(self.unbroken_runs)}", epochs)
            command = ["dejavid_dist", "train", "--config", "run.toml", *arguments, "--run.resume", "auto"]
            finished = support.run([*command], ranks, cwd=self.unbroken_runs[key])
            self.assertEqual(finished.code, 0, finished)
        return self.unbroken_runs[key]

    def tearDown(self):
        self.unbroken_runs.clear()  # with their folders
        super().tearDown()

    def assert_same_run(self, folder, unbroken, run=RUN):
        """model.h5, best.h5, checkpoints byte for byte, and the metrics but for their clocks."""
        files = lambda place: sorted(path.relative_to(place / run) for path in (place / run).rglob("*.h5"))
        self.assertEqual(files(folder), files(unbroken), self.output(folder))
        self.assertGreaterEqual(len(files(folder)), 3)
        for file in files(unbroken):
            self.assertEqual((folder / run / file).read_bytes(), (unbroken / run / file).read_bytes(), file)
        for event in ("step", "epoch"):
            found, expected = (support.read_told(place / run, event) for place in (folder, unbroken))
            self.assertEqual(found, expected)

    def ranks_of(self, folder):
        """Process ids, as this machine has them, of the ranks that train in a folder."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and (entry / "comm").read_text() == "dejavid_dist\n" and os.readlink(entry / "cwd") == str(folder):
                    found.append(int(entry.name))
        return found


def has_pending(process, number):
    """Whether a signal waits for a stopped process."""
    status = Path(f"/proc/{process}/status").read_text()
    return any(int(mask, 16) >> (number - 1) & 1 for mask in re.findall(r"^(?:SigPnd|ShdPnd):\s*(\w+)$", status, re.M))
