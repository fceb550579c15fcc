"""Settings that follow the data: slopes, steps by the lengths of samples, samples held out of training, units."""

import json
import shutil
import unittest

import h5py
import numpy as np

import independent
import support

SETTINGS = dict(model__steps=4, train__epochs=2, train__batch_size=16, train__lr=0.02)
NEW = dict(data__slope=True, model__steps="auto", train__logit_norm="log")


def without(tse_set, split, instead):
    tse_set.splits[tse_set.splits == split] = instead
    return tse_set


def in_f32(sample):
    """A sample with its slopes, in the program's arithmetic."""
    steps, window = np.arange(len(sample)), max(1, (len(sample) + 12) // 24)
    after, before = np.minimum(steps + window, len(sample) - 1), np.maximum(steps - window, 0)
    return np.concatenate([sample, (sample[after] - sample[before]) / np.float32(2 * window)], axis=1).astype(np.float32)


class DataTest(support.ProgramTest):
    def train(self, name, store, ranks=None, **settings):
        return super().train(name, store, ranks, **{**SETTINGS, **settings})

    def evaluate(self, model, store, ranks=None, **settings):
        out = self.folder / "numbers.json"
        out.unlink(missing_ok=True)
        self.succeed(["dejavid_dist", "eval", *support.options(model__init=model, data__store=store, **settings), "--json", out], ranks)
        return json.loads(out.read_text())

    def refuse(self, command, code, *words, **settings):
        finished = support.run(["dejavid_dist", command, *support.options(**settings)], cwd=self.folder)
        self.assertEqual(finished.code, code, finished)
        for word in words:
            self.assertIn(word, finished.errors[0])

    def assert_same_parameters(self, model, reference):
        found, expected = support.read_arrays(model), support.read_arrays(reference)
        for name in ("centroids", "log_weights"):
            np.testing.assert_array_equal(found[name].view(np.uint32), expected[name].view(np.uint32), err_msg=name)


class Notes(DataTest):
    def test_a_small_set_is_told_of_the_settings_for_it(self):
        store = support.write_store(self.folder / "set.h5", support.make_set(1))
        train = ["dejavid_dist", "train", *support.options(data__store=store, run__dir=self.folder / "run", train__epochs=1)]
        for more, noted in (([], True), (["--config", "series"], False), (["--train.batch_size", "16"], False)):
            said = self.succeed([*train, *more]).stderr
            self.assertEqual("note: without --config these are the paper's settings, for thousands of videos; 40 samples make 1 step an epoch: "
                             "--config series has settings for small sets" in said, noted, said)
            shutil.rmtree(self.folder / "run")

    def test_what_auto_comes_to(self):
        store = support.write_store(self.folder / "set.h5", support.make_set(1, lengths=(5, 5)))
        settings = support.options(data__store=store, run__dir=self.folder / "run", train__epochs="auto", model__steps="auto", train__batch_size=6)
        said = self.succeed(["dejavid_dist", "train", *settings]).stderr
        self.assertIn("train.epochs = auto: 43 (301 steps; aim 300, limits 12 to 60 epochs)\n", said)
        self.assertIn("model.steps = auto: 8 (median length 5 of the training samples, limits 8 to 64)\n", said)


class Holdout(DataTest):
    def setUp(self):
        super().setUp()
        self.set = without(support.make_set(1, per_class=11, lengths=(6, 20)), support.VALIDATION, support.TEST)
        self.store = support.write_store(self.folder / "set.h5", self.set)

    def ids(self, model, split):
        return [row["id"] for row in self.predict(model, self.store, eval__split=split)]

    def test_is_the_same_as_a_val_split_of_these_samples(self):
        """To the bit, on any number of ranks; and the same samples on all of them."""
        run_dir = self.train("run", self.store, **NEW, data__holdout=0.25)
        held_out = self.ids(run_dir / "model.h5", "val")
        numbers = [int(name.removeprefix("sample_")) for name in held_out]
        labels = self.set.of(support.TRAIN)[1]
        counts = {c: int(np.sum(self.set.labels[numbers] == c)) for c in range(self.set.classes)}
        self.assertEqual(counts, independent.held_out_counts(labels, 0.25))
        self.assertTrue((self.set.splits[numbers] == support.TRAIN).all())
        training = self.ids(run_dir / "model.h5", "train")
        self.assertEqual(sorted(training + held_out), sorted(f"sample_{n}" for n in np.flatnonzero(self.set.splits == support.TRAIN)))

        self.set.splits[numbers] = support.VALIDATION
        split = support.write_store(self.folder / "split.h5", self.set)
        reference = self.train("split", split, **NEW)
        told = support.read_told
        self.assertGreater(told(run_dir, "epoch")[-1]["val_loss"], 0)
        for ranks in (None, 2, 3):
            with self.subTest(ranks=ranks):
                again = run_dir if ranks is None else self.train(f"run_{ranks}", self.store, ranks, **NEW, data__holdout=0.25)
                self.assert_same_parameters(again / "model.h5", reference / "model.h5")
                if ranks is None:
                    for event in ("step", "epoch"):
                        self.assertEqual(told(again, event), told(reference, event))
                for key in ("val_top1", "val_top5"):
                    self.assertEqual([e[key] for e in told(again, "epoch")], [e[key] for e in told(reference, "epoch")])

    def test_evaluation_finds_what_training_reported(self):
        for seed, ranks in ((0, None), (5, 3)):
            run_dir = self.train(f"run_{seed}", self.store, ranks, data__holdout=0.3, train__seed=seed, train__epochs=4)
            epochs = support.read_metrics(run_dir, "epoch")
            with h5py.File(run_dir / "best.h5") as file:
                best = int(file.attrs["epoch"])
            for model, epoch in (("model.h5", epochs[-1]), ("best.h5", epochs[best])):
                with self.subTest(seed=seed, model=model):
                    numbers = self.evaluate(run_dir / model, self.store, eval__split="val")
                    self.assertEqual((numbers["split"], numbers["validated_on"]), ("holdout", "holdout"))
                    self.assertEqual((numbers["top1"], numbers["top5"]), (epoch["val_top1"], epoch["val_top5"]))
                    self.assert_relative([numbers["loss"]], [epoch["val_loss"]], 1e-6, "loss")
                    self.assertEqual(numbers["samples"], 15)

    def test_without_val_and_test_evaluation_takes_what_was_held_out(self):
        all_train = without(without(support.make_set(1), support.VALIDATION, support.TRAIN), support.TEST, support.TRAIN)
        store = support.write_store(self.folder / "train.h5", all_train)
        model = self.train("run", store, data__holdout=0.25, train__epochs=1) / "model.h5"
        found = self.evaluate(model, store)
        self.assertEqual((found["split"], found["samples"]), ("holdout", self.evaluate(model, store, eval__split="val")["samples"]))
        self.refuse("eval", 10, "found no test samples, but", " train and ", " val; ", model__init=model, data__store=store, eval__split="test")

    def test_nothing_is_held_out_of_stores_with_a_val_split(self):
        store = support.write_store(self.folder / "val.h5", support.make_set(2))
        plain, asked = self.train("plain", store), self.train("asked", store, data__holdout=0.3)
        self.assert_same_parameters(asked / "model.h5", plain / "model.h5")
        self.assertEqual(self.evaluate(asked / "model.h5", store)["validated_on"], "val")
        self.assertEqual(self.evaluate(asked / "model.h5", store, eval__split="train")["samples"], 40)

    def test_what_validated_a_model_is_told(self):
        both = support.write_store(self.folder / "both.h5", support.make_set(3))
        alone = support.write_store(self.folder / "alone.h5", without(support.make_set(3), support.VALIDATION, support.TRAIN))
        for store, settings, expected in (
            (both, {}, "val"),
            (both, dict(eval__split="train"), "train"),
            (self.store, {}, "test"),
            (self.store, dict(data__holdout=0.2), "holdout"),
            (self.store, dict(data__holdout=0.2, eval__split="test"), "test"),
            (alone, {}, "none"),
        ):
            with self.subTest(expected=expected, settings=settings):
                run_dir = self.train("run", store, **settings, train__epochs=1)
                with h5py.File(run_dir / "model.h5") as file:
                    self.assertEqual(file.attrs["validated_on"], expected)
                split = "train" if store == alone else "auto"
                self.assertEqual(self.evaluate(run_dir / "model.h5", store, eval__split=split)["validated_on"], expected)
                shutil.rmtree(run_dir)
        generator = np.random.default_rng(1)
        by_hand = support.write_model(self.folder / "hand.h5", generator.normal(size=(5, 4, 7)))
        self.assertIsNone(self.evaluate(by_hand, both)["validated_on"])

    def test_the_line_says_whether_these_samples_had_a_part(self):
        models = {holdout: self.train(f"run_{holdout}", self.store, data__holdout=holdout, train__epochs=1) / "model.h5" for holdout in (0, 0.2)}
        last = "this split did not choose this model, of the last epoch, but settings"
        for holdout, split, words in (
            (0, "test", last),
            (0, "train", "these samples were trained on"),
            (0.2, "test", "was validated on the holdout split, not on this one"),
            (0.2, "val", last),
            (0.2, "train", "these samples were trained on"),
        ):
            with self.subTest(holdout=holdout, split=split):
                settings = support.options(model__init=models[holdout], data__store=self.store, eval__split=split)
                self.assertIn(words, self.succeed(["dejavid_dist", "eval", *settings]).stdout)

    def test_the_line_says_which_model_was_chosen(self):
        run_dir = self.train("run", self.store, train__epochs=4, train__lr=1e-30)  # no epoch is better than the first
        for model, split, words in (
            ("best.h5", "test", "this model, of epoch 1 of 4, was chosen on this split, so these numbers are optimistic; use model.h5 or another"),
            ("model.h5", "test", "this split did not choose this model, of the last epoch"),
            ("best.h5", "train", "these samples were trained on"),
        ):
            with self.subTest(model=model, split=split):
                settings = support.options(model__init=run_dir / model, data__store=self.store, eval__split=split)
                self.assertIn(words, self.succeed(["dejavid_dist", "eval", *settings]).stdout)

    def test_samples_that_are_left_out_do_not_change_the_draw(self):
        """Nor need an evaluation leave them out, where none was held out."""
        held_out = self.ids(self.train("clean", self.store, data__holdout=0.3) / "model.h5", "val")
        for n, name in enumerate(f"sample_{n}" for n in range(20)):
            if name not in held_out:
                self.set.samples[n][2, 3] = np.nan
        store = support.write_store(self.folder / "bad.h5", self.set)
        run_dir = self.train("run", store, data__holdout=0.3, data__bad_samples="skip")
        for more in ({}, dict(data__bad_samples="skip")):
            rows = self.predict(run_dir / "model.h5", store, eval__split="val", **more)
            self.assertEqual([row["id"] for row in rows], held_out)

    def parts(self):
        """The set in two stores."""
        parts = []
        for part in range(2):
            half = support.TseSet(self.set.samples[part::2], self.set.labels[part::2], self.set.splits[part::2], self.set.classes)
            parts.append(support.write_store(self.folder / f"part_{part}.h5", half, first_id=100 * part))
        return parts

    def test_stores_may_come_in_another_order_but_must_all_be_there(self):
        first, second = self.parts()
        model = self.train("run", [first, second], data__holdout=0.3) / "model.h5"
        ids = [sorted(row["id"] for row in self.predict(model, stores, eval__split="val")) for stores in ([first, second], [second, first])]
        self.assertEqual(ids[0], ids[1])
        for stores in (first, self.store):
            self.refuse("eval", 11, "found that training held out samples", model__init=model, data__store=stores, eval__split="val")
            self.assertEqual(self.evaluate(model, stores, eval__split="test")["validated_on"], "holdout")
        # Of another store no training samples are held out.
        said = self.succeed(["dejavid_dist", "eval", *support.options(model__init=model, data__store=first, eval__split="test")]).stdout
        self.assertIn(f"(nearest class mean of {int((self.set.splits[::2] == support.TRAIN).sum())} training samples'", said)

    def test_centroids_are_those_of_a_run_that_holds_out(self):
        run_dir = self.train("run", self.store, **NEW, data__holdout=0.3, train__epochs=0)
        settings = support.options(data__store=self.store, **NEW, data__holdout=0.3)
        self.succeed(["dejavid_dist", "centroids", *settings, "--out", self.folder / "centroids.h5"])
        self.assert_same_parameters(self.folder / "centroids.h5", run_dir / "model.h5")


class Slopes(DataTest):
    """A model with slopes on plain features is one without on features that have theirs."""

    def setUp(self):
        super().setUp()
        self.set = support.make_set(7, lengths=(5, 40))
        self.store = support.write_store(self.folder / "plain.h5", self.set)
        self.wide = support.write_store(self.folder / "wide.h5", self.set.map(in_f32))

    def without_slope(self, model):
        """The same model, as if all its features were the store's."""
        copy = self.folder / "without.h5"
        shutil.copy(model, copy)
        with h5py.File(copy, "a") as file:
            self.assertEqual(file.attrs["slope"], 1)
            for name in ("slope", "digest", "header_digest"):
                del file.attrs[name]
            file.attrs["config"] = file.attrs["config"].replace("slope = true", "slope = false")
        return copy

    def test_training_is_the_same_as_with_slopes_in_the_store(self):
        """In the released code's steps; in the paper's, slopes have the units of their features."""
        for diagonal in (False, True):
            with self.subTest(diagonal=diagonal):
                settings = dict(train__profile="dejavid-code", train__logit_norm="log", model__diagonal=diagonal)
                narrow = self.train(f"narrow_{diagonal}", self.store, 2, **settings, data__slope=True)
                wide = self.train(f"wide_{diagonal}", self.wide, 2, **settings)
                self.assert_same_parameters(narrow / "model.h5", wide / "model.h5")
                self.assertEqual(support.read_told(narrow, "step"), support.read_told(wide, "step"))

    def test_a_model_brings_its_slopes(self):
        model = self.train("run", self.store, **NEW) / "model.h5"
        plain = self.without_slope(model)
        for ranks in (None, 3):
            with self.subTest(ranks=ranks):
                self.assertEqual(self.predict(model, self.store, ranks), self.predict(plain, self.wide, ranks))
                found, expected = self.evaluate(model, self.store, ranks), self.evaluate(plain, self.wide, ranks)
                self.assertGreater(found["right_paths"]["samples"], 0)
                del found["class_means_top1"], expected["class_means_top1"]  # of features without slopes, and with them
                self.assertEqual(found, expected)
        answers = []
        for name, (file, store) in {"narrow": (model, self.store), "wide": (plain, self.wide)}.items():
            settings = support.options(model__init=file, data__store=store)
            self.succeed(["dejavid_dist", "align", *settings, "--sample", "sample_41", "--out", self.folder / name])
            answers.append(json.loads((self.folder / name / "alignment.json").read_text()))
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(len(answers[0]["distances"]), 5)

    def test_averaging_over_time_is_of_the_features_alone(self):
        model = self.train("run", self.store, **NEW) / "model.h5"
        plain = self.train("plain", self.store) / "model.h5"
        self.assertEqual(self.evaluate(model, self.store)["class_means_top1"], self.evaluate(plain, self.store)["class_means_top1"])

    def test_training_goes_on_from_a_model_with_slopes(self):
        first = self.train("first", self.store, **NEW) / "model.h5"
        second = self.train("second", self.store, model__init=first, train__logit_norm="log", model__steps="auto") / "model.h5"
        with h5py.File(first) as a, h5py.File(second) as b:
            self.assertEqual(b.attrs["slope"], 1)
            self.assertEqual(a["centroids"].shape, b["centroids"].shape)
            self.assertIn("slope = true", b.attrs["config"])

    def test_a_model_by_hand_and_one_that_was_not_trained_bring_their_slopes(self):
        """Neither says data.slope in its configuration, or is bound to the rest of that."""
        generator = np.random.default_rng(3)
        by_hand = support.write_model(self.folder / "hand.h5", *generator.normal(size=(2, 5, 4, 14)))
        expected = self.predict(by_hand, self.wide)
        with h5py.File(by_hand, "a") as file:
            file.attrs["slope"] = 1
        self.assertEqual(self.predict(by_hand, self.store), expected)
        centroids = self.folder / "centroids.h5"
        self.succeed(["dejavid_dist", "centroids", *support.options(data__store=self.store, **NEW), "--out", centroids])
        settings = dict(model__init=centroids, data__store=self.store)
        run_dir = self.train("run", self.store, model__init=centroids, model__steps="auto", train__logit_norm="none", train__lr=1e-3)
        self.assertEqual(support.read_arrays(run_dir / "model.h5")["centroids"].shape[-1], 14)
        self.refuse("train", 11, "found data.slope = true; expected false", **settings, data__slope=False, run__dir="refused")

    def test_contradictions_are_refused(self):
        sloping = self.train("sloping", self.store, data__slope=True) / "model.h5"
        plain = self.train("level", self.store) / "model.h5"
        for command, more in (("eval", {}), ("predict", {}), ("align", {}), ("train", dict(**SETTINGS, run__dir=self.folder / "again"))):
            for model, slope in ((sloping, False), (plain, True)):
                with self.subTest(command=command, slope=slope):
                    arguments = support.options(model__init=model, data__store=self.store, data__slope=slope, **more)
                    arguments += {"align": ["--sample", "sample_1"], "predict": ["--out", self.folder / "p.csv"]}.get(command, [])
                    finished = support.run(["dejavid_dist", command, *arguments], cwd=self.folder)
                    self.assertEqual(finished.code, 11, finished)
                    self.assertIn(f"found data.slope = {str(not slope).lower()}; expected {str(slope).lower()}", finished.errors[0])
                    self.assertFalse((self.folder / "again").exists())

    def test_a_file_that_contradicts_itself_is_refused(self):
        model = self.train("run", self.store, data__slope=True) / "model.h5"
        with h5py.File(model, "a") as file:
            for name in ("slope", "digest", "header_digest"):
                del file.attrs[name]
        self.refuse("eval", 11, "found data.slope = true in the attribute config and no attribute slope", model__init=model, data__store=self.wide)

    def test_another_number_of_features_is_refused(self):
        model = self.train("run", self.store, data__slope=True) / "model.h5"
        self.refuse("eval", 11, "found 7 features with slopes; expected 14", model__init=model, data__store=self.wide)
        self.refuse("eval", 11, "found 14 features; expected 7", model__init=self.without_slope(model), data__store=self.store)

    def test_an_odd_number_of_features_with_slopes_is_refused(self):
        generator = np.random.default_rng(1)
        model = support.write_model(self.folder / "odd.h5", generator.normal(size=(5, 4, 7)))
        with h5py.File(model, "a") as file:
            file.attrs["slope"] = 1
        self.refuse("eval", 11, "attribute slope: found 1 with 7 features", model__init=model, data__store=self.store)


class Steps(DataTest):
    def test_follow_the_training_samples_and_are_kept(self):
        tse_set = support.make_set(9, lengths=(9, 40))
        store = support.write_store(self.folder / "set.h5", tse_set)
        expected = independent.automatic_steps(tse_set.of(support.TRAIN)[0])
        run_dir = self.train("run", store, 2, model__steps="auto")
        self.assertEqual(support.read_arrays(run_dir / "model.h5")["centroids"].shape, (5, expected, 7))
        self.assertIn(f"steps = {expected}\n", (run_dir / "config.toml").read_text())
        given = self.train("given", store, 2, model__steps=expected)
        self.assert_same_parameters(run_dir / "model.h5", given / "model.h5")
        # "auto" contradicts no model.
        self.assertEqual(self.predict(run_dir / "model.h5", store, model__steps="auto"), self.predict(run_dir / "model.h5", store))

    def test_of_the_centroids_command(self):
        store = support.write_store(self.folder / "set.h5", support.make_set(10, lengths=(70, 75)))
        self.succeed(["dejavid_dist", "centroids", *support.options(data__store=store, model__steps="auto"), "--out", self.folder / "c.h5"])
        self.assertEqual(support.read_arrays(self.folder / "c.h5")["centroids"].shape[1], 64)


class Resuming(DataTest):
    def test_the_same_command_goes_on_from_another_number_of_steps(self):
        """That of model.init, which "auto" gave way to, is not what "auto" would come to."""
        store = support.write_store(self.folder / "set.h5", support.make_set(4, lengths=(20, 30)))
        settings = dict(model__init=self.train("first", store, model__steps=9) / "model.h5", model__steps="auto", train__epochs="auto",
                        train__batch_size=1, run__checkpoint_keep=1000)
        whole = self.train("whole", store, **settings)
        self.assertEqual(support.read_arrays(whole / "model.h5")["centroids"].shape[1], 9)
        checkpoint = sorted((whole / "checkpoints").iterdir())[2]
        self.assert_same_parameters(self.train("rest", store, **settings, run__resume=checkpoint) / "model.h5", whole / "model.h5")


class Units(DataTest):
    """Predictions do not see the units of features, be they all of one or of two."""

    def test_predictions_are_the_same(self):
        tse_set = support.make_set(12, features=4, per_class=10, noise=1.5, lengths=(8, 24))
        tse_set = tse_set.map(lambda sample: np.tile(sample, 2))  # each feature once more, so that both units have alike spreads
        expected = None
        for name, units in (("one", [1.0] * 8), ("small", [1e-3] * 8), ("large", [1e3] * 8), ("mixed", [1.0] * 4 + [1e3] * 4)):
            with self.subTest(units=name):
                factors = np.array(units, dtype=np.float32)
                store = support.write_store(self.folder / f"{name}.h5", tse_set.map(lambda sample: sample * factors))
                run_dir = self.train(name, store, **NEW, train__epochs=3)
                rows = self.predict(run_dir / "model.h5", store)
                classes = [(row["id"], row["prediction"], row["top5"]) for row in rows]
                losses = [step["loss"] for step in support.read_metrics(run_dir, "step")]
                expected = expected or (classes, losses)
                self.assertEqual(classes, expected[0])
                self.assert_relative(losses, expected[1], 1e-3, "loss")
                arrays = support.read_arrays(run_dir / "model.h5")
                both = arrays["centroids"] / np.tile(factors, 2)
                np.testing.assert_allclose(both[..., :4], both[..., 4:8], rtol=1e-3, atol=1e-3)


class Paths(DataTest):
    def test_statistics_are_those_of_the_alignments(self):
        tse_set = support.make_set(13, lengths=(2, 12))
        store = support.write_store(self.folder / "set.h5", tse_set)
        for diagonal in (False, True):
            with self.subTest(diagonal=diagonal):
                model = self.train(f"run_{diagonal}", store, model__diagonal=diagonal) / "model.h5"
                shares = []
                for row in self.predict(model, store):
                    settings = support.options(model__init=model, data__store=store)
                    self.succeed(["dejavid_dist", "align", *settings, "--sample", row["id"], "--out", self.folder / "a"])
                    answer = json.loads((self.folder / "a" / "alignment.json").read_text())
                    if answer["correct"]:
                        frames = [frame for _, frame in answer["paths"][0]["cells"]]
                        shares.append(max(map(frames.count, frames)) / answer["centroid_steps"])
                for ranks in (None, 3):
                    told = self.evaluate(model, store, ranks)["right_paths"]
                    self.assertEqual(told["samples"], len(shares))
                    self.assertGreater(len(shares), 3)
                    self.assertAlmostEqual(told["largest_share_on_one_step"], np.mean(shares), places=12)
                    self.assertAlmostEqual(told["half_on_one_step"], np.mean(np.array(shares) >= 0.5), places=12)


if __name__ == "__main__":
    unittest.main()
