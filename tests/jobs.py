"""Jobs under a deadline, of which no process may be left behind.

As a program: jobs.py SECONDS COMMAND ... runs the command and leaves with its exit code, or with 1 where it had to be ended or left
processes behind.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

MARK = "DEJAVID_TEST_JOB"  # in the environment of every process of a job, wherever it has gone
PATIENCE = 20  # seconds that a helper of MPI's may take to leave after its job


@dataclass
class Finished:
    """A job that has ended."""

    command: list
    code: int
    stdout: str
    stderr: str

    def __str__(self):
        return f"{' '.join(self.command)}\nexit code {self.code}\n--- stdout\n{self.stdout}--- stderr\n{self.stderr}"

    @property
    def errors(self):
        """Lines on stderr that report an error."""
        return [line for line in self.stderr.splitlines() if "error:" in line]


def is_of(entry, process):
    """Whether the process of a folder in /proc belongs to the job: it has the mark, or is about to end and has only the
    job's session left, and files that are not yet closed. One that only waits to be asked how it ended is not counted."""
    if process.mark.encode() in (entry / "environ").read_bytes():
        return True
    state, _, _, session, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
    return int(session) == process.pid and state not in "ZX"


def processes_of(process):
    """Ids of the processes of a started job."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # gone, or someone else's
            if entry.name.isdigit() and is_of(entry, process):
                found.append(int(entry.name))
    return found


def left_behind(process):
    """As above, once a job has ended and MPI's helpers had time to leave. They are killed."""
    until = time.monotonic() + PATIENCE
    while (left := processes_of(process)) and time.monotonic() < until:
        time.sleep(0.02)
    for number in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    return left


def start(command, cwd=None, environment=None, stdout=subprocess.PIPE, stderr=subprocess.PIPE):
    """Starts a job in its own process group; `environment` is the whole of it."""
    command = [str(word) for word in command]
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**(os.environ if environment is None else environment), MARK: mark},
        stdout=stdout,
        stderr=stderr,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    process.mark = mark
    return process


def end(process):
    """Ends a job that is late: mpirun passes a SIGTERM on."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)


def finish(process, timeout):
    """Waits for a started job. One that outlasts `timeout` seconds, or leaves processes behind, is an error."""
    late = False
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        late = True
        end(process)
        left_behind(process)  # or else what they hold open would be waited for
        stdout, stderr = process.communicate()
    finished = Finished(process.args, process.returncode, stdout or "", stderr or "")
    left = left_behind(process)
    if late:
        raise AssertionError(f"still running after {timeout} s: {finished}")
    if left:
        raise AssertionError(f"processes {left} left behind by: {finished}")
    return finished


def run(command, timeout=120, **others):
    return finish(start(command, **others), timeout)


def main(timeout, *command):
    try:
        return run(command, float(timeout), stdout=None, stderr=None).code
    except AssertionError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
