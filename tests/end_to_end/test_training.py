"""A training run of the program against the independent implementation, from the store to the predictions.

Both start from the store alone: centroids, losses of every step, validation, final parameters and predictions must
agree, on one rank and on three.
"""

import dataclasses
import json
import unittest

import h5py
import numpy as np

import independent
import support
from independent import Settings

TOLERANCE = 1e-4  # relative; the program computes in single precision
RANKS = 1, 3
STEPS = 4  # K


def program_settings(settings, **others):
    """The program's options for the same run, in store order: the program draws orders with a generator of its own."""
    keys = dict(
        model__diagonal=settings.diagonal,
        model__learn_weights=settings.learn_weights,
        model__learn_centroids=settings.learn_centroids,
        model__weight_init="one",
        train__epochs=settings.epochs,
        train__batch_size=settings.batch_size,
        train__lr=settings.lr,
        train__refresh=settings.refresh,
        train__logit_norm=settings.logit_norm,
        train__logit_scale=settings.logit_scale,
        train__label_smoothing=settings.label_smoothing,
        train__shuffle=False,
        data__slope=settings.slope,
    )
    if settings.tie_sign != 0:
        keys["train__profile"] = "dejavid-code"  # brings weight decay and frozen evaluation paths with it
    else:
        keys["eval__paths"] = settings.eval_paths
    return {**keys, **others}


def small_steps(**settings):
    return Settings(**{"epochs": 2, "batch_size": 16, "lr": 0.02, **settings})


