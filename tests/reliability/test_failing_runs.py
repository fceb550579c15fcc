"""Cases 15, 16, 18, 19 and 20 of docs/reference/reliability.md: what a training run cannot go on from ends it on all ranks, and loses nothing."""

import fcntl
import io
import json
import os
import subprocess
import unittest

import h5py
import numpy as np

from training_test import FAULTY, PLAIN, RUN, SETTINGS, TIMEOUT, TrainingTest, support


class StuckRanks(TrainingTest):
    def test_case_15_stopped_or_stuck_rank(self):
        """Whoever it is and wherever: the others end the job with 14 when the deadline has passed."""
        faults = ["compute:1:5:stop", "gradient:2:5:stop", "checkpoint:0:4:stop", "evaluate:1:0:hang", "epoch:2:3:hang"]
        for fault in faults:
            with self.subTest(fault=fault):
                folder = self.place(fault.replace(":", "_"))
                finished = self.train_in(folder, fault=fault, code=14, dist__timeout_s=TIMEOUT)
                self.assert_struck(finished)
                for line in finished.errors:
                    self.assertRegex(line, rf"error: rank \d on \S+: found no end of .* expected every rank within {TIMEOUT} s")
                self.assertEqual(len(finished.errors), 1, finished)
                self.train_in(folder, program=PLAIN, dist__timeout_s=TIMEOUT)
                self.assert_same_bytes(folder, self.unbroken(dist__timeout_s=TIMEOUT))

    def test_case_15_stuck_read(self):
        folder = self.place("read")
        finished = self.train_in(
            folder, fault="read:1:40:hang", path="set.h5", code=14, dist__timeout_s=TIMEOUT, data__cache="none"
        )
        self.assert_struck(finished)
        self.assertRegex(finished.errors[0], "found no (end of|return from a read)")

    def test_case_15_nobody_waits_for_the_stuck_rank(self):
        """Alone, or while all ranks are stuck alike. The line names the file that hangs, also where what waits is a read
        that HDF5 does not let in before a checkpoint is written."""
        read, writer, run = "a read of the store", "the writer of checkpoints", "a write of the run's files"
        checkpoint = f"{RUN}/checkpoints/step_"
        for number, (fault, path, cache, waits_for, file) in enumerate((
            ("read:0:1:hang", "set.h5", "none", read, "set.h5"),
            ("read:0:40:hang", "set.h5", "none", read, "set.h5"),
            ("write:0:40:hang", "checkpoints/", "none", f"({read}|{writer})", checkpoint),
            ("write:0:40:hang", "checkpoints/", "memory", writer, checkpoint),
            ("sync:0:5:hang", "checkpoints/", "none", writer, checkpoint),
            ("write:0:8:hang", "metrics.jsonl", "memory", run, f"{RUN}/metrics.jsonl"),
            ("write:0:3:hang", "model.h5", "memory", run, f"{RUN}/model.h5"),
        )):
            with self.subTest(fault=fault, path=path, cache=cache):
                folder = self.place(f"stuck_{number}")
                settings = dict(data__cache=cache, dist__timeout_s=TIMEOUT)
                finished = self.train_in(folder, None, fault=fault, path=path, code=14, **settings)
                self.assert_struck(finished)
                self.assert_one_error(finished, "rank 0 on ", f" after {TIMEOUT}.0 s (at work on {file}")
                self.assertRegex(finished.errors[0], f"found no return from {waits_for} after")
                self.train_in(folder, None, program=PLAIN, **settings)
                self.assert_same_bytes(folder, self.unbroken(None, **settings))

    def test_case_15_stuck_files_of_other_commands(self):
        folder = self.place("others")
        self.train_in(folder, program=PLAIN)
        model = f"{RUN}/model.h5"
        for fault, path, command, file in (
            ("read:0:1:hang", model, "eval", model),
            ("write:0:1:hang", "result.json", "eval", "result.json"),
            ("sync:0:1:hang", "result.csv", "predict", "result.csv"),
            ("write:0:3:hang", "result.h5", "centroids", "result.h5"),
            ("write:0:1:hang", ".dejavid_doctor", "doctor", f"{folder}/.dejavid_doctor"),
        ):
            with self.subTest(command=command, fault=fault):
                settings = dict(dist__timeout_s=3)
                if command != "doctor":
                    settings.update(data__store="set.h5")
                if command in ("eval", "predict"):
                    settings.update(model__init=model)
                out = {"eval": ["--json", "result.json"], "predict": ["--out", "result.csv"], "centroids": ["--out", "result.h5"]}
                finished = support.run(
                    [FAULTY, command, *support.options(**settings), *out.get(command, [])],
                    cwd=folder,
                    environment={"DEJAVID_FAULT": fault, "DEJAVID_FAULT_PATH": path},
                )
                self.assertEqual(finished.code, 14, finished)
                self.assert_struck(finished)
                self.assert_one_error(finished, "rank 0 on ", f" after 3.0 s (at work on {file}")

    def test_case_15_a_slow_reader_of_stdout_is_not_a_stuck_file(self):
        many = support.make_set(3, classes=150, per_class=1, validation_per_class=1)
        store, model = self.folder / "many.h5", self.folder / "model.h5"
        support.write_store(store, many)
        support.write_model(model, np.zeros((150, 3, 7)))
        program = support.command_line([PLAIN, "eval", *support.options(model__init=model, data__store=store, dist__timeout_s=3)])
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        with open(reading) as output:
            process = subprocess.Popen(program, stdout=writing, env=support.surroundings())
            os.close(writing)
            with self.assertRaises(subprocess.TimeoutExpired):
                process.wait(8)  # the pipe is full
            self.assertIn("class 149", output.read())
            self.assertEqual(process.wait(60), 0)


