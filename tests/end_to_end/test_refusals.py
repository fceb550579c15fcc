"""What must be refused: exit code, one line that names the culprit, nothing left behind; on one rank and three."""

import os
import signal
import tempfile
import time
import unittest
from pathlib import Path

import h5py
import numpy as np

import support
from support import options, run

CLASSES, FEATURES, STEPS = 3, 4, 3


def good_set(**others):
    return support.make_set(
        **{"seed": 40, "classes": CLASSES, "per_class": 4, "features": FEATURES, "lengths": (3, 8), **others}
    )


class Case:
    """One bad input. `prepare(folder)` makes it and returns its options; the line must contain all `words`."""

    def __init__(self, code, words, prepare, command="train"):
        self.code, self.words, self.prepare, self.command = code, words, prepare, command


def with_settings(**settings):
    return lambda folder: options(data__store=support.write_store(folder / "set.h5", good_set()), **settings)


def with_store(make, **settings):
    """`make(path)` writes the store."""

    def prepare(folder):
        make(folder / "set.h5")
        return options(data__store=folder / "set.h5", **settings)

    return prepare


def with_changed(change, digests=True):
    """A good store, changed by `change(file)` in place."""

    def make(path):
        support.write_store(path, good_set(), digests=digests)
        with h5py.File(path, "r+") as file:
            change(file)

    return with_store(make)


def with_set(change, **settings):
    """A store of a good set whose samples, labels or splits `change(set)` alters first; its digests fit."""

    def make(path):
        tse_set = good_set()
        change(tse_set)
        support.write_store(path, tse_set)

    return with_store(make, **settings)


def with_toml(text):
    def prepare(folder):
        (folder / "run.toml").write_text(text)
        return ["--config", folder / "run.toml", *with_settings()(folder)]

    return prepare


def with_model(make, **settings):
    """Evaluates a good store with the model that `make(path)` writes."""

    def prepare(folder):
        make(folder / "model.h5")
        return with_settings(model__init=folder / "model.h5", **settings)(folder)

    return prepare


def replace(name, change):
    """Replaces a dataset by what `change` makes of its content."""

    def apply(file):
        content = change(file[name][()])
        del file[name]
        file[name] = content

    return apply


def put(name, index, value):
    def apply(file):
        file[name][index] = value

    return apply


def set_attribute(name, value):
    return lambda file: file.attrs.__setitem__(name, value)


def set_feature(sample, step, value):
    def apply(tse_set):
        tse_set.samples[sample][step, 1] = value

    return apply


def truncated(write, share=0.6):
    def make(path):
        write(path)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    return make


def flip_bit_in_the_file(path):
    """Flips one bit of the stored features of sample 2, behind the back of HDF5."""
    tse_set = good_set()
    support.write_store(path, tse_set)
    content = bytearray(path.read_bytes())
    content[content.index(tse_set.samples[2].tobytes()) + 5] ^= 16
    path.write_bytes(content)


def flip_bit_in_the_values(path):
    """Flips one bit of a feature of sample 2 as a program would that rewrites the chunk: only the digest can tell."""
    support.write_store(path, good_set())
    with h5py.File(path, "r+") as file:
        row = file["offsets"][2]
        bits = file["features"][row].view(np.uint32)
        bits[0] ^= 1
        file["features"][row] = bits.view(np.float32)


def empty_class(tse_set):
    tse_set.splits[tse_set.labels == 1] = support.VALIDATION


def zero_length(tse_set):
    tse_set.samples[2] = tse_set.samples[2][:0]


def two_classes(path):
    support.write_store(path, good_set(classes=2))


def good_model(path, classes=CLASSES, features=FEATURES):
    support.write_model(path, np.random.default_rng(1).normal(size=(classes, STEPS, features)))


def used_run_directory(folder):
    (folder / "run").mkdir()
    (folder / "run" / "metrics.jsonl").write_text(
        '{"event":"step","epoch":0,"step":0,"loss":1.0,"lr":0.001,"samples":3}\n'
    )
    (folder / "run" / "config.toml").write_text("")
    return with_settings()(folder)


def below_a_file(folder):
    (folder / "file").write_text("")
    return with_settings(run__dir=folder / "file" / "run")(folder)


