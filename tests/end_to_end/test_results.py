"""Results go where a user points: pipes, devices, links, standard output; and what terminals and readers that have gone get."""

import contextlib
import json
import os
import signal
import stat
import subprocess
import threading
import time
import unittest
from pathlib import Path

import numpy as np

import support
from support import options, run

CLASSES, FEATURES, STEPS = 3, 4, 3


class ResultsTest(support.ProgramTest):
    def setUp(self):
        super().setUp()
        tse_set = support.make_set(seed=61, classes=CLASSES, per_class=3, features=FEATURES, lengths=(3, 8))
        self.store = support.write_store(self.folder / "set.h5", tse_set)
        self.model = support.write_model(self.folder / "model.h5", [sample[:STEPS] for sample in tse_set.samples[:CLASSES]])
        trial = options(model__init=self.model, data__store=self.store)
        start = options(data__store=self.store, model__steps=STEPS, run__progress="off")
        # What makes a result, up to the option that names it; all but the last give the same bytes each time.
        self.commands = {
            "predict": ["dejavid_dist", "predict", *trial, "--out"],
            "centroids": ["dejavid_dist", "centroids", *start, "--out"],
            "eval": ["dejavid_dist", "eval", *trial, "--json"],
            "info": ["dejavid_convert", "info", self.store, "--json"],
            "verify": ["dejavid_convert", "verify", self.store, "--json"],
            "bench": ["dejavid_bench", "io", "--store", self.store, "--batch-size", 4, "--repeats", 1, "--json"],
        }

    def expected(self, name):
        """What that command writes to a regular file."""
        file = self.folder / f"expected_{name}"
        if not file.exists():
            self.succeed([*self.commands[name], file])
        return file.read_bytes()

    def assert_result(self, name, found):
        if name == "bench":
            self.assertEqual([record["part"] for record in json.loads(found)["records"]], ["io"] * 8)
        elif name == "centroids":
            file = self.folder / "found.h5"
            file.write_bytes(found)
            self.succeed(["dejavid_dist", "eval", *options(model__init=file, data__store=self.store)])
        if name != "bench":
            self.assertEqual(found, self.expected(name))

    def read_while(self, pipe, command, ranks=None):
        """What a reader of `pipe` gets from a command that succeeds."""
        got = []
        reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
        reader.start()
        self.succeed(command, ranks)
        reader.join(10)
        self.assertTrue(got, "the reader of the pipe still waits")
        return got[0]


