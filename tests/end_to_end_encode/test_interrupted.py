"""A job that is killed, stopped, or loses a rank leaves no store, loses nothing that it has said is kept, and goes on."""

import contextlib
import random
import signal
import sys
import time
import unittest
from pathlib import Path

import encode_support
import support
from encode_support import kill, processes_of

sys.path.append(str(Path(__file__).resolve().parents[1] / "dist"))

from test_faults import UNAWARE  # noqa: E402

CLIPS, KILLS = 10, 15


class Interrupted(encode_support.EncodeTest):
    def setUp(self):
        super().setUp()
        self.videos = self.make_list(clips=CLIPS, frames=(50, 70))

    unbroken_run = None

    def unbroken(self):
        """The store's bytes, and the seconds that the work for it took."""
        if self.unbroken_run is None:
            job = self.start_work("unbroken.h5")
            begun = time.monotonic()
            finished = support.finish(job)
            self.assertEqual(finished.code, 0, finished)
            type(self).unbroken_run = ((self.folder / "unbroken.h5").read_bytes(), time.monotonic() - begun)
        return self.unbroken_run

    def start_work(self, out, ranks=None):
        """A job that has loaded its libraries and begins to look at what is kept."""
        lock = self.folder / f"{out}.parts" / "lock"
        before = lock.stat().st_mtime_ns if lock.exists() else 0
        job = self.start(self.videos, out, windows="multi", ranks=ranks)
        while job.poll() is None:
            with contextlib.suppress(FileNotFoundError):
                if lock.stat().st_mtime_ns > before:
                    break
            time.sleep(0.002)
        return job

    def await_lines(self, job, count, out="a.h5"):
        """Waits until that many videos are kept."""
        until = time.monotonic() + 60
        while time.monotonic() < until and job.poll() is None:
            if self.journal_lines(out) >= count:
                return
            time.sleep(0.005)
        self.fail(f"no lines: {support.finish(job, 1)}")

    def begin(self, *more, ranks=None, lines=2, **others):
        job = self.start(self.videos, "a.h5", *more, ranks=ranks, windows="multi", **others)
        self.await_lines(job, lines)
        return job

    def test_killed_at_any_moment(self):
        expected, span = self.unbroken()
        generator = random.Random(1)
        kills = starts = 0
        while kills < KILLS:
            kept = self.journal_lines("a.h5")
            ranks = 2 if starts % 6 == 5 else None
            job = self.start_work("a.h5", ranks)
            time.sleep(generator.uniform(0, span * (CLIPS + 1 - kept) / (CLIPS + 1)))
            if job.poll() is None and (running := processes_of(job)):
                kill(running[generator.choice(sorted(running))], signal.SIGKILL)
            finished = support.finish(job)
            starts += 1
            kills += finished.code != 0
            if not (self.folder / "a.h5").exists():
                self.assertNotEqual(finished.code, 0, finished)
                self.assertGreaterEqual(self.journal_lines("a.h5"), kept, finished)
                continue
            # done, or killed once the store had its name
            self.assertEqual((self.folder / "a.h5").read_bytes(), expected)
            (self.folder / "a.h5").unlink()
        self.assertEqual(self.encode(self.videos, "a.h5", windows="multi", ranks=3), expected)

    def test_stopped_on_request(self):
        expected, _ = self.unbroken()
        for number, ranks in ((signal.SIGTERM, None), (signal.SIGINT, None), (signal.SIGUSR2, None), (signal.SIGUSR2, 3)):
            with self.subTest(signal=number.name, ranks=ranks):
                job = self.begin(ranks=ranks)
                job.send_signal(number)
                finished = support.finish(job)
                self.assertEqual((finished.code, finished.errors), (75, []), finished)
                self.assertIn("the same command goes on", finished.stderr)
                self.assertFalse((self.folder / "a.h5").exists())
                kept = self.journal_lines("a.h5")
                self.assertGreaterEqual(kept, 2)
                self.assertEqual(self.encode(self.videos, "a.h5", windows="multi", ranks=(2, None)[ranks is None]), expected)
                self.assertIn(f"{kept} of 10 videos have been looked at before", self.said.stderr)
                (self.folder / "a.h5").unlink()

    def test_two_jobs_at_once(self):
        job = self.begin(lines=1)
        [process] = processes_of(job).values()
        kill(process, signal.SIGSTOP)  # or it may be done before the other has loaded its libraries
        self.refuse(13, ["a.h5.parts/lock", "process", "one job an output"], self.arguments(self.videos, "a.h5", windows="multi"))
        kill(process, signal.SIGCONT)
        finished = support.finish(job)
        self.assertEqual(finished.code, 0, finished)

    def test_a_stopped_rank_is_late(self):
        job = self.begin("--dist.timeout_s", "3", ranks=3, lines=1)
        kill(processes_of(job)[1], signal.SIGSTOP)
        finished = support.finish(job)
        self.assertEqual(finished.code, 14, finished)
        self.assertRegex(finished.errors[0], r"found no word of rank 1 for .*; rank 1 \(process \d+ on \S+\) is stopped")

    def test_a_rank_is_lost_that_the_launcher_does_not_miss(self):
        program = support.command_line(self.arguments(self.videos, "a.h5", windows="multi"))
        command = ["mpirun", "--oversubscribe", "-np", "3", *UNAWARE, *program]
        job = support.jobs.start(command, self.folder, support.surroundings())
        self.await_lines(job, 1)
        kill(processes_of(job)[2], signal.SIGKILL)
        finished = support.finish(job)
        self.assertEqual(finished.code, 15, finished)
        self.assertRegex(finished.errors[0], r"found rank 2 \(process \d+ on \S+\) gone")


if __name__ == "__main__":
    unittest.main()