class Training(support.ProgramTest):
    def compare(self, tse_set, settings, steps=STEPS, start=None, dtype=np.float32):
        """`start` (centroids, log_weights): begin there instead of at the barycenters. `steps`: K, or "auto"."""
        store = support.write_store(self.folder / "set.h5", tse_set, dtype=dtype)
        tse_set = tse_set.map(lambda sample: sample.astype(dtype).astype(float))
        if settings.slope:
            tse_set = tse_set.map(independent.with_slopes)
        samples, labels = tse_set.of(support.TRAIN)
        if start is None:
            others = {"model__steps": steps}
            if steps == "auto":
                steps = independent.automatic_steps(samples)
            unit = independent.spread(samples, settings.slope) if settings.in_spreads else np.ones(samples[0].shape[1])
            centroids = independent.initial_centroids(samples, labels, tse_set.classes, steps, unit=unit)
            model = independent.Model(centroids, np.zeros_like(centroids) - np.log(unit))
        else:
            others = {"model__init": support.write_model(self.folder / "start.h5", *start, diagonal=settings.diagonal)}
            model = independent.Model(*(parameter.astype(np.float32) for parameter in start))
        before = model.centroids.copy(), model.log_weights.copy()
        history = model.train(samples, labels, settings, tse_set.of(support.VALIDATION))
        for ranks in RANKS:
            with self.subTest(ranks=ranks):
                run_dir = self.train(f"run_{ranks}", store, ranks, **program_settings(settings, **others))
                self.compare_records(run_dir, history)
                self.compare_parameters(run_dir, model, before, history)
                self.compare_predictions(run_dir, store, ranks, model, tse_set, settings)

    def compare_records(self, run_dir, history):
        for event, expected in (("step", history.steps), ("epoch", history.epochs)):
            records = support.read_metrics(run_dir, event)
            self.assertEqual(len(records), len(expected), f"{event} records")
            for key in expected[0]:
                self.assert_relative(
                    [r[key] for r in records], [e[key] for e in expected], TOLERANCE, f"{event}: {key}"
                )

    def compare_parameters(self, run_dir, model, before, history):
        """What training moved, measured by how far AdamW can move a parameter."""
        reach = sum(step["lr"] for step in history.steps)
        after = support.read_arrays(run_dir / "model.h5")
        for name, expected, start in zip(("centroids", "log_weights"), (model.centroids, model.log_weights), before):
            self.assertEqual(after[name].dtype, np.float32)
            learned = not np.array_equal(expected, start)
            np.testing.assert_allclose(
                after[name], expected, rtol=1e-5, atol=0.01 * reach if learned else 1e-6, err_msg=name
            )

    def compare_predictions(self, run_dir, store, ranks, model, tse_set, settings):
        samples, labels = tse_set.of(support.VALIDATION)
        current = dataclasses.replace(settings, eval_paths="current")  # a model file has no frozen copy
        logits, _ = model.evaluate(samples, labels, current)
        ranking = independent.ranking(logits)
        confidence = independent.softmax(independent.normalise(logits, settings.logit_norm, settings.logit_scale)).max(-1)
        rows = self.predict(run_dir / "model.h5", store, ranks)
        self.assertEqual(list(rows[0]), ["id", "label", "prediction", "confidence", "top5", "label_name", "prediction_name", "top5_names"])
        ids = [f"sample_{n}" for n in np.flatnonzero(tse_set.splits == support.VALIDATION)]
        self.assertEqual([row["id"] for row in rows], ids)
        self.assertEqual([row["label"] for row in rows], self.spoken(labels))
        self.assertEqual([row["prediction"] for row in rows], self.spoken(ranking[:, 0]))
        self.assert_relative([float(row["confidence"]) for row in rows], confidence, 1e-3, "confidence")

    @staticmethod
    def spoken(classes):
        return [str(c) for c in classes]

    def test_defaults(self):
        self.compare(support.make_set(1), small_steps())

    def test_default_steps_and_wide_features(self):
        self.compare(support.make_set(2, features=37, lengths=(20, 70)), small_steps(), steps=8)

    def test_diagonal(self):
        self.compare(support.make_set(3), small_steps(diagonal=True))

    def test_refresh_every_batch(self):
        self.compare(support.make_set(4), small_steps(refresh="batch"))

    def test_paths_on_integers_are_other_paths_to_nearly_the_same_losses(self):
        store = support.write_store(self.folder / "set.h5", support.make_set(4, features=40, noise=1.0))
        settings = program_settings(small_steps(), model__steps=STEPS)
        losses = []
        for precision in ("f32", "i8"):
            run_dir = self.train(precision, store, **settings, train__path_precision=precision)
            losses.append([step["loss"] for step in support.read_metrics(run_dir, "step")])
            environment = (run_dir / "environment.json").read_text()
            self.assertEqual("train.path_precision i8 by " in environment, precision == "i8", environment)
        self.assertNotEqual(losses[1], losses[0])
        self.assert_relative(losses[1], losses[0], 0.02, "loss")

    def test_frozen_weights(self):
        self.compare(support.make_set(5), small_steps(learn_weights=False))

    def test_frozen_centroids(self):
        self.compare(support.make_set(6), small_steps(learn_centroids=False))

    def test_frozen_evaluation_paths(self):
        self.compare(support.make_set(7), small_steps(eval_paths="frozen"))

    def test_profile_of_the_released_code(self):
        self.compare(support.make_set(8), Settings.dejavid_code(epochs=2, batch_size=16, lr=0.02))

    def test_released_code_does_not_decay_frozen_weights(self):
        generator = np.random.default_rng(9)
        start = generator.normal(size=(5, STEPS, 7)), generator.normal(size=(5, STEPS, 7))
        self.compare(
            support.make_set(9),
            Settings.dejavid_code(epochs=2, batch_size=16, lr=0.02, learn_weights=False),
            start=start,
        )

    def test_released_code_does_not_decay_frozen_centroids(self):
        self.compare(
            support.make_set(9), Settings.dejavid_code(epochs=2, batch_size=16, lr=0.02, learn_centroids=False)
        )

    def test_logits_without_normalisation(self):
        self.compare(support.make_set(10), small_steps(logit_norm="none", lr=0.005))

    def test_two_classes_without_normalisation(self):
        self.compare(support.make_set(11, classes=2, per_class=12), small_steps(logit_norm="none", lr=0.005))

    def test_logarithms_of_distances(self):
        self.compare(support.make_set(40), small_steps(logit_norm="log"))

    def test_logarithms_of_another_scale(self):
        self.compare(support.make_set(41), small_steps(logit_norm="log", logit_scale=2.5, refresh="batch"))

    def test_two_classes_by_logarithms(self):
        self.compare(support.make_set(42, classes=2, per_class=12), small_steps(logit_norm="log"))

    def test_smoothed_targets_of_logarithms(self):
        self.compare(support.make_set(43), small_steps(logit_norm="log", label_smoothing=0.1))

    def test_smoothed_targets_of_normalised_logits(self):
        self.compare(support.make_set(44), small_steps(label_smoothing=0.3))

    def test_slopes(self):
        self.compare(support.make_set(43), small_steps(slope=True))

    def test_slopes_of_samples_of_one_step_and_two(self):
        self.compare(support.make_set(44, lengths=(1, 4)), small_steps(slope=True, diagonal=True))

    def test_slopes_logarithms_and_as_many_steps_as_samples_have(self):
        """Lengths on both sides of those at which the window grows."""
        tse_set = support.make_set(45, classes=3, lengths=(9, 62))
        self.assertNotIn(independent.automatic_steps(tse_set.of(support.TRAIN)[0]), (8, 64))
        self.compare(tse_set, small_steps(slope=True, logit_norm="log", diagonal=True), steps="auto")

    def test_slopes_of_a_half_precision_store(self):
        self.compare(support.make_set(46), small_steps(slope=True, logit_norm="log"), steps="auto", dtype=np.float16)

    def test_slopes_of_features_of_two_units(self):
        units = np.array([1, 1000, 1, 1000, 1, 1, 1000], dtype=np.float32)
        self.compare(support.make_set(47).map(lambda sample: sample * units), small_steps(slope=True, logit_norm="log"))

    def test_slopes_in_the_profile_of_the_released_code(self):
        self.compare(support.make_set(48), Settings.dejavid_code(epochs=2, batch_size=16, lr=0.02, slope=True))

    def test_half_precision_store(self):
        self.compare(support.make_set(12), small_steps(), dtype=np.float16)

    def test_ragged_from_one_step_to_more_than_the_centroids_have(self):
        tse_set = support.make_set(13, lengths=(1, 9))
        self.assertEqual(min(map(len, tse_set.samples)), 1)
        self.compare(tse_set, small_steps(), steps=6)

    def test_one_centroid_step(self):
        self.compare(support.make_set(14), small_steps(), steps=1)

    def test_more_than_one_batch_size_and_a_smaller_last_batch(self):
        self.compare(support.make_set(15, classes=6, per_class=7), small_steps(batch_size=13))

    def test_start_from_a_model_with_random_weights(self):
        generator = np.random.default_rng(16)
        start = generator.normal(size=(5, STEPS, 7)), generator.normal(size=(5, STEPS, 7))
        self.compare(support.make_set(16), small_steps(), start=start)

    def ties(self, settings, zero=np.float32(0)):
        """Whole numbers with repeated steps: cells, paths and signs tie exactly, since the frozen copy is whole."""
        generator = np.random.default_rng(17)
        rounded = lambda sample: np.where(np.round(sample) == 0, zero, np.round(sample))
        tse_set = support.make_set(17, features=3, lengths=(2, 6)).map(lambda s: np.repeat(rounded(s), 2, axis=0))
        start = generator.integers(-2, 3, size=(5, STEPS, 3)).astype(float), np.zeros((5, STEPS, 3))
        self.compare(tse_set, settings, start=start)

    def test_ties(self):
        self.ties(small_steps(epochs=1, eval_paths="frozen"))

    def test_ties_with_diagonal(self):
        self.ties(small_steps(epochs=1, eval_paths="frozen", diagonal=True))

    def test_ties_as_in_the_released_code(self):
        self.ties(Settings.dejavid_code(epochs=1, batch_size=16, lr=0.02))

    def test_negative_zero_ties_with_zero(self):
        self.ties(small_steps(epochs=1, eval_paths="frozen"), zero=np.float32(-0.0))

    def test_negative_zero_ties_with_zero_as_in_the_released_code(self):
        self.ties(Settings.dejavid_code(epochs=1, batch_size=16, lr=0.02), zero=np.float32(-0.0))


