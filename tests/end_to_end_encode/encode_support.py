"""What the tests of dejavid_encode share: clips made to order, lists of them, and running it."""

import contextlib
import functools
import os
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "end_to_end"))

import support  # noqa: E402
from support import jobs  # noqa: E402, F401

PROGRAM = "dejavid_encode"
MAKE_CLIP = support.BIN.parent / "tests" / "make_clip"
WRITE_ENCODER = support.BIN.parent / "tests" / "write_encoder"


@functools.cache
def bytes_of_clip(ending, clip):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"clip{ending}")
        finished = jobs.run([MAKE_CLIP, path, *(f"{key}={value}" for key, value in clip)])
        assert finished.code == 0, finished
        return path.read_bytes()


def make_clip(path, **clip):
    """A clip as tests/video/clip_writer.hpp describes them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes_of_clip(path.suffix, tuple(sorted(clip.items()))))
    return path


class EncodeTest(support.ProgramTest):
    """Tests of dejavid_encode over a manifest in a folder of their own."""

    def make_list(self, name="list.csv", clips=6, frames=(5, 90), **clip):
        """Clips of lengths from frames[0] to frames[1] in two classes, the last of the val split."""
        lines = ["id,file,label,split"]
        for n in range(clips):
            length = frames[0] + (frames[1] - frames[0]) * n // max(clips - 1, 1)
            make_clip(self.folder / "clips" / f"clip {n}.avi", frames=length, **clip)
            lines.append(f"video {n},clips/clip {n}.avi,{'ab'[n % 2]},{'val' if n == clips - 1 else 'train'}")
        return self.write_list(name, lines)

    def write_list(self, name, lines):
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n")
        return path

    def arguments(self, videos, out, *more, windows="fraction", threads=1):
        given = ["--videos", videos, "--encoder", "motion", "--windows", windows, "--out", out]
        return [PROGRAM, *given, "--progress", "off", "--threads", threads, *more]

    def encode(self, videos, out, *more, ranks=None, **others):
        """The store's bytes."""
        self.said = self.succeed(self.arguments(videos, out, *more, **others), ranks)
        self.assertFalse((self.folder / f"{out}.parts").exists(), self.said)
        return (self.folder / out).read_bytes()

    def start(self, *arguments, ranks=None, **others):
        return support.start(self.arguments(*arguments, **others), ranks, cwd=self.folder)

    def refuse(self, code, words, arguments, ranks=None):
        finished = support.run(arguments, ranks, cwd=self.folder)
        self.assertEqual(finished.code, code, finished)
        self.assertEqual(len(finished.errors), 1, finished)
        for word in [*words, "expected"]:
            self.assertIn(word, finished.errors[0])
        return finished

    def journal_lines(self, out):
        """How many videos the parts tell of."""
        journals = (self.folder / f"{out}.parts").glob("*/*.jsonl")
        return sum(journal.read_bytes().count(b"\n") for journal in journals)


def processes_of(job):
    """Ids of the job's processes that run the program, by rank."""
    found = {}
    for process in jobs.processes_of(job):
        folder = Path("/proc", str(process))
        with contextlib.suppress(OSError):  # gone
            if (folder / "comm").read_text().strip() == PROGRAM:
                marks = (folder / "environ").read_bytes().split(b"\0")
                rank = next((mark for mark in marks if mark.startswith(b"OMPI_COMM_WORLD_RANK=")), b"=0")
                found[int(rank.split(b"=")[1])] = process
    return found


def kill(process, number):
    """Sends a signal to a process that may have ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)
