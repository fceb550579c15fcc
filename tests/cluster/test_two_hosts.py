"""mpirun over two hosts (two_hosts.sh) of two ranks each: what becomes of a job when a rank, a daemon or the network fails."""

import concurrent.futures
import contextlib
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import slurm
from slurm import support

FAR = 300  # seconds: a deadline that no test comes to
RUN = "training"


def keepalive():
    """What the scripts set, and what mpirun inherits from them."""
    lines = [line for line in (slurm.SCRIPTS / "train_mpirun.sbatch").read_text().splitlines() if "keepalive" in line]
    return dict(re.findall(r"(OMPI_MCA_oob_tcp_keepalive_\w+)=(\d+)", "\n".join(lines)))


class TwoHosts:
    """Two hosts that live until end()."""

    def __init__(self, folder):
        self.folder = folder
        self.process = support.jobs.start(
            [Path(__file__).with_name("two_hosts.sh"), folder], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        until = time.monotonic() + 30
        while not (folder / "ready").exists():
            if self.process.poll() is not None or time.monotonic() > until:
                self.end()
                raise AssertionError("two_hosts.sh: not ready")
            time.sleep(0.05)
        self.first = slurm.children(self.process.pid)[0]

    def end(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stderr.close()
        support.jobs.left_behind(self.process)

    def command(self, *words):
        return ["nsenter", "-t", str(self.first), "-n", "-u", "-i", "-m", "-p", "env", "-C", self.folder, *map(str, words)]

    def start(self, *words):
        """`dejavid_dist WORDS` on two ranks of each host, started from the first."""
        mpirun = ["mpirun", "--host", "h1:2,h2:2", "--mca", "plm_rsh_agent", self.folder / "on.sh", "-np", 4, "--bind-to", "none"]
        environment = support.surroundings(keepalive())
        return support.jobs.start(self.command(*mpirun, support.BIN / "dejavid_dist", *words), environment=environment)

    def cable(self, what):
        subprocess.run(self.command(self.folder / "cable.sh", what), check=True)


class Hosts(support.ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        reason = slurm.missing(("mpirun", "ip", "nsenter", "unshare"))
        if reason:
            raise unittest.SkipTest(reason)

    def setUp(self):
        super().setUp()
        self.hosts = TwoHosts(self.folder)
        self.addCleanup(self.hosts.end)
        support.write_store(self.folder / "set.h5", support.make_set(17))

    def start_training(self, epochs, timeout):
        settings = dict(model__steps=4, train__epochs=epochs, train__batch_size=16, dist__threads=1, dist__timeout_s=timeout)
        settings.update(run__dir=RUN, run__checkpoint_every_steps=5, run__progress="off", data__store="set.h5")
        job = self.hosts.start("train", *support.options(**settings))
        self.addCleanup(self.drop, job)
        return job

    def drop(self, job):
        """Of a test that has failed."""
        if job.returncode is None:
            support.jobs.end(job)
            job.communicate()

    def steps(self):
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / RUN / "metrics.jsonl").read_text().count('"event":"step"')
        return 0

    def wait_for_steps(self, job, steps=10):
        until = time.monotonic() + 60
        while self.steps() < steps:
            if job.poll() is not None or time.monotonic() > until:
                self.fail(f"{self.steps()} steps: {job.communicate()}")
            time.sleep(0.02)

    def processes(self, job, name, host):
        """This machine's numbers of a job's processes of a name on a host."""
        found = []
        for number in support.jobs.processes_of(job):
            with contextlib.suppress(OSError):
                folder = Path("/proc", str(number))
                own = os.readlink(folder / "ns" / "pid") == os.readlink(f"/proc/{self.hosts.first}/ns/pid")
                if (folder / "comm").read_text() == f"{name}\n" and own == (host == "h1"):
                    found.append(number)
        return sorted(found)

    def ended(self, job, timeout, codes):
        """That mpirun ends within `timeout` seconds with one of the codes, and that nothing is left of the job."""
        began = time.monotonic()
        finished = support.finish(job, timeout)
        self.assertIn(finished.code, codes, finished)
        return time.monotonic() - began

    def test_doctor_tells_hosts_and_local_ranks(self):
        finished = support.finish(self.hosts.start("doctor"))
        self.assertEqual(finished.code, 0, finished)
        self.assertIn("All checks passed", finished.stdout)
        for rank, (local, host) in enumerate([(0, "h1"), (1, "h1"), (0, "h2"), (1, "h2")]):
            self.assertRegex(finished.stdout, rf"(?m)^\s*{rank} \({local}\)\s+{host}, ")

    def test_training_makes_the_files_of_one_host(self):
        self.assertEqual(support.finish(self.start_training(3, FAR)).code, 0)
        found = (self.folder / RUN / "model.h5").read_bytes()
        os.rename(self.folder / RUN, self.folder / "there")
        settings = dict(model__steps=4, train__epochs=3, train__batch_size=16, dist__threads=1, dist__timeout_s=FAR)
        settings.update(run__dir=RUN, run__checkpoint_every_steps=5, run__progress="off", data__store="set.h5")
        finished = support.run(["dejavid_dist", "train", *support.options(**settings)], 4, cwd=self.folder)
        self.assertEqual(finished.code, 0, finished)
        self.assertEqual(found, (self.folder / RUN / "model.h5").read_bytes())

    def test_a_killed_rank(self):
        job = self.start_training(100_000, FAR)
        self.wait_for_steps(job)
        os.kill(self.processes(job, "dejavid_dist", "h2")[0], signal.SIGKILL)
        self.ended(job, 30, {128 + 9})

    def test_a_stopped_rank(self):
        job = self.start_training(100_000, 8)
        self.wait_for_steps(job)
        os.kill(self.processes(job, "dejavid_dist", "h2")[0], signal.SIGSTOP)
        self.ended(job, 8 + 30, {14})

    def test_a_killed_daemon(self):
        job = self.start_training(100_000, FAR)
        self.wait_for_steps(job)
        os.kill(self.processes(job, "orted", "h2")[0], signal.SIGKILL)
        self.ended(job, 30, {205})

    def test_a_cut_cable_and_an_outage(self):
        """Without keepalive mpirun would wait for a quarter of an hour. Meanwhile two other hosts lose each other for 5 s only."""
        job = self.start_training(100_000, 40)
        self.wait_for_steps(job)
        self.hosts.cable("cut")
        with concurrent.futures.ThreadPoolExecutor() as beside:
            cut = beside.submit(self.ended, job, 40 + 30, {205})
            self.survive_an_outage()
            cut.result()

    def survive_an_outage(self):
        other = Hosts()
        other.setUp()
        self.addCleanup(other.doCleanups)
        job = other.start_training(600, FAR)
        other.wait_for_steps(job)
        other.hosts.cable("cut")
        time.sleep(1)  # what was under way is there
        steps = other.steps()
        time.sleep(4)
        self.assertEqual(other.steps(), steps, "the cable carries what ranks say to each other")
        other.hosts.cable("mend")
        other.ended(job, 120, {0})
        self.assertEqual(other.steps(), 3 * 600)


if __name__ == "__main__":
    unittest.main()