class FailingRanks(TrainingTest):
    def test_case_16_one_rank_fails_while_others_wait(self):
        for place in ("epoch:1:3", "compute:1:5", "gradient:1:5", "update:2:5", "evaluate:2:0", "checkpoint:1:4", "checkpoint:0:4"):
            with self.subTest(place=place):
                folder = self.place(place.replace(":", "_"))
                finished = self.train_in(folder, fault=f"{place}:throw", code=1)
                self.assert_struck(finished)
                self.assert_one_error(finished, "a failure made up for a test")
                self.train_in(folder, program=PLAIN)
                self.assert_same_bytes(folder, self.unbroken())

    def test_case_16_one_rank_cannot_read(self):
        """Opening, first centroids, training, validation: each of them ends in exit code 10 on all ranks."""
        reads_of_phases = set()
        for number in (1, 3, 10, 25, 40, 60, 80, 100):
            with self.subTest(read=number):
                folder = self.place(f"read_{number}")
                self.store_apart(folder / "set.h5")
                finished = self.train_in(folder, fault=f"read:1:{number}:eio", path="set.h5", code=10, data__cache="none")
                self.assert_struck(finished)
                self.assert_one_error(finished, "set.h5")
                steps = support.read_metrics(folder / RUN, "step") if (folder / RUN / "metrics.jsonl").exists() else []
                reads_of_phases.add(min(len(steps), 2))
        self.assertEqual(reads_of_phases, {0, 2}, "before and while training")

    def store_apart(self, path):
        """The features in one piece and far apart, so that HDF5 reads every sample by itself."""
        wide = self.tse_set.map(lambda sample: np.repeat(sample, 1200, axis=1))
        path.unlink()
        support.write_store(path, wide)
        with h5py.File(path, "r+") as file:
            content = file["features"][()]
            del file["features"]
            file.create_dataset("features", data=content)