def write_garbage(path):
    path.write_text("This is not HDF5.\n" * 100)


FIRST_VALIDATION = CLASSES * 4
USAGE = {
    "unknown key on the command line": Case(2, ["train.epoch", "train.epochs"], with_settings(train__epoch=3)),
    "unknown key in a file": Case(
        2, ["run.toml:3", "epoch", "train.epochs"], with_toml("[train]\nlr = 0.1\nepoch = 3\n")
    ),
    "unknown section in a file": Case(2, ["run.toml:1", "trian", "train"], with_toml("[trian]\nlr = 0.1\n")),
    "text for a number": Case(2, ["train.epochs", "many"], with_settings(train__epochs="many")),
    "text for a number in a file": Case(2, ["run.toml:2", "train.epochs"], with_toml('[train]\nepochs = "many"\n')),
    "number for a choice": Case(2, ["train.refresh", "epoch", "batch"], with_settings(train__refresh=3)),
    "misspelt choice": Case(2, ["train.refresh", "epoch", "batch"], with_settings(train__refresh="bach")),
    "half precision on the CPU": Case(
        2, ["train.path_precision", "f16", "i8"], with_settings(train__path_precision="f16")
    ),
    "half precision gradients on the CPU": Case(
        2, ["train.gradient_precision", "f16", "f32"], with_settings(train__gradient_precision="f16")
    ),
    "fraction for a whole number": Case(2, ["train.batch_size", "1.5"], with_settings(train__batch_size=1.5)),
    "batch of no samples": Case(2, ["train.batch_size"], with_settings(train__batch_size=0)),
    "no centroid steps": Case(2, ["model.steps"], with_settings(model__steps=0)),
    "broken TOML": Case(2, ["run.toml:1"], with_toml("[train\n")),
    "missing configuration file": Case(2, ["none.toml"], lambda folder: ["--config", folder / "none.toml"]),
    "unknown subcommand": Case(2, ["trian", "train"], with_settings(), command="trian"),
    "no store": Case(2, ["data.store"], lambda folder: []),
    "two classes with normalised logits": Case(2, ["logit_norm", "none"], with_store(two_classes)),
}
STORE = {
    "missing": Case(10, ["set.h5"], with_store(lambda path: None)),
    "a directory": Case(10, ["set.h5"], with_store(lambda path: path.mkdir())),
    "empty file": Case(10, ["set.h5"], with_store(lambda path: path.touch())),
    "not HDF5": Case(10, ["set.h5"], with_store(write_garbage)),
    "truncated": Case(10, ["set.h5"], with_store(truncated(lambda path: support.write_store(path, good_set())))),
    "last byte missing": Case(
        10, ["set.h5"], with_store(truncated(lambda path: support.write_store(path, good_set()), 0.9999))
    ),
    "another format": Case(10, ["set.h5", "dejavid-tse"], with_changed(set_attribute("format", "dejavid-model"))),
    "newer version": Case(10, ["set.h5", "version"], with_changed(set_attribute("version", 2))),
    "not complete": Case(
        10, ["set.h5", "complete"], with_store(lambda path: support.write_store(path, good_set(), complete=False))
    ),
    "labels missing": Case(10, ["set.h5", "labels"], with_changed(lambda file: file.__delitem__("labels"))),
    "labels too short": Case(10, ["set.h5", "labels"], with_changed(replace("labels", lambda labels: labels[:-1]))),
    "split too long": Case(
        10, ["set.h5", "split"], with_changed(replace("split", lambda split: np.append(split, split[:1])))
    ),
    "features of one dimension": Case(10, ["set.h5", "features"], with_changed(replace("features", np.ravel))),
    "features of another type": Case(10, ["set.h5", "features"], with_changed(replace("features", np.float64))),
    "feature_dim that is not the features'": Case(
        10, ["set.h5", "feature_dim"], with_changed(set_attribute("feature_dim", 5))
    ),
    "offsets beyond the features": Case(10, ["set.h5", "offsets"], with_changed(put("offsets", -1, 10**6))),
    "offsets that fall": Case(10, ["set.h5", "offsets"], with_changed(put("offsets", 3, 0))),
    "offsets that do not begin at 0": Case(10, ["set.h5", "offsets"], with_changed(put("offsets", 0, 1))),
    "sample without steps": Case(10, ["set.h5", "2"], with_set(zero_length)),
    "label too large": Case(10, ["set.h5", "labels", "5"], with_changed(put("labels", 5, CLASSES))),
    "negative label": Case(10, ["set.h5", "labels", "5"], with_changed(put("labels", 5, -1))),
    "unknown split": Case(10, ["set.h5", "split", "5"], with_changed(put("split", 5, 3))),
    "one class": Case(10, ["set.h5", "class"], with_store(lambda path: support.write_store(path, good_set(classes=1)))),
    "class without a training sample": Case(10, ["set.h5", "class 1"], with_set(empty_class)),
    "no training samples": Case(10, ["set.h5"], with_set(lambda tse_set: tse_set.splits.fill(support.TEST))),
    "flipped bit in the file": Case(10, ["set.h5", "features"], with_store(flip_bit_in_the_file)),
    "flipped bit in the values": Case(10, ["set.h5", "features", "sample_2"], with_store(flip_bit_in_the_values)),
    "NaN in the first step": Case(12, ["set.h5", "features", "sample_4"], with_set(set_feature(4, 0, np.nan))),
    "NaN in the last step": Case(12, ["set.h5", "features", "sample_4"], with_set(set_feature(4, -1, np.nan))),
    "infinity": Case(12, ["set.h5", "features", "sample_4"], with_set(set_feature(4, 1, -np.inf))),
    "NaN without digests": Case(
        12, ["set.h5", "features", "sample_0"], with_changed(put("features", (0, 1), np.nan), digests=False)
    ),
    "NaN that only one rank reads": Case(
        12,
        ["set.h5", "features", f"sample_{FIRST_VALIDATION + 4}"],
        with_set(set_feature(FIRST_VALIDATION + 4, 0, np.nan)),
    ),
}
STORE["one of two stores with other features"] = Case(
    10,
    ["other.h5", "4", "5"],
    lambda folder: [
        "--data.store",
        support.write_store(folder / "set.h5", good_set()),
        support.write_store(folder / "other.h5", good_set(features=5)),
    ],
)
MODEL = {
    "missing": Case(11, ["model.h5"], with_model(lambda path: None), "eval"),
    "truncated": Case(11, ["model.h5"], with_model(truncated(good_model)), "eval"),
    "not HDF5": Case(11, ["model.h5"], with_model(write_garbage), "predict"),
    "a store": Case(
        11, ["model.h5", "dejavid-model"], with_model(lambda path: support.write_store(path, good_set())), "eval"
    ),
    "other features": Case(11, ["model.h5", "5", "4"], with_model(lambda path: good_model(path, features=5)), "eval"),
    "other classes": Case(11, ["model.h5", "4", "3"], with_model(lambda path: good_model(path, classes=4))),
    "other features to start from": Case(
        11, ["model.h5", "5", "4"], with_model(lambda path: good_model(path, features=5))
    ),
    "resume from what is not there": Case(11, ["nothing.h5"], with_settings(run__resume="nothing.h5")),
    "resume from a truncated checkpoint": Case(
        11,
        ["checkpoint.h5"],
        lambda folder: truncated(good_model)(folder / "checkpoint.h5")
        or with_settings(run__resume=folder / "checkpoint.h5")(folder),
    ),
    "resume from a model without training state": Case(
        11,
        ["checkpoint.h5", "training"],
        lambda folder: good_model(folder / "checkpoint.h5")
        or with_settings(run__resume=folder / "checkpoint.h5")(folder),
    ),
}
OUTPUT = {
    "folder that holds a run": Case(13, ["run"], used_run_directory),
    "run folder below a file": Case(13, ["file"], below_a_file),
    "predictions below a file": Case(
        13,
        ["file"],
        lambda folder: below_a_file(folder)[:2]
        + options(model__init=good_model(folder / "model.h5") or folder / "model.h5")
        + ["--out", folder / "file" / "predictions.csv"],
        "predict",
    ),
}


