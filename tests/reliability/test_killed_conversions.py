"""dejavid_convert killed, stopped, out of disk space, or with no one to tell: nothing half-made under a final name."""

import errno
import os
import random
import resource
import signal
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "end_to_end"))

import support  # noqa: E402
from support import options, run  # noqa: E402

KILLS = 50


class Conversions(support.ProgramTest):
    """Of a set whose many short samples make the index, written at the end, a good part of the file."""

    def setUp(self):
        super().setUp()
        self.out = self.folder / "a.h5"
        self.arguments = ["dejavid_convert", "synthetic", "--preset", "order", "--classes", 3, "--steps", 4, "--features", 4]
        self.arguments += ["--samples", 30000, "--seed", 5, "--progress", "off", "--out", "a.h5"]

    def whole(self):
        """The bytes of an undisturbed conversion."""
        self.succeed(self.arguments)
        content = self.out.read_bytes()
        self.out.unlink()
        return content

    def kill_at(self, size, then=0.0):
        """Starts a conversion and kills it `then` seconds after its file has grown to `size` bytes, or when it is whole."""
        before = {path.name for path in self.folder.glob("a.h5.*.partial")}
        conversion = support.start(self.arguments, cwd=self.folder)
        while conversion.poll() is None and not self.grown(before, size):
            time.sleep(0.0005)
        time.sleep(then)
        conversion.kill()
        conversion.communicate()

    def grown(self, before, size):
        try:
            return self.out.exists() or any(
                path.stat().st_size >= size for path in self.folder.glob("a.h5.*.partial") if path.name not in before
            )
        except FileNotFoundError:  # renamed in between
            return True

    def leftovers(self):
        return sorted(path.name for path in self.folder.iterdir() if path != self.out)

    def assert_not_a_store(self, path):
        for command in (["info", path], ["verify", path]):
            finished = run(["dejavid_convert", *command], cwd=self.folder)
            self.assertEqual(finished.code, 10, finished)
            self.assertEqual(len(finished.errors), 1, finished)
            self.assertIn("make it again", finished.errors[0])

    def test_killed_at_any_moment(self):
        content = self.whole()
        moments = random.Random(50)
        survived, sizes = 0, set()
        for kill in range(KILLS):
            # Every fifth when all is written, and only syncing and renaming are left.
            self.kill_at(len(content) if kill % 5 == 0 else moments.uniform(0, 1) * len(content), moments.uniform(0, 0.004))
            partial = list(self.folder.glob("a.h5.*.partial"))
            self.assertEqual(len(self.leftovers()), len(partial), self.leftovers())
            if self.out.exists():  # then it is all there
                survived += 1
                self.assertEqual(self.out.read_bytes(), content, kill)
                self.out.unlink()
            for left in partial:
                sizes.add(left.stat().st_size)
                if left.read_bytes() == content:  # killed between writing and renaming
                    left.unlink()
                    continue
                renamed = left.rename(self.folder / "by_hand.h5")
                finished = run(["dejavid_convert", "info", renamed])
                self.assertEqual(finished.code, 10, finished)
                renamed.unlink()
        self.assertLess(survived, KILLS)
        self.assertGreater(len(sizes), 5, "of different moments")

    def test_a_rerun_equals_an_undisturbed_conversion(self):
        content = self.whole()
        for share in (0.0, 0.3, 0.6, 0.9):
            self.kill_at(share * len(content))
        self.out.unlink(missing_ok=True)
        left = self.leftovers()
        self.assertTrue(left)
        again = self.succeed(self.arguments)
        self.assertEqual(self.out.read_bytes(), content)
        self.assertEqual(self.leftovers(), left, "another conversion may still be writing them")
        (warning,) = [line for line in again.stderr.splitlines() if "warning" in line]
        for name in left:
            self.assertIn(name, warning)
        finished = run(self.arguments, cwd=self.folder)
        self.assertEqual(finished.code, 13, finished)
        self.assertIn("existing file", finished.errors[0])

    def killed_partial(self):
        """A temporary file with samples in it, of a conversion that was killed."""
        arguments = [10**7 if word == 30000 else word for word in self.arguments]
        conversion = support.start(arguments, cwd=self.folder)
        self.wait_for_bytes(10**6)
        conversion.kill()
        conversion.communicate()
        (partial,) = self.folder.glob("a.h5.*.partial")
        return partial

    def wait_for_bytes(self, count):
        size = lambda: sum(path.stat().st_size for path in self.folder.glob("a.h5.*.partial"))
        deadline = time.monotonic() + 30
        while size() < count and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertGreaterEqual(size(), count)

    def test_a_temporary_file_renamed_by_hand_is_refused(self):
        renamed = self.killed_partial().rename(self.folder / "by_hand.h5")
        self.assert_not_a_store(renamed)
        finished = run(["dejavid_dist", "train", *options(data__store=renamed, run__dir=self.folder / "run")], 3)
        self.assertEqual(finished.code, 10, finished)
        self.assertEqual(len(finished.errors), 1, finished)
        self.assertFalse((self.folder / "run").exists())

    def test_asked_to_stop(self):
        arguments = [10**7 if word == 30000 else word for word in self.arguments]
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                conversion = support.start(arguments, cwd=self.folder)
                self.wait_for_bytes(10**6)
                conversion.send_signal(number)
                finished = support.finish(conversion, timeout=30)
                self.assertEqual(finished.code, 1, finished)
                self.assertEqual(len(finished.errors), 1, finished)
                self.assertIn("stopped", finished.errors[0])
                self.assertEqual(list(self.folder.iterdir()), [])

    def test_disk_full(self):
        """The file may not grow beyond a limit, from its first bytes to its last."""
        content = self.whole()
        limits = [0, 100, 5000, *(len(content) * part // 8 for part in range(1, 8)), len(content) - 4096, len(content) - 1]
        for limit in limits:
            with self.subTest(limit):
                finished = self.run_limited(limit)
                self.assertEqual(finished.code, 13, finished)
                self.assertEqual(len(finished.errors), 1, finished)
                for word in ("a.h5", "errno 27", "; expected "):
                    self.assertIn(word, finished.errors[0])
                self.assertEqual(list(self.folder.iterdir()), [])
        # The last bytes of the file are free before it is closed, and then cut off.
        self.assertEqual(self.run_limited(len(content) + 4096).code, 0)
        self.assertEqual(self.out.read_bytes(), content)

    def run_limited(self, limit):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            conversion = support.start(self.arguments, cwd=self.folder)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        return support.finish(conversion)

    def test_folder_that_cannot_be_written(self):
        for out, word in (("none/a.h5", "errno 2"), ("file/a.h5", "errno 20")):
            with self.subTest(out):
                (self.folder / "file").touch()
                finished = run([*self.arguments[:-1], out], cwd=self.folder)
                self.assertEqual(finished.code, 13, finished)
                self.assertEqual(len(finished.errors), 1, finished)
                self.assertIn(word, finished.errors[0])
                self.assertEqual([path.name for path in self.folder.iterdir()], ["file"])


class StandardOutput(support.ProgramTest):
    """Case 19: results that cannot be printed are no success."""

    def setUp(self):
        super().setUp()
        tse_set = support.make_set(classes=3, per_class=2)
        store = support.write_store(self.folder / "set.h5", tse_set)
        model = support.write_model(self.folder / "model.h5", [sample[:2] for sample in tse_set.samples[:3]])
        self.evaluation = ["dejavid_dist", "eval", *options(model__init=model, data__store=store)]
        self.diagnosis = ["dejavid_dist", "doctor", *options(run__dir=self.folder)]
        self.commands = [
            self.evaluation,
            self.diagnosis,
            ["dejavid_dist", "--print-config"],
            ["dejavid_dist", "--help"],
            ["dejavid_convert", "info", store],
            ["dejavid_convert", "verify", store],
            ["dejavid_convert", "--help"],
            ["dejavid_bench", "--help"],
            ["dejavid_bench", "io", "--store", store, "--batch-size", 4, "--repeats", 1],
        ]

    def assert_cannot_print(self, finished, number):
        self.assertEqual(finished.code, 13, finished)
        self.assertEqual(len(finished.errors), 1, finished)
        for word in ("standard output", os.strerror(number), "; expected "):
            self.assertIn(word, finished.errors[0])
        self.assertEqual({path.name for path in self.folder.iterdir()}, {"set.h5", "model.h5"})

    def redirected(self, command, redirection):
        """`command` by way of a shell that leads its standard output elsewhere."""
        return ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", *support.command_line(command)]

    def test_case_19_full(self):
        for command in self.commands:
            with self.subTest(command[:2]), open("/dev/full", "w") as full:
                self.assert_cannot_print(support.finish(support.start(command, stdout=full)), errno.ENOSPC)

    def test_case_19_closed(self):
        for command in self.commands:
            with self.subTest(command[:2]):
                self.assert_cannot_print(run(self.redirected(command, ">&-")), errno.EBADF)

    def test_case_19_on_three_ranks(self):
        for command in (self.evaluation, self.diagnosis):
            with self.subTest(command[:2]):
                self.assert_cannot_print(run(self.redirected(command, ">/dev/full"), 3), errno.ENOSPC)

    def test_case_19_a_conversion_stands_though_it_cannot_say_so(self):
        arguments = "--preset order --samples 12 --classes 3 --progress off --out a.h5".split()
        with open("/dev/full", "w") as full:
            conversion = support.start(["dejavid_convert", "synthetic", *arguments], cwd=self.folder, stdout=full)
            finished = support.finish(conversion)
        self.assertEqual(finished.code, 13, finished)
        self.succeed(["dejavid_convert", "verify", self.folder / "a.h5"])


if __name__ == "__main__":
    unittest.main()