class DamagedCheckpoints(TrainingTest):
    def interrupted(self, name, step=9):
        """A run that was asked to stop after `step` steps."""
        folder = self.place(name)
        self.train_in(folder, fault=f"compute:1:{step}:term", code=75)
        return folder, sorted((folder / RUN / "checkpoints").iterdir())

    def resume(self, folder, code, **settings):
        return self.train_in(folder, code=code, program=PLAIN, **settings)

    def test_case_18_damaged_checkpoints_are_passed_over(self):
        def truncated(content):
            return content[: len(content) * 2 // 3]

        def flipped(content):
            with h5py.File(io.BytesIO(content), "r") as file:
                at = file["centroids"].id.get_chunk_info(0).byte_offset
            return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]

        def foreign(content):
            return b"no HDF5 at all" * 100

        for damage in (truncated, flipped, foreign, lambda content: b""):
            with self.subTest(damage=damage.__name__):
                folder, checkpoints = self.interrupted(f"damaged_{damage.__name__.strip('<>')}")
                checkpoints[-1].write_bytes(damage(checkpoints[-1].read_bytes()))
                finished = self.resume(folder, 0)
                self.assertIn(checkpoints[-1].name, finished.stderr)
                self.assertEqual(finished.stderr.count("trying the checkpoint before"), 1, finished)
                self.assertIn(checkpoints[-2].name, finished.stderr)
                self.assert_same_bytes(folder, self.unbroken())

    def test_case_18_later_checkpoints_are_left_behind(self):
        """A run that went back behind them keeps what it writes, and goes on from that."""
        folder, checkpoints = self.interrupted("back")
        self.assertEqual([file.name for file in checkpoints], [f"step_0000000{step}.h5" for step in (6, 8, 9)])
        self.train_in(folder, fault="compute:1:8:term", code=75, run__resume=checkpoints[0])
        self.assertEqual(sorted((folder / RUN / "checkpoints").iterdir()), checkpoints[:2])
        self.resume(folder, 0)
        self.assert_same_bytes(folder, self.unbroken())

    def test_case_18_values_that_are_not_finite_are_passed_over(self):
        folder, checkpoints = self.interrupted("nan")
        with h5py.File(checkpoints[-1], "r+") as file:
            for array in ("centroids", "log_weights"):
                file[array][0, 0, 0] = np.nan
                del file[array].attrs["digest"]
            del file.attrs["digest"]
        self.assertIn("trying the checkpoint before", self.resume(folder, 0).stderr)
        self.assert_same_bytes(folder, self.unbroken())

    def test_case_18_a_mixture_is_refused_naming_both_values(self):
        folder, checkpoints = self.interrupted("mixture")
        before = {file: file.read_bytes() for file in checkpoints}
        for settings, words in (
            (dict(model__steps=5), ["model.steps = 4", "expected 5"]),
            (dict(train__profile="dejavid-code"), ["train.profile", '"paper"', '"dejavid-code"']),
            (dict(train__batch_size=8), ["train.batch_size = 16", "expected 8"]),
            (dict(data__bad_samples="skip"), ["data.bad_samples", "refuse", "skip"]),
        ):
            with self.subTest(settings=settings):
                self.assert_one_error(self.resume(folder, 11, **settings), checkpoints[-1].name, *words)
        other = support.make_set(18)
        for name, tse_set in (("other data", other), ("fewer classes", support.make_set(17, classes=4))):
            with self.subTest(store=name):
                (folder / "set.h5").unlink()
                support.write_store(folder / "set.h5", tse_set)
                self.assert_one_error(self.resume(folder, 11), checkpoints[-1].name, "found training on a store of digest")
        (folder / "set.h5").unlink()
        support.write_store(folder / "set.h5", self.tse_set)
        for file, content in before.items():
            self.assertEqual(file.read_bytes(), content, "a refusal leaves everything as it was")
        self.resume(folder, 0)
        self.assert_same_bytes(folder, self.unbroken())

    def test_case_18_a_newer_format_is_refused(self):
        folder, checkpoints = self.interrupted("newer")
        for file in checkpoints:
            with h5py.File(file, "r+") as checkpoint:
                checkpoint.attrs["version"] = 2
        finished = self.resume(folder, 11, run__resume=checkpoints[-1])
        self.assert_one_error(finished, checkpoints[-1].name, "attribute version", "found 2", "expected 1")

    def test_case_18_nothing_to_resume_from(self):
        """By name it is an error; auto begins anew, unless there are checkpoints and none is whole."""
        folder = self.place("nothing")
        (folder / "empty").mkdir()
        for path in ("training/checkpoints/step_00000004.h5", "nowhere", "empty"):
            with self.subTest(path=path):
                self.assert_one_error(self.resume(folder, 11, run__resume=path), path)
                self.assertFalse((folder / RUN).exists())
        model = support.write_model(folder / "model.h5", np.zeros((5, 4, 7)))
        self.assert_one_error(self.resume(folder, 11, run__resume=model), "model.h5", "without training state")

        folder, checkpoints = self.interrupted("none_whole")
        metrics = (folder / RUN / "metrics.jsonl").read_bytes()
        for file in checkpoints:
            file.write_bytes(b"")
        self.assert_one_error(self.resume(folder, 11), "checkpoints", "none of which is whole")
        self.assertEqual((folder / RUN / "metrics.jsonl").read_bytes(), metrics)

    def test_case_18_a_set_that_only_some_ranks_see(self):
        """As on hosts that do not share run.dir: rank 0 would go on from step 9, the others begin anew."""
        folder, _ = self.interrupted("shared")
        (folder / "elsewhere").mkdir()
        settings = {**SETTINGS, "data__store": folder / "set.h5"}
        jobs = [
            (1, [PLAIN, "train", *support.options(**settings, run__dir=folder / RUN)]),
            (2, [PLAIN, "train", *support.options(**settings, run__dir=folder / "elsewhere" / RUN)]),
        ]
        finished = support.finish(support.start_unlike(jobs, cwd=folder))
        self.assertEqual(finished.code, 11, finished)
        self.assert_one_error(finished, "found different checkpoints")


