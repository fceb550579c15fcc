"""Cases 1 to 13 of docs/reference/reliability.md: bad, damaged, odd and vanishing stores, met by the program on three ranks."""

import fcntl
import os
import re
import shutil
import signal
import socket
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("end_to_end", "io/store")]

import foreign_files  # noqa: E402
import independent  # noqa: E402
import support  # noqa: E402
from support import options, run  # noqa: E402

RANKS, CLASSES, FEATURES, STEPS = 3, 3, 4, 3


def good_set(**others):
    return support.make_set(
        **{"seed": 60, "classes": CLASSES, "per_class": 4, "features": FEATURES, "lengths": (3, 8), **others}
    )


def replace(path, **datasets):
    """Puts other content in the place of datasets of a store."""
    with h5py.File(path, "r+") as file:
        for name, content in datasets.items():
            del file[name]
            file[name] = content
    return path


@dataclass
class Refusal:
    """A store, whose path the error begins with, that must be refused with `code` and a line that holds all `words`."""

    name: str
    store: Path
    code: int
    words: list


class Inputs(support.ProgramTest):
    def train_arguments(self, store, run_dir, **settings):
        defaults = dict(model__steps=STEPS, train__epochs=2, train__batch_size=6, run__progress="off")
        return ["dejavid_dist", "train", *options(data__store=store, run__dir=run_dir, **{**defaults, **settings})]

    def write(self, name, tse_set, **how):
        return support.write_store(self.folder / name, tse_set, **how)

    def tree(self):
        return {path for path in self.folder.rglob("*")}

    def refuse_all(self, refusals, **settings):
        """Trains on each store, a few at a time: mpirun mostly waits."""
        before = self.tree()
        attempt = lambda number: run(
            self.train_arguments(refusals[number].store, self.folder / f"run_{number}", **settings), RANKS, cwd=self.folder
        )
        with ThreadPoolExecutor(4) as pool:
            for refusal, finished in zip(refusals, pool.map(attempt, range(len(refusals)))):
                with self.subTest(refusal.name):
                    self.assert_refused(finished, refusal)
        for left in self.tree() - before:  # a run whose features turn out bad may leave what it recorded, but no model
            self.assertNotIn(left.name, ("model.h5", "best.h5"))
            self.assertNotEqual(left.suffix, ".partial", left)
            self.assertTrue(any(refusal.code == 12 for refusal in refusals), left)

    def assert_refused(self, finished, refusal):
        self.assertEqual(finished.code, refusal.code, finished)
        self.assertEqual(len(finished.errors), 1, finished)
        for word in (str(refusal.store), "; expected ", *refusal.words):
            self.assertIn(word, finished.errors[0])

    def refuse(self, store, code, words, **settings):
        self.refuse_all([Refusal(Path(store).name, store, code, words)], **settings)

    def steps_of(self, run_dir):
        return support.read_told(run_dir, "step")

    def assert_same_run(self, one, other):
        """The same losses and the same model, bit for bit."""
        self.assertEqual(self.steps_of(one), self.steps_of(other))
        models = [support.read_arrays(run_dir / "model.h5") for run_dir in (one, other)]
        for name in ("centroids", "log_weights"):
            self.assertEqual(models[0][name].tobytes(), models[1][name].tobytes(), name)

    # --- 1 to 5: files that are not what they should be ---------------------------------------------------------------

    def test_case_01_no_store_there(self):
        folder = self.folder / "folder.h5"
        folder.mkdir()
        (self.folder / "empty.h5").touch()
        (self.folder / "text.h5").write_text("no HDF5\n" * 100)
        refusals = [
            Refusal("missing", self.folder / "missing.h5", 10, ["no such file"]),
            Refusal("a folder", folder, 10, ["a folder"]),
            Refusal("below a file", self.folder / "text.h5" / "set.h5", 10, ["Not a directory"]),
            Refusal("empty", self.folder / "empty.h5", 10, ["0 bytes"]),
            Refusal("not HDF5", self.folder / "text.h5", 10, ["no HDF5 file"]),
        ]
        if os.geteuid() != 0:  # who may read everything is not kept out
            locked = self.write("locked.h5", good_set())
            locked.chmod(0)
            refusals.append(Refusal("no permission", locked, 10, ["Permission denied"]))
        self.refuse_all(refusals)

    def train_on_unlike(self, *stores):
        """Trains with one rank a store, each a path."""
        parts = [(1, self.train_arguments(store, self.folder / "run")) for store in stores]
        finished = support.finish(support.start_unlike(parts, cwd=self.folder))
        self.assertFalse((self.folder / "run").exists())
        return finished

    def test_case_01_no_store_on_one_host(self):
        store, missing = self.write("set.h5", good_set()), self.folder / "missing.h5"
        finished = self.train_on_unlike(store, missing, store)
        self.assert_refused(finished, Refusal("", missing, 10, ["no such file", f"(rank 1 on {socket.gethostname()})"]))

    def test_case_02_truncated(self):
        whole = self.write("whole.h5", good_set(features=64)).read_bytes()
        generator = np.random.default_rng(2)
        sizes = [1, 8, 48, 96, 512, len(whole) - 1, len(whole) - 8]
        sizes += sorted(int(size) for size in generator.integers(1, len(whole), 50 - len(sizes)))
        refusals = []
        for size in sizes:
            cut = self.folder / f"cut_{size}.h5"
            cut.write_bytes(whole[:size])
            words = [f"found {size} bytes; expected {len(whole)} (cut short)"] if size >= 512 else []
            refusals.append(Refusal(f"cut to {size}", cut, 10, words))
        self.assertEqual(len(refusals), 50)
        self.refuse_all(refusals)

    def test_case_03_flipped_bit(self):
        arguments = "--preset order --samples 12 --val-samples 6 --classes 3 --steps 6 --features 5".split()
        self.succeed(["dejavid_convert", "synthetic", *arguments, "--out", "whole.h5"])
        whole = (self.folder / "whole.h5").read_bytes()
        generator = np.random.default_rng(3)
        refusals = []
        with h5py.File(self.folder / "whole.h5") as store:
            for name, dataset in store.items():
                begin, size = dataset.id.get_chunk_info(0).byte_offset, dataset.size * dataset.dtype.itemsize
                for trial, at in enumerate(generator.integers(size, size=2)):
                    flipped = bytearray(whole)
                    flipped[begin + int(at)] ^= 1 << int(generator.integers(8))
                    path = self.folder / f"{name}_{trial}.h5"
                    path.write_bytes(flipped)
                    words = [f":{name}:sample "] if name == "features" else [f":{name}"]
                    refusals.append(Refusal(f"{name}, byte {at}", path, 10, words))
        self.assertEqual(len(refusals), 2 * 7, "features, offsets, labels, split, ids, class_names, digests")
        self.refuse_all(refusals)

    def test_case_04_not_finished(self):
        killed = self.folder / "killed.h5"
        conversion = support.start(
            ["dejavid_convert", "synthetic", "--preset", "order", "--samples", 10**6, "--out", killed], cwd=self.folder
        )
        deadline = time.monotonic() + 30
        while not self.unfinished_bytes() > 10**6 and time.monotonic() < deadline:
            time.sleep(0.01)
        conversion.send_signal(signal.SIGKILL)
        conversion.communicate()
        (partial,) = self.folder.glob("killed.h5.*.partial")
        partial.rename(killed)
        incomplete = self.write("incomplete.h5", good_set(), complete=False)
        zero = self.write("zero.h5", good_set())
        with h5py.File(zero, "r+") as store:
            store.attrs["complete"] = 0
        holes = self.write("holes.h5", good_set())
        with h5py.File(holes, "r+") as store:
            features = store["features"][()]
            del store["features"]
            store.create_dataset("features", features.shape, "f4", chunks=(16, FEATURES))[:32] = features[:32]
        self.refuse_all(
            [
                Refusal("writer killed", killed, 10, ["make it again"]),
                Refusal("no complete", incomplete, 10, ["complete", "not finished", "make it again"]),
                Refusal("complete is 0", zero, 10, ["complete", "found 0; expected 1", "not finished"]),
                Refusal("unwritten chunks", holes, 10, [":features", "chunks written"]),
            ]
        )

    def unfinished_bytes(self):
        return sum(path.stat().st_size for path in self.folder.glob("killed.h5.*.partial"))

    def foreign_refusals(self, names):
        """Refusals of stores that tests/io/store/foreign_files.py makes, and what the lines must say."""
        folder = self.folder / "foreign"
        folder.mkdir()
        foreign_files.stores(folder)
        cases = {}
        for line in (folder / "stores.tsv").read_text().splitlines():
            name, _, words = line.split("\t")
            cases[name.removesuffix(".h5")] = words.split("|")
        return [Refusal(name, folder / f"{name}.h5", 10, cases[name]) for name in names]

    def test_case_05_data_that_are_elsewhere(self):
        names = "virtual soft_link external_link external_storage lzf ids_variable features_variable labels_references"
        self.refuse_all(self.foreign_refusals(names.split()))

    # --- 6 to 9: features -----------------------------------------------------------------------------------------------

    def test_case_06_types(self):
        names = "features_f64 features_i32 features_rank_1 feature_dim_5 labels_real digests_signed"
        self.refuse_all(self.foreign_refusals(names.split()))
        tse_set = good_set()
        little, big = self.write("little.h5", tse_set), self.write("big.h5", tse_set)
        replace(big, features=np.concatenate(tse_set.samples).astype(">f4"))
        settings = dict(model__steps=STEPS, train__epochs=2)
        self.assert_same_run(
            self.train("little", little, RANKS, **settings), self.train("big", big, RANKS, **settings)
        )

    def bad_set(self, places):
        """A good set with `places`: sample -> (step, feature, value)."""
        tse_set = good_set()
        for sample, (step, feature, value) in places.items():
            tse_set.samples[sample][step, feature] = value
        return tse_set

    def test_case_07_not_finite_is_refused(self):
        last = len(good_set().samples) - 1  # of the val split, read by one rank alone
        refusals = []
        for name, sample, step, value in (
            ("first", 4, 0, np.nan),
            ("last", 4, -1, np.nan),
            ("infinite", 5, 1, np.inf),
            ("minus", 0, 0, -np.inf),
            ("validation", last, 0, np.nan),
        ):
            store = self.write(f"{name}.h5", self.bad_set({sample: (step, 2, value)}))
            place = f"step {step % len(good_set().samples[sample])}, feature 2"
            words = [f":features:sample {sample} (sample_{sample})", f"found {value} at {place}"]
            refusals.append(Refusal(name, store, 12, words))
        self.refuse_all(refusals)

    def test_case_07_not_finite_is_skipped_if_asked(self):
        tse_set = good_set()
        bad = {1: (0, 2, np.nan), 6: (-1, 0, np.inf), 7: (1, 3, np.nan), 13: (0, 0, -np.inf)}
        store = self.write("bad.h5", self.bad_set(bad))
        good = [n for n in range(len(tse_set.samples)) if n not in bad]
        self.write(
            "without.h5",
            support.TseSet([tse_set.samples[n] for n in good], tse_set.labels[good], tse_set.splits[good], CLASSES),
        )
        replace(self.folder / "without.h5", ids=support.fixed_length([f"sample_{n}" for n in good]))
        settings = dict(model__steps=STEPS, train__epochs=3, train__batch_size=5, train__seed=7)
        skipped = self.folder / "skipped"
        finished = self.succeed(
            self.train_arguments(store, skipped, data__bad_samples="skip", **settings), RANKS
        )
        (warning,) = [line for line in finished.stderr.splitlines() if "warning" in line]
        for word in ("left out 4 of 21 samples", "sample 1 (sample_1): nan at step 0, feature 2", "sample 13 (sample_13): -inf"):
            self.assertIn(word, warning)
        self.assert_same_run(skipped, self.train("without", self.folder / "without.h5", RANKS, **settings))
        self.assertEqual(support.read_metrics(skipped, "epoch")[-1]["val_loss"], support.read_metrics(self.folder / "without", "epoch")[-1]["val_loss"])

        model = skipped / "model.h5"
        rows = self.predict(model, store, RANKS, data__bad_samples="skip")
        self.assertEqual(rows, self.predict(model, self.folder / "without.h5", RANKS))
        self.assertNotIn("sample_13", [row["id"] for row in rows])
        evaluated = self.succeed(
            ["dejavid_dist", "eval", *options(model__init=model, data__store=store, data__bad_samples="skip")], RANKS
        )
        self.assertIn("8 val samples", evaluated.stdout)
        centroids = []
        for name, skip in (("bad", "skip"), ("without", "refuse")):
            out = self.folder / f"centroids_{name}.h5"
            arguments = options(data__store=self.folder / f"{name}.h5", model__steps=STEPS, data__bad_samples=skip)
            self.succeed(["dejavid_dist", "centroids", *arguments, "--out", out], RANKS)
            centroids.append(support.read_arrays(out)["centroids"].tobytes())
        self.assertEqual(*centroids)

    def test_case_07_skipping_skips_nothing_else(self):
        wrong = self.write("wrong.h5", self.bad_set({4: (0, 2, np.nan)}))
        digests = h5py.File(wrong)["digests"][()]
        digests[8] ^= np.uint64(1)
        replace(wrong, digests=digests)
        empties = self.write("empties.h5", self.bad_set({n: (0, 0, np.nan) for n in range(1, 12, 3)}))
        large = self.write("large.h5", self.bad_set({4: (0, 2, np.nan), 9: (0, 2, 3e38)}))
        self.refuse_all(
            [
                Refusal("wrong digest", wrong, 10, ["sample_8", "digest"]),
                Refusal("class left without a sample", empties, 10, ["1 of 3 classes", "class 1"]),
                Refusal("too large", large, 12, ["sample_9", "3e+38"]),
            ],
            data__bad_samples="skip",
        )

    def test_case_07_skipping_a_whole_split(self):
        """A val split of which nothing is left is not replaced by the test split."""
        tse_set = self.bad_set({n: (0, 0, np.nan) for n in range(12, 18)})
        tse_set.splits[18:] = support.TEST
        store = self.write("set.h5", tse_set)
        support.write_model(self.folder / "model.h5", np.ones((CLASSES, STEPS, FEATURES)))
        arguments = options(model__init=self.folder / "model.h5", data__store=store, data__bad_samples="skip")
        finished = run(["dejavid_dist", "eval", *arguments], RANKS)
        self.assert_refused(finished, Refusal("", store, 10, [":split", "no val samples"]))
        self.succeed(["dejavid_dist", "eval", *arguments, "--eval.split", "test"], RANKS)

    def test_case_07_skipping_is_kept_on_resume(self):
        store = self.write("good.h5", good_set())
        settings = dict(model__steps=STEPS, train__epochs=2)
        self.train("run", store, RANKS, data__bad_samples="skip", **settings)
        finished = run(self.train_arguments(store, self.folder / "run", run__resume="auto"), RANKS)
        self.assertEqual(finished.code, 11, finished)
        self.assertEqual(len(finished.errors), 1, finished)
        for word in ("data.bad_samples", "skip", "refuse"):
            self.assertIn(word, finished.errors[0])

    def test_case_08_overflow(self):
        refusals = []
        for value, written in ((1e38, "1e+38"), (-3e38, "-3e+38"), (1.1e15, "1100000000000000")):
            store = self.write(f"{value}.h5", self.bad_set({4: (1, 2, value)}))
            words = ["sample_4", f"found {written} at step 1, feature 2", "at most 1e+15"]
            refusals.append(Refusal(str(value), store, 12, words))
        self.refuse_all(refusals)

        # Just below: everything scales, since distances do and the logits are normalised.
        scale, tse_set = np.float32(2.0**46), good_set()
        large = self.write("scaled.h5", tse_set.map(lambda sample: sample * scale))
        plain = self.write("plain.h5", tse_set)
        centroids = {}
        for store in (large, plain):
            out = store.with_suffix(".centroids.h5")
            self.succeed(["dejavid_dist", "centroids", *options(data__store=store, model__steps=STEPS), "--out", out], RANKS)
            centroids[store] = support.read_arrays(out)["centroids"]
        np.testing.assert_array_equal(centroids[large], centroids[plain] * scale)
        model = lambda store: support.write_model(self.folder / "model.h5", centroids[store])
        self.assertEqual(self.predict(model(large), large, RANKS), self.predict(model(plain), plain, RANKS))
        run_dir = self.train("large", large, RANKS, model__steps=STEPS, train__epochs=3)
        self.assertTrue(all(np.isfinite(step["loss"]) for step in self.steps_of(run_dir)))

    def test_case_08_distances_that_overflow(self):
        """No features, but the weights of a model bring the sums beyond f32."""
        store = self.write("set.h5", good_set())
        centroids = np.random.default_rng(8).normal(size=(CLASSES, STEPS, FEATURES))
        for log_weight in (85.5, 88.5):  # weights of 1e37 and 3e38
            support.write_model(self.folder / "model.h5", centroids, np.full_like(centroids, log_weight))
            for command in (["eval"], ["predict", "--out", self.folder / "predictions.csv"]):
                with self.subTest(command[0], log_weight=log_weight):
                    arguments = options(model__init=self.folder / "model.h5", data__store=store)
                    finished = run(["dejavid_dist", *command, *arguments], RANKS)
                    self.assert_refused(finished, Refusal("", store, 12, ["sample_12", "distance"]))
                    self.assertFalse((self.folder / "predictions.csv").exists())
                    self.assertEqual(finished.stdout, "")

    def test_case_09_lengths(self):
        empty = good_set()
        empty.samples[2] = empty.samples[2][:0]
        self.refuse(self.write("empty.h5", empty), 10, [":offsets:sample 2 (sample_2)", "at least one step"])

        tse_set = good_set(lengths=(1, 2))
        generator = np.random.default_rng(9)
        for n in (0, 12, 13, 14):  # one of the train split, three of the val split
            tse_set.samples[n] = generator.normal(size=(5000, FEATURES)).astype(np.float32)
        self.assertLessEqual({1, 2}, {len(sample) for sample in tse_set.samples})
        store = self.write("lengths.h5", tse_set)
        run_dir = self.train("run", store, RANKS, model__steps=STEPS, train__epochs=2)
        arrays = support.read_arrays(run_dir / "model.h5")
        model = independent.Model(arrays["centroids"], arrays["log_weights"])
        samples, labels = tse_set.of(support.VALIDATION)
        _, expected = model.evaluate(samples, labels, independent.Settings())
        self.assert_relative(support.read_metrics(run_dir, "epoch")[-1]["val_loss"], expected["val_loss"], 1e-5, "val_loss")

    def test_case_09_longer_than_can_be_counted(self):
        """A sample of 2^31 steps: a file of a single extent, without a byte written to it."""
        store, rows = self.write("long.h5", good_set(features=1)), 2**31 + len(good_set().samples)
        with h5py.File(store, "r+") as file:
            for name in ("features", "digests"):
                del file[name]
            properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            space = h5py.h5s.create_simple((rows, 1))
            h5py.h5d.create(file.id, b"features", h5py.h5t.IEEE_F32LE, space, properties)
            file["offsets"][:] = [n if n < 3 else rows - 21 + n for n in range(22)]
        self.refuse(store, 10, [":offsets:sample 2 (sample_2)", "at most 2147483647"])

    # --- 10 to 13: the whole of it, and the world around ----------------------------------------------------------------

    def test_case_10_contradictions(self):
        tse_set = good_set()
        count = len(tse_set.samples)
        labels, ids = tse_set.labels.copy(), [f"sample_{n}" for n in range(count)]
        labels[[1, 4, 5, 8, 9, 12, 20]] = [3, -1, 9, 3, 3, 3, 3]
        outside = replace(self.write("outside.h5", tse_set), labels=labels)
        many = ["sample_0"] * 7 + ids[7:]
        twice = replace(self.write("twice.h5", tse_set), ids=support.fixed_length(many))
        leak = replace(self.write("leak.h5", tse_set), ids=support.fixed_length([*ids[:-1], "sample_2"]))
        classes = support.make_set(classes=9, per_class=2, features=FEATURES)
        classes.splits[(classes.splits == support.TRAIN) & (classes.labels > 1)] = support.VALIDATION
        untrained = self.write("untrained.h5", classes)
        gap = good_set()
        gap.labels[gap.labels == 1] = 2  # labels 0 and 2 only
        gaps = self.write("gap.h5", gap)
        self.refuse_all(
            [
                Refusal("labels", outside, 10, [":labels:samples 1, 4, 5, 8, 9 and 2 more: found 3, -1, 9, 3, 3 and 2 more", "0 to 2"]),
                Refusal("ids", twice, 10, [":ids:samples 1, 2, 3, 4, 5 and 1 more", '"sample_0"', "every id once"]),
                Refusal("in train and val", leak, 10, [":ids:sample 20", '"sample_2"', "of val", "of train as sample 2"]),
                Refusal("without training samples", untrained, 10, ["7 of 9 classes", "(class 2, class 3, class 4, class 5, class 6 and 2 more)"]),
                Refusal("labels with a gap", gaps, 10, ["1 of 3 classes", "class 1"]),
            ]
        )

    def test_case_11_few_samples(self):
        settings = dict(model__steps=STEPS, train__epochs=4, train__logit_norm="none", model__weight_init="random")
        for count in (RANKS - 1, RANKS, RANKS + 1):
            tse_set = good_set(classes=2, per_class=2, validation_per_class=1)
            chosen = [*range(count), 4, 5]
            few = support.TseSet([tse_set.samples[n] for n in chosen], tse_set.labels[chosen], tse_set.splits[chosen], 2)
            store = self.write(f"{count}.h5", few)
            for batch_size in (RANKS, 384):
                with self.subTest(samples=count, batch_size=batch_size):
                    runs = [
                        self.train(f"{count}_{batch_size}_{ranks}", store, ranks, train__batch_size=batch_size, **settings)
                        for ranks in (1, RANKS)
                    ]
                    one, three = ([step["loss"] for step in self.steps_of(run_dir)] for run_dir in runs)
                    self.assertEqual(len(one), 4 * -(-count // batch_size))
                    self.assert_relative(three, one, 1e-6, "loss")
                    one, three = ([epoch["val_loss"] for epoch in support.read_metrics(run_dir, "epoch")] for run_dir in runs)
                    self.assert_relative(three, one, 1e-6, "val_loss")

    def test_case_12_replaced_between_epochs(self):
        store, run_dir = self.write("set.h5", good_set()), self.folder / "run"
        shutil.copy(store, self.folder / "copy.h5")
        # Unshuffled, a rank sees the same samples in every epoch: they are in memory, and it reads no more.
        settings = dict(train__epochs=10**6, train__shuffle=False, data__cache="memory")
        arguments = self.train_arguments(store, run_dir, **settings)
        training = support.start(arguments, RANKS)
        self.addCleanup(training.stdout.close)
        self.addCleanup(training.stderr.close)
        metrics, deadline = run_dir / "metrics.jsonl", time.monotonic() + 60
        while not (metrics.exists() and metrics.read_text().count('"epoch",') > 2) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.replace(self.folder / "copy.h5", store)  # the same content: only the file is another
        finished = support.finish(training, timeout=60)
        self.assert_refused(finished, Refusal("", store, 10, ["changed after it was opened"]))
        self.assertFalse((run_dir / "model.h5").exists())
        self.assertTrue(list((run_dir / "checkpoints").glob("*.h5")))

    def test_case_12_another_on_one_host(self):
        store, other = self.write("set.h5", good_set()), self.write("other.h5", good_set(seed=61))
        finished = self.train_on_unlike(store, store, other)
        words = ["different content", "on rank 0", f"on rank 2, {socket.gethostname()}", "same store on every host"]
        self.assert_refused(finished, Refusal("", store, 10, words))
        digests = re.findall(r"\b[0-9a-f]{16}\b", finished.errors[0])
        self.assertEqual(len(set(digests)), 2, finished)

    def test_case_13_locks(self):
        store = self.write("set.h5", good_set())
        with open(store, "rb+") as holder:
            fcntl.flock(holder, fcntl.LOCK_EX)
            self.refuse(store, 10, ["errno 11", "HDF5_USE_FILE_LOCKING"])
            fcntl.flock(holder, fcntl.LOCK_SH)  # another reader
            self.train("run", store, RANKS, model__steps=STEPS, train__epochs=1)


if __name__ == "__main__":
    unittest.main()