class Centroids(support.ProgramTest):
    def check(self, path, tse_set, steps):
        unit = independent.spread(tse_set.of(support.TRAIN)[0])
        expected = independent.initial_centroids(*tse_set.of(support.TRAIN), tse_set.classes, steps, unit=unit)
        arrays = support.read_arrays(path)
        np.testing.assert_allclose(arrays["centroids"], expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(arrays["log_weights"], np.zeros(expected.shape) - np.log(unit), rtol=1e-5, atol=1e-6)
        self.assertEqual(
            [name.decode() for name in arrays["class_names"]], [f"class {c}" for c in range(tse_set.classes)]
        )
        with h5py.File(path) as file:
            self.assertEqual((file.attrs["format"], file.attrs["version"]), ("dejavid-model", 1))

    def test_centroids_command_and_a_run_of_no_epochs_give_the_barycenters(self):
        tse_set = support.make_set(20, per_class=12, lengths=(2, 20), noise=1.0)
        store = support.write_store(self.folder / "set.h5", tse_set)
        settings = support.options(data__store=store, model__steps=5)
        for ranks in RANKS:
            with self.subTest(ranks=ranks):
                out = self.folder / f"centroids_{ranks}.h5"
                self.succeed(["dejavid_dist", "centroids", *settings, "--out", out], ranks)
                self.check(out, tse_set, 5)
        run_dir = self.train("run", store, model__steps=5, train__epochs=0)
        self.check(run_dir / "model.h5", tse_set, 5)

    def test_identical_samples(self):
        """The medoid's walk to itself ties in every cell; the mean of what it walks over differs from it."""
        tse_set = support.make_set(21, lengths=(6, 6))
        for n in range(len(tse_set.samples)):
            tse_set.samples[n] = np.round(tse_set.samples[tse_set.labels[n]])
        store = support.write_store(self.folder / "set.h5", tse_set)
        settings = dict(data__store=store, model__steps=6, centroids__iterations=1)
        self.succeed(["dejavid_dist", "centroids", *support.options(**settings), "--out", self.folder / "centroids.h5"])
        expected = independent.initial_centroids(*tse_set.of(support.TRAIN), 5, 6, iterations=1)
        np.testing.assert_allclose(support.read_arrays(self.folder / "centroids.h5")["centroids"], expected, rtol=1e-6)


class Stores(support.ProgramTest):
    def test_two_stores_are_read_as_one(self):
        tse_set = support.make_set(25)
        whole = support.write_store(self.folder / "whole.h5", tse_set)
        parts = []
        for n, part in enumerate((slice(0, 17), slice(17, 55))):
            cut = support.TseSet(tse_set.samples[part], tse_set.labels[part], tse_set.splits[part], tse_set.classes)
            parts.append(support.write_store(self.folder / f"part_{n}.h5", cut, first_id=part.start))
        records = []
        for name, stores in (("one", [whole]), ("two", parts)):
            settings = program_settings(small_steps(), run__dir=self.folder / name, model__steps=STEPS)
            self.succeed(["dejavid_dist", "train", *support.options(**settings), "--data.store", *stores], 2)
            steps, epochs = (support.read_told(self.folder / name, event) for event in ("step", "epoch"))
            records.append((steps, [epoch["val_loss"] for epoch in epochs]))
        self.assertEqual(*records)


class Evaluation(support.ProgramTest):
    def setUp(self):
        super().setUp()
        generator = np.random.default_rng(30)
        self.set = support.make_set(30, classes=8, noise=4.0, validation_per_class=4)
        self.set.splits[-7:] = support.TEST
        parameters = [generator.normal(size=(8, STEPS, 7)).astype(np.float32) for _ in range(2)]
        self.store = support.write_store(self.folder / "set.h5", self.set)
        self.model_file = support.write_model(self.folder / "model.h5", *parameters)
        self.model = independent.Model(*parameters)

    def evaluate(self, ranks, **settings):
        json_file = self.folder / "numbers.json"
        arguments = support.options(model__init=self.model_file, data__store=self.store, **settings)
        self.succeed(["dejavid_dist", "eval", *arguments, "--json", json_file], ranks)
        return json.loads(json_file.read_text())

    def test_numbers_of_every_split(self):
        for name, split in (("train", support.TRAIN), ("val", support.VALIDATION), ("test", support.TEST)):
            for ranks in RANKS:
                with self.subTest(split=name, ranks=ranks):
                    _, expected = self.model.evaluate(*self.set.of(split), Settings())
                    numbers = self.evaluate(ranks, eval__split=name)
                    self.assert_relative(
                        [numbers[key] for key in ("loss", "top1", "top5")],
                        [expected[f"val_{key}"] for key in ("loss", "top1", "top5")],
                        TOLERANCE,
                        name,
                    )

    def test_auto_takes_val_and_else_test(self):
        self.assertEqual(self.evaluate(1), self.evaluate(1, eval__split="val"))
        self.set.splits[self.set.splits == support.VALIDATION] = support.TEST
        support.write_store(self.store, self.set)
        self.assertEqual(self.evaluate(1), self.evaluate(1, eval__split="test"))

    def test_equal_distances_rank_the_lower_class_first(self):
        """All classes alike but the last: of equal logits the lower class leads, and the sixth is not among five."""
        centroids = np.zeros((8, STEPS, 7))
        centroids[7] = 50.0
        self.model_file = support.write_model(self.folder / "alike.h5", centroids)
        rows = self.predict(self.model_file, self.store, 3)
        self.assertEqual({row["prediction"] for row in rows}, {"0"})
        self.assertEqual({tuple(row["top5"].replace(";", " ").split()) for row in rows}, {("0", "1", "2", "3", "4")})


if __name__ == "__main__":
    unittest.main()