class Destinations(ResultsTest):
    def test_pipe(self):
        pipe, link = self.folder / "pipe", self.folder / "link"
        os.mkfifo(pipe)
        link.symlink_to("pipe")
        for name, command in self.commands.items():
            with self.subTest(name):
                self.assert_result(name, self.read_while(pipe, [*command, link if name == "info" else pipe]))
                self.assertTrue(pipe.is_fifo() and link.is_symlink())

    def test_links(self):
        real, first, second = (self.folder / name for name in ("apart/real", "first", "second"))
        real.parent.mkdir()
        first.symlink_to(real)
        second.symlink_to("first")
        for name, command in self.commands.items():
            with self.subTest(name):
                for before in ("old", None):  # then a link that leads nowhere yet
                    real.unlink(missing_ok=True)
                    if before:
                        real.write_text(before)
                    self.succeed([*command, second])
                    self.assert_result(name, real.read_bytes())
                self.assertTrue(first.is_symlink() and second.is_symlink() and not real.is_symlink())
                self.assertEqual([path.name for path in real.parent.iterdir()], ["real"])

    def test_device(self):
        null, full = self.folder / "null", self.folder / "full"  # our own: never the machine's
        try:
            for path, number in ((null, 3), (full, 7)):
                os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, number))
            null.write_bytes(b"")
        except PermissionError:
            self.skipTest("this user cannot make a device node")
        for name, command in self.commands.items():
            with self.subTest(name):
                self.succeed([*command, null])
                self.assertTrue(null.is_char_device())
                self.assert_refused([*command, full], full, "No space left")
                self.assertTrue(full.is_char_device())

    def assert_refused(self, command, *words):
        finished = run(command, cwd=self.folder)
        self.assertEqual((finished.code, len(finished.errors)), (13, 1), finished)
        for word in (*map(str, words), "; expected "):
            self.assertIn(word, finished.errors[0])

    def test_standard_output(self):
        """Alone on it, so that it can be read in a pipeline."""
        for name, command in self.commands.items():
            for out in ("-", "/dev/stdout"):
                with self.subTest(name, out=out):
                    process = subprocess.run(
                        support.command_line([*command, out]), cwd=self.folder, env=support.surroundings(), capture_output=True
                    )
                    self.assertEqual(process.returncode, 0, process.stderr)
                    self.assert_result(name, process.stdout)
        self.assertFalse((self.folder / "-").exists())

    def test_standard_output_of_ranks(self):
        finished = self.succeed([*self.commands["predict"], "/dev/stdout"], ranks=2)
        self.assertEqual(finished.stdout.encode(), self.expected("predict"))

    def test_file_that_a_shell_has_opened(self):
        """`>> log` is appended to, though the name leads to a regular file; so is any other open number."""
        log = self.folder / "log"
        for redirection, out in ((">> log", "/dev/stdout"), (">> log", "-"), ("3>> log", "/dev/fd/3"), ("3>> log", "/proc/self/fd/3")):
            with self.subTest(redirection, out=out):
                log.write_text("before\n")
                words = support.command_line([*self.commands["predict"], out])
                finished = support.jobs.run(
                    ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", *words], cwd=self.folder, environment=support.surroundings()
                )
                self.assertEqual(finished.code, 0, finished)
                self.assertEqual(log.read_bytes(), b"before\n" + self.expected("predict"))

    def test_nothing_to_write_to(self):
        (self.folder / "here").symlink_to("there")
        (self.folder / "there").symlink_to("here")
        (self.folder / "dangling").symlink_to("no/such/file")
        for name, command in self.commands.items():
            with self.subTest(name):
                self.assert_refused([*command, "here"], "here", "circle")
                self.assert_refused([*command, self.store], self.store, "an input of this command")
        command = self.commands["predict"]
        self.assert_refused([*command, self.folder], self.folder, "a folder")
        self.assert_refused([*command, "dangling"], "dangling", "No such file")
        self.assert_refused([*command, "/dev/fd/77"], "/dev/fd/77", "no open file")

    def test_runs_do_not_write_over_their_inputs(self):
        content = Path(self.store).read_bytes()
        for name in ("model.h5", "best.h5", "checkpoints/step_00000001.h5"):
            with self.subTest(name):
                run_dir = self.folder / f"run_of_{Path(name).stem}"
                (run_dir / name).parent.mkdir(parents=True)
                (run_dir / name).write_bytes(content)
                for program in ("dejavid_dist", "lrprop_dist"):
                    self.assert_refused(
                        [program, "train", *options(data__store=run_dir / name, run__dir=run_dir)], run_dir / name, "an input of this run"
                    )
                    self.assertEqual((run_dir / name).read_bytes(), content)
        run_dir = self.folder / "run_of_init"
        run_dir.mkdir()
        model = Path(self.model).rename(run_dir / "best.h5")
        content = model.read_bytes()
        self.assert_refused(
            ["dejavid_dist", "train", *options(data__store=self.store, model__init=model, run__dir=run_dir)], model, "an input of this run"
        )
        self.assertEqual(model.read_bytes(), content)

    def test_configurations_are_inputs(self):
        config = self.folder / "asked.toml"
        config.write_text("[dist]\nthreads = 1\n")
        for name in ("predict", "centroids", "eval"):
            with self.subTest(name):
                program, command, *words = self.commands[name]
                self.assert_refused([program, command, "--config", config, *words, config], config, "an input of this command")
        words = ["--config", config, *options(data__store=self.store), "--json", config]
        self.assert_refused(["dejavid_dist", "neighbours", *words], config, "an input of this command")
        self.assertEqual(config.read_text(), "[dist]\nthreads = 1\n")
        # A run may be begun again by its own.
        run_dir = self.folder / "again"
        self.succeed(["dejavid_dist", "train", *options(data__store=self.store, model__steps=STEPS, run__dir=run_dir)])
        self.succeed(["dejavid_dist", "train", "--config", run_dir / "config.toml", *options(run__resume="auto")])

    def test_reports_do_not_write_over_their_run(self):
        run_dir = self.folder / "run"
        self.succeed(["dejavid_dist", "train", *options(data__store=self.store, model__steps=STEPS, run__dir=run_dir)])
        files = [file for file in run_dir.rglob("*") if file.is_file()]
        self.assertGreater(len(files), 6)
        for file in files:
            with self.subTest(file=file.relative_to(run_dir)):
                content = file.read_bytes()
                self.assert_refused(["dejavid_dist", "report", *options(run__dir=run_dir), "--out", file], file, "an input of this command")
                self.assertEqual(file.read_bytes(), content)

    def test_stores_are_regular_files(self):
        pipe, dangling = self.folder / "pipe", self.folder / "dangling"
        os.mkfifo(pipe)
        dangling.symlink_to("new.h5")
        np.save(self.folder / "a.npy", np.ones((3, 2), dtype=np.float32))
        (self.folder / "all.csv").write_text("id,file,label,split\na,a.npy,x,train\n")
        (self.folder / "a.ts").write_text("@classLabel true x\n@data\n1,2:3,4:x\n")
        for command in (
            ["synthetic", "--preset", "order", "--samples", 12],
            ["npy", "--manifest", "all.csv"],
            ["ts", "--train", "a.ts"],
            ["merge", self.store],
        ):
            command = ["dejavid_convert", *command, "--progress", "off", "--out"]
            with self.subTest(command[1]):
                self.assert_refused([*command, pipe], pipe, "a pipe", "a regular file")
                self.succeed([*command, dangling])
                self.assertTrue(dangling.is_symlink() and pipe.is_fifo())
                self.succeed(["dejavid_convert", "verify", self.folder / "new.h5"])
                (self.folder / "new.h5").unlink()
        self.assert_refused([*command, "-"], "standard output", "a regular file")
        self.assert_refused([*command, "/dev/null"], "a device", "a regular file")