def over_an_input(output, name, with_model=True):
    """The good store, mostly the good model too, and an output that would replace one of them."""

    def prepare(folder):
        good_model(folder / "model.h5")
        model = dict(model__init=folder / "model.h5") if with_model else {}
        return with_settings(**model)(folder) + [output, folder / name]

    return prepare


OUTPUT["predictions over the store"] = Case(13, ["set.h5"], over_an_input("--out", "set.h5"), "predict")
OUTPUT["predictions over the model"] = Case(13, ["model.h5"], over_an_input("--out", "model.h5"), "predict")
OUTPUT["numbers over the store"] = Case(13, ["set.h5"], over_an_input("--json", "set.h5"), "eval")
OUTPUT["centroids over the store"] = Case(13, ["set.h5"], over_an_input("--out", "set.h5", with_model=False), "centroids")


class Refusal(support.ProgramTest):
    @staticmethod
    def tree(folder):
        """Every folder, and every file with its size: what a refusal must leave as it was."""
        size = lambda path: path.stat().st_size if path.is_file() else "folder"
        return {str(path.relative_to(folder)): size(path) for path in folder.rglob("*")}

    @staticmethod
    def with_defaults(arguments, option):
        """Adds an option (its name and value) that is not given."""
        return arguments if option[0] in arguments else arguments + option

    def arguments(self, case, folder):
        arguments = case.prepare(folder)
        if case.command == "predict":
            arguments = self.with_defaults(arguments, ["--out", folder / "predictions.csv"])
        if case.command == "train":
            for key, value in dict(run__dir=folder / "run", model__steps=STEPS, train__epochs=2).items():
                arguments = self.with_defaults(arguments, options(**{key: value}))
        return arguments

    def refuse(self, case):
        for ranks in (None, 3):
            with self.subTest(ranks=ranks):
                folder = self.folder / f"ranks_{ranks}"
                folder.mkdir()
                arguments = self.arguments(case, folder)
                before = self.tree(folder)
                finished = run(["dejavid_dist", case.command, *arguments], ranks, timeout=60, cwd=folder)
                self.assertEqual(finished.code, case.code, finished)
                self.assertEqual(len(finished.errors), 1, finished)
                for word in case.words:
                    self.assertIn(word, finished.errors[0])
                self.assert_nothing_half_written(before, self.tree(folder), case)

    def assert_nothing_half_written(self, before, after, case):
        """Files as before, and none new but (where training had begun) a run folder without a model or a temporary."""
        self.assertEqual({name: after.get(name) for name in before}, before)
        names = ("config.toml", "environment.json", "metrics.jsonl", "summary.json", "checkpoints", "logs", "tensorboard")
        records = ["run", *(f"run/{name}" for name in names), *(f"run/logs/rank{rank}.log" for rank in range(3))]
        records += [f"run/tensorboard/events.out.tfevents.{kind}" for kind in ("config", "metrics")]
        allowed = {*before, *records} if case.code == 12 else set(before)
        self.assertEqual(set(after) - allowed, set())


