"""A real Slurm of two nodes on this machine (slurm_cluster.sh), and jobs in it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "end_to_end"))

import support  # noqa: E402

SCRIPTS = support.SOURCE / "launch" / "slurm"
NEEDED = ("slurmctld", "slurmd", "sbatch", "srun", "ip", "nsenter", "unshare")
OVER = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE"}


def missing(tools=NEEDED):
    """Why there can be no cluster here, or None."""
    if os.geteuid() != 0:
        return "namespaces with a network need root"
    absent = [tool for tool in tools if shutil.which(tool) is None]
    if absent:
        return f"found no {', '.join(absent)}; launch/install.sh --cluster brings them"
    if subprocess.run(["unshare", "--net", "--uts", "--ipc", "--mount", "--pid", "--fork", "true"], capture_output=True).returncode:
        return "this system lets nobody make namespaces"
    return None


def children(process):
    return [int(number) for number in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


class Cluster:
    """Runs from start() to end(). Commands run inside, in the machine's own folders."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def start(self):
        ready = self.folder / "ready"
        self.process = support.jobs.start(
            [Path(__file__).with_name("slurm_cluster.sh"), self.folder, "sh", "-c", f"touch {ready}; exec sleep 100000"],
            environment=self.surroundings(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        until = time.monotonic() + 60
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > until:
                self.end()
                raise AssertionError(f"no cluster: {self.process.stderr.read()}")
            time.sleep(0.05)
        self.first = children(self.process.pid)[0]

    def surroundings(self):
        here = support.surroundings({"SLURM_CONF": str(self.folder / "slurm.conf")})
        here["PATH"] = f"{support.BIN}:{here['PATH']}"
        return here

    def end(self):
        """All that lives inside goes with the first process there, which takes signals from outside only this way."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stderr.close()
        support.jobs.left_behind(self.process)

    def command(self, words, cwd=None):
        folder = Path(cwd or self.folder).absolute()  # entering a mount namespace leads to its root
        inside = ["nsenter", "-t", str(self.first), "-n", "-u", "-i", "-m", "-p"]
        return [*inside, "env", "-C", str(folder), *map(str, words)]

    def call(self, *words, cwd=None, check=True, timeout=60, environment=None):
        """Output and errors of a command that is expected to succeed."""
        finished = subprocess.run(
            self.command(words, cwd),
            env={**self.surroundings(), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
        if check and finished.returncode != 0:
            raise AssertionError(f"{words}: exit code {finished.returncode}: {finished.stdout}")
        return finished.stdout

    def submit(self, script, arguments=(), options=(), cwd=None, environment=None):
        """The number of the new job."""
        answer = self.call("sbatch", "--parsable", *options, script, *arguments, cwd=cwd, environment=environment)
        return answer.strip().splitlines()[-1].split(";")[0]

    def show(self, job):
        """What Slurm knows of a job, by its names: JobState, Restarts, ExitCode, ..."""
        text = self.call("scontrol", "show", "job", "-o", job)
        return dict(re.findall(r"(\w+)=(\S*)", text.splitlines()[0]))

    def wait_until(self, condition, what, timeout=60):
        until = time.monotonic() + timeout
        while not (found := condition()):
            if time.monotonic() > until:
                raise AssertionError(f"after {timeout} s there is still not: {what()}")
            time.sleep(0.05)
        return found

    def wait_for(self, job, states=OVER, timeout=90):
        """The job once it is in one of the states."""

        def reached():
            shown = self.show(job)
            return shown if shown["JobState"] in states else None

        return self.wait_until(reached, lambda: f"one of {sorted(states)}: {self.show(job)}", timeout)


class ClusterTest(support.ProgramTest):
    """Tests that share one cluster."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        reason = missing()
        if reason:
            raise unittest.SkipTest(reason)
        cls.place = support.tempfile.TemporaryDirectory(prefix="dejavid-cluster-")
        cls.addClassCleanup(cls.place.cleanup)
        cls.cluster = Cluster(Path(cls.place.name) / "slurm")
        cls.cluster.start()
        cls.addClassCleanup(cls.cluster.end)