class Readers(ResultsTest):
    def test_reader_that_has_gone(self):
        """`... | head` ends quietly."""
        for command in (
            *([program, "--help"] for program in ("dejavid_dist", "dejavid_convert", "dejavid_bench")),
            ["dejavid_dist", "train", "--print-config"],
            ["dejavid_dist", "--version"],
            ["dejavid_convert", "npy", "--help"],
            *([*command, "-"] for command in self.commands.values()),
            self.commands["eval"][:-1],
            self.commands["info"][:-1],
        ):
            with self.subTest(command[:2]):
                reading, writing = os.pipe()
                os.close(reading)
                with open(writing, "w") as pipe:
                    finished = support.finish(support.start(command, cwd=self.folder, stdout=pipe))
                self.assertEqual((finished.code, finished.errors), (0, []), finished)

    def test_a_pipe_of_a_name_that_is_left(self):
        """That is a result that did not arrive."""
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        opened = threading.Thread(target=lambda: os.close(os.open(pipe, os.O_RDONLY)))
        opened.start()
        large = support.write_store(self.folder / "large.h5", support.make_set(classes=2000, per_class=1, validation_per_class=1))
        model = support.write_model(self.folder / "zero.h5", np.zeros((2000, STEPS, 7)))
        command = ["dejavid_dist", "predict", *options(model__init=model, data__store=large), "--out", pipe]
        finished = run(command, cwd=self.folder)
        opened.join()
        self.assertEqual((finished.code, len(finished.errors)), (13, 1), finished)
        self.assertIn(f"{pipe}: found Broken pipe", finished.errors[0])