def add_refusals(kind, cases):
    for name, case in cases.items():
        words = "".join(letter if letter.isalnum() else "_" for letter in name.lower())
        setattr(Refusal, f"test_{kind}_{words}", lambda self, case=case: self.refuse(case))


add_refusals("usage", USAGE)
add_refusals("store", STORE)
add_refusals("model", MODEL)
add_refusals("output", OUTPUT)


class Verify(support.ProgramTest):
    """`dejavid_convert verify` refuses the same stores as a training run does, before one is started."""

    only_training = {"one class", "class without a training sample", "no training samples"}

    def test_refuses_the_same_stores(self):
        for name, case in STORE.items():
            if name in self.only_training or "two stores" in name:
                continue
            with self.subTest(name), tempfile.TemporaryDirectory(dir=self.folder) as folder:
                case.prepare(Path(folder))
                finished = run(["dejavid_convert", "verify", Path(folder) / "set.h5"])
                self.assertEqual(finished.code, case.code, finished)
                problems = finished.stderr.splitlines()  # one a line; a damaged chunk spoils every sample in it
                self.assertTrue(problems and all(word in line for line in problems for word in case.words), finished)


class NotRefused(support.ProgramTest):
    """Neighbours of the refused cases that must work."""

    def test_two_classes_without_normalised_logits(self):
        store = self.folder / "set.h5"
        two_classes(store)
        run_dir = self.train("run", store, 3, model__steps=STEPS, train__epochs=2, train__logit_norm="none")
        self.assertEqual(len(support.read_metrics(run_dir, "epoch")), 2)

    def test_more_centroid_steps_than_sample_steps(self):
        store = support.write_store(self.folder / "set.h5", good_set(lengths=(1, 3)))
        out = self.folder / "centroids.h5"
        self.succeed(["dejavid_dist", "centroids", *options(data__store=store, model__steps=9), "--out", out])
        self.assertEqual(support.read_arrays(out)["centroids"].shape, (CLASSES, 9, FEATURES))

    def test_store_without_digests_is_read_with_a_note(self):
        store = support.write_store(self.folder / "set.h5", good_set(), digests=False)
        arguments = options(data__store=store, run__dir=self.folder / "run", model__steps=STEPS, train__epochs=1)
        finished = self.succeed(["dejavid_dist", "train", *arguments], 3)
        notes = [line for line in finished.stderr.splitlines() if "digest" in line and "set.h5" in line]
        self.assertEqual(len(notes), 1, finished)

    def test_store_without_validation_samples(self):
        tse_set = good_set()
        tse_set.splits[:] = support.TRAIN
        store = support.write_store(self.folder / "set.h5", tse_set)
        run_dir = self.train("run", store, 3, model__steps=STEPS, train__epochs=2)
        self.assertEqual(len(support.read_metrics(run_dir, "step")), 2)
        self.assertTrue((run_dir / "model.h5").exists())