class DisksThatFail(TrainingTest):
    def test_case_19_full_disk(self):
        """On every file of a run: 13, one line, the checkpoints that were there stay, no temporary file is left."""
        for path, number in (("checkpoints/", 40), ("best.h5", 3), ("metrics.jsonl", 4), ("tensorboard/", 4), ("model.h5", 1), ("summary.json", 2)):
            for kind in ("enospc", "edquot"):
                if kind == "edquot" and path != "checkpoints/":
                    continue
                with self.subTest(path=path, kind=kind):
                    folder = self.place(f"{path.strip('/')}_{kind}")
                    finished = self.train_in(folder, fault=f"write:0:{number}:{kind}", path=f"{RUN}/{path}", code=13)
                    self.assert_one_error(finished, path)
                    self.assertEqual(self.unfinished(folder), [])
                    self.assert_whole_checkpoints(folder)
                    self.train_in(folder, program=PLAIN)
                    self.assert_same_bytes(folder, self.unbroken())

    def test_case_19_keep_going(self):
        folder = self.place("keep_going")
        finished = self.train_in(
            folder, fault="write:0:40:eio", path="checkpoints/", run__keep_going=True, run__checkpoint_keep=20
        )
        self.assert_struck(finished)
        self.assertIn("training goes on without this checkpoint", finished.stderr)
        straight = self.unbroken(run__keep_going=True, run__checkpoint_keep=20)
        self.assertEqual(len(self.files_of(straight)) - len(self.files_of(folder)), 1)
        for file in ("model.h5", "best.h5"):
            self.assertEqual((folder / RUN / file).read_bytes(), (straight / RUN / file).read_bytes())

    def test_case_19_keep_going_past_a_best_model(self):
        """It is written with the next checkpoint."""
        folder = self.place("best")
        self.assert_struck(self.train_in(folder, fault="write:0:3:eio", path="best.h5", run__keep_going=True))
        self.assertEqual((folder / RUN / "best.h5").read_bytes(), (self.unbroken(run__keep_going=True) / RUN / "best.h5").read_bytes())

    def test_case_19_output_that_cannot_be_written(self):
        folder = self.place("read_only")
        (folder / RUN).write_text("a file where a folder is expected")
        self.assert_one_error(self.train_in(folder, code=13), RUN, "expected a folder")
        self.assertEqual((folder / RUN).read_text(), "a file where a folder is expected")

    def test_case_19_stderr_closed(self):
        """A log that nobody reads must not end a run."""
        folder = self.place("closed")
        read, write = os.pipe()
        os.close(read)
        job = support.start(
            [PLAIN, "train", *support.options(data__store="set.h5", run__dir=RUN, **SETTINGS)],
            None,
            cwd=folder,
            stderr=write,
        )
        os.close(write)
        self.assertEqual(support.finish(job).code, 0)
        self.assertTrue((folder / RUN / "model.h5").exists())