class Terminals(ResultsTest):
    def on_terminal(self, command, **environment):
        """What a command writes to standard error where that is a terminal."""
        terminal, its_end = os.openpty()
        surroundings = {**support.surroundings(), "TERM": "xterm", **environment}
        process = subprocess.Popen(
            support.command_line(command), cwd=self.folder, env=surroundings, stdout=subprocess.DEVNULL, stderr=its_end
        )
        os.close(its_end)
        text = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while part := os.read(terminal, 4096):
                text += part
        os.close(terminal)
        self.assertEqual(process.wait(60), 0, text)
        return text

    def test_escapes(self):
        for number, (environment, choice, escapes, bar) in enumerate((
            (dict(), "auto", True, True),
            (dict(NO_COLOR=""), "auto", True, True),
            (dict(TERM="dumb"), "auto", False, False),
            (dict(TERM=""), "auto", False, False),
            (dict(NO_COLOR="1"), "auto", False, False),
            (dict(TERM="dumb"), "bar", False, True),
            (dict(NO_COLOR="1"), "bar", False, True),
        )):
            out = self.folder / f"{number}.h5"
            for command in (
                ["dejavid_convert", "merge", self.store, "--progress", choice, "--out", out],
                ["dejavid_dist", "centroids", *options(data__store=self.store, run__progress=choice), "--out", out],
            ):
                with self.subTest(command[1], **environment, choice=choice):
                    text = self.on_terminal(command, **environment)
                    self.assertEqual(b"\x1b" in text, escapes, text)
                    self.assertEqual(b"\r" in text.replace(b"\r\n", b""), bar, text)


class EarlyStops(ResultsTest):
    """From the first instruction on: before the libraries have initialised themselves, and at any time after."""

    def handles(self, pid, number):
        """Whether a process holds a signal back or has a handler for it."""
        with contextlib.suppress(OSError):
            folder = Path("/proc", str(pid))
            for line in (folder / "status").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in ("SigBlk", "SigCgt") and int(value, 16) >> (number - 1) & 1:
                    return "dejavid_dist" in (folder / "comm").read_text()
        return False

    def ranks_of(self, process, ranks):
        if ranks is None:
            return [process.pid]
        with contextlib.suppress(OSError):
            tasks = Path("/proc", str(process.pid), "task").iterdir()
            return [int(child) for task in tasks for child in (task / "children").read_text().split()]
        return []

    def stop_at(self, seconds, number, ranks):
        """Stops a run that time after each rank takes note of signals, then has it go on to its end."""
        run_dir = self.folder / f"run_{ranks}_{number}_{seconds}"
        arguments = options(data__store=self.store, run__dir=run_dir, model__steps=STEPS, run__progress="off")
        command = ["dejavid_dist", "train", *arguments]
        process = support.start([*command, "--train.epochs", 10**6], ranks, cwd=self.folder)
        ready = lambda: [pid for pid in self.ranks_of(process, ranks) if self.handles(pid, number)]
        while len(found := ready()) < (ranks or 1) and process.poll() is None:
            pass
        threading.Event().wait(seconds)
        for pid in found if number != signal.SIGUSR2 else [process.pid]:
            os.kill(pid, number)
        finished = support.finish(process, timeout=60)
        self.assertEqual((finished.code, finished.errors), (75, []), finished)
        self.assertIn("asked to stop", finished.stderr)
        checkpoints = list(run_dir.glob("checkpoints/*.h5"))
        self.assertTrue(checkpoints or not run_dir.exists(), list(run_dir.rglob("*")))
        if checkpoints:
            self.assertEqual(json.loads((run_dir / "summary.json").read_text())["exit_code"], 75)
            self.succeed(["dejavid_dist", "eval", *options(model__init=checkpoints[0], data__store=self.store)])
        else:
            self.succeed([*command, "--train.epochs", 2, "--run.resume", "auto"], ranks)
            self.assertTrue((run_dir / "model.h5").exists())

    def test_alone(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
            for seconds in (0, 0.2, 0.5, 1):
                with self.subTest(number.name, seconds=seconds):
                    self.stop_at(seconds, number, None)

    def test_ranks(self):
        """SIGUSR2 goes to mpirun, which passes it on; the others to each rank, as Slurm sends them."""
        for number, seconds in ((signal.SIGUSR2, 0), (signal.SIGINT, 0.2), (signal.SIGTERM, 0.5), (signal.SIGUSR2, 1)):
            with self.subTest(number.name, seconds=seconds):
                self.stop_at(seconds, number, 2)

    def test_what_has_nothing_to_keep_ends_at_once(self):
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)  # without a reader it waits
        process = support.start([*self.commands["predict"], pipe], cwd=self.folder)
        seen_by = time.monotonic() + 5  # the moment is short, and others may have the processor
        while not self.handles(process.pid, signal.SIGTERM) and time.monotonic() < seen_by:
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        self.assertEqual(support.finish(process).code, -signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