class Stop(support.ProgramTest):
    """A run that is asked to stop leaves with 75 and a checkpoint, and goes on as if it had not been asked."""

    settings = dict(model__steps=STEPS, train__epochs=10**6, train__batch_size=4, model__weight_init="random")

    def until_stopped(self, run_dir, steps, ranks, sent, to_one_rank=False, **settings):
        """Trains until metrics.jsonl holds `steps` steps, then sends the signal."""
        arguments = options(
            data__store=self.folder / "set.h5", run__dir=run_dir, run__progress="off", **self.settings, **settings
        )
        process = support.start(["dejavid_dist", "train", *arguments], ranks)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        deadline = time.monotonic() + 60
        while self.step_count(run_dir) < steps and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(self.ranks_of(process)[-1] if to_one_rank else process.pid, sent)
        finished = support.finish(process, timeout=60)
        self.assertEqual(finished.code, 75, finished)
        return finished

    def step_count(self, run_dir):
        path = run_dir / "metrics.jsonl"
        return path.read_text().count('"step",') if path.exists() else 0

    @staticmethod
    def ranks_of(mpirun):
        """Process ids of the ranks."""
        tasks = Path("/proc", str(mpirun.pid), "task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]

    def stop_and_resume(self, ranks, sent):
        support.write_store(self.folder / "set.h5", good_set())
        stopped, straight = self.folder / "stopped", self.folder / "straight"
        self.until_stopped(stopped, 5, ranks, sent)
        first = support.read_metrics(stopped, "step")
        self.assertTrue(list((stopped / "checkpoints").iterdir()))
        self.until_stopped(stopped, len(first) + 5, ranks, sent, run__resume="auto")
        second = support.read_metrics(stopped, "step")
        self.assertEqual([step["step"] for step in second], list(range(len(second))))
        self.assertEqual(second[: len(first)], first, "lines that stay keep their times")
        self.until_stopped(straight, len(second), ranks, sent)
        self.assertEqual(support.read_told(straight, "step")[: len(second)], support.read_told(stopped, "step"))

    def test_sigterm_alone(self):
        self.stop_and_resume(None, signal.SIGTERM)

    def test_sigusr2_alone(self):
        self.stop_and_resume(None, signal.SIGUSR2)

    def test_sigusr2_on_three_ranks(self):
        """mpirun hands SIGUSR2 on to every rank and waits, whereas at SIGTERM it ends them itself."""
        self.stop_and_resume(3, signal.SIGUSR2)

    def test_sigterm_of_one_rank_stops_all(self):
        support.write_store(self.folder / "set.h5", good_set())
        self.until_stopped(self.folder / "run", 3, 3, signal.SIGTERM, to_one_rank=True)
        self.assertTrue(list((self.folder / "run" / "checkpoints").iterdir()))


if __name__ == "__main__":
    unittest.main()