class NumbersThatFail(TrainingTest):
    def test_case_20_gradient_that_is_not_finite_on_one_rank(self):
        for rank, step in ((0, 0), (1, 4), (2, 5)):
            with self.subTest(rank=rank, step=step):
                folder = self.place(f"nan_{rank}_{step}")
                finished = self.train_in(folder, fault=f"gradient:{rank}:{step}:nan", code=12)
                self.assert_struck(finished)
                self.assert_one_error(finished, f"step {step} ", "gradient that is not finite", "refused_step.json")
                refused = json.loads((folder / RUN / "refused_step.json").read_text())
                self.assertEqual((refused["step"], refused["epoch"]), (step, step // 3))
                self.assertEqual(len(refused["samples"]), 8 if step % 3 == 2 else 16)
                self.assertEqual(len(support.read_metrics(folder / RUN, "step")), step, "steps before it")
                self.train_in(folder, program=PLAIN)
                self.assert_same_bytes(folder, self.unbroken())

    def test_case_20_a_flipped_bit_makes_ranks_differ(self):
        """Found at the next epoch: all take rank 0's parameters, and say so."""
        folder = self.place("flip")
        finished = self.train_in(folder, fault="epoch:1:3:flip")
        self.assert_struck(finished)
        self.assertIn("ranks hold different parameters", finished.stderr)
        self.assert_same_bytes(folder, self.unbroken())

    def test_case_20_divergence(self):
        folder = self.place("diverged")
        finished = self.train_in(folder, code=12, program=PLAIN, train__lr=1e30)
        self.assert_one_error(finished, "lower train.lr")
        self.assertTrue((folder / RUN / "refused_step.json").exists())
        self.assert_whole_checkpoints(folder)



class TooLittleMemory(support.ProgramTest):
    """Wherever memory runs out, from the loading of libraries on: one line and 1."""

    def test_at_every_size_that_is_too_small(self):
        store, train = self.folder / "set.h5", ["train", *support.options(data__store="set.h5", train__epochs=1, run__progress="off")]
        support.write_store(store, support.make_set(lengths=(40, 60), features=40))
        kibibytes, seen = 30_000, 0
        while True:
            run_dir = self.folder / f"run_{kibibytes}"
            program = [str(support.BIN / "dejavid_dist"), *train, "--run.dir", str(run_dir), "--dist.threads", "2"]
            limited = ["bash", "-c", f'ulimit -v {kibibytes}; exec "$@"', "bash", *program]
            done = subprocess.run(limited, capture_output=True, text=True, cwd=self.folder, timeout=120)
            if done.returncode == 0:
                break
            if done.returncode != 127:  # else it is the system's loader that ran out
                seen += 1
                with self.subTest(kibibytes=kibibytes):
                    self.assertEqual(done.returncode, 1, done)
                    errors = [line for line in done.stderr.splitlines() if "error" in line or "terminate" in line]
                    self.assertEqual(len(errors), 1, done)
                    self.assertRegex(errors[0], "^error: memory: found ")
            kibibytes += 5_000
        self.assertGreater(seen, 0)

    def test_on_all_ranks(self):
        support.write_store(self.folder / "set.h5", support.make_set(features=50_000, lengths=(2, 4)))
        words = support.options(data__store="set.h5", model__steps=2**24, run__dir=self.folder / "run", run__progress="off")
        done = support.run(["dejavid_dist", "train", *words], 2, cwd=self.folder)
        self.assertEqual(done.code, 1, done)
        self.assertEqual(done.stderr.count("error: memory: found too little"), 1, done)
        for key in ("train.batch_size", "model.steps", "centroids.samples_per_class"):
            self.assertIn(key, done.stderr)


class TooFewFiles(support.ProgramTest):
    def test_is_told_from_too_little_memory(self):
        support.write_store(self.folder / "set.h5", support.make_set(lengths=(2, 4)))
        told = []
        for files in range(4, 12):
            words = support.options(data__store="set.h5", run__dir=self.folder / f"run{files}", train__epochs=1, run__progress="off")
            program = [str(support.BIN / "dejavid_dist"), "train", *words]
            limited = ["bash", "-c", f'ulimit -n {files}; exec "$@"', "bash", *program]
            done = subprocess.run(limited, capture_output=True, text=True, cwd=self.folder, timeout=120)
            with self.subTest(files=files):
                self.assertNotIn("GiB", done.stderr)
                if "Too many open files" in done.stderr and done.returncode == 13:
                    self.assertIn("raise the limit on open files (ulimit -n)", done.stderr)
                    told.append(files)
        self.assertTrue(told)


if __name__ == "__main__":
    unittest.main()
