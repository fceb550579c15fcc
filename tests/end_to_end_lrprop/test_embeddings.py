"""What a model is applied to: `embed` writes a store like any other, and `eval` says the same of it as of the model."""

import json
import unittest

import h5py
import lrprop_support
import numpy as np
import support
from lrprop_independent import hard_path, random_weights
from lrprop_support import PROGRAM, TINY, options

FRACTIONS = ["0.05", "0.1", "0.25", "0.5", "0.75", "1"]
KS = ["1", "5", "10", "15", "20", "25"]


class ModelTest(lrprop_support.LrpropTest):
    def setUp(self):
        super().setUp()
        self.model = lrprop_support.write_model(self.folder / "model.h5", TINY, random_weights(TINY, 41))
        self.videos = lrprop_support.make_videos(42, classes=2, per_class=5, validation_per_class=4)
        self.videos.splits[-3:] = support.TEST
        self.videos.ids = [f"video {n}/é" for n in range(len(self.videos.samples))]
        for phases in self.videos.frame_labels[::3]:
            phases[:4] = -1
        self.write()

    def write(self, dtype=np.float32):
        self.store = lrprop_support.write_store(self.folder / "set.h5", self.videos, dtype)


class Embed(ModelTest):
    def test_a_store_that_carries_everything_over(self):
        out = self.embed("embeddings", self.model, self.store)
        for command in ("verify", "info"):
            self.succeed(["dejavid_convert", command, out])
        found, expected = support.read_arrays(out), support.read_arrays(self.store)
        for name in ("offsets", "labels", "split", "ids", "class_names", "frame_labels", "timestamps"):
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
        self.assertEqual(found["features"].shape, (len(expected["features"]), TINY.embedding))
        np.testing.assert_allclose(np.linalg.norm(found["features"], axis=1), 1, atol=1e-6)
        with h5py.File(out) as file:
            self.assertEqual((file.attrs["format"], file.attrs["feature_dim"]), ("dejavid-tse", TINY.embedding))
            self.assertIn("lrprop", file.attrs["encoder"])

    def test_ranks_and_threads_write_the_same_bytes(self):
        self.videos = lrprop_support.make_videos(43, per_class=70)  # more than are held at once
        self.write()
        expected = self.embed("one", self.model, self.store, dist__threads=1).read_bytes()
        for ranks, threads in ((3, 1), (2, 2), (None, 2)):
            with self.subTest(ranks=ranks, threads=threads):
                out = self.embed(f"{ranks}_{threads}", self.model, self.store, ranks, dist__threads=threads)
                self.assertEqual(out.read_bytes(), expected)

    def test_without_phases_and_times(self):
        self.videos.frame_labels = self.videos.timestamps = None
        self.write()
        arrays = support.read_arrays(self.embed("embeddings", self.model, self.store))
        self.assertFalse({"frame_labels", "timestamps"} & set(arrays))

    def test_unlabelled_videos(self):
        self.videos.labels[3] = -1
        self.write()
        out = self.embed("embeddings", self.model, self.store)
        self.succeed(["dejavid_convert", "verify", out])
        np.testing.assert_array_equal(support.read_arrays(out)["labels"], self.videos.labels)

    def test_a_store_without_classes(self):
        self.videos.labels[:], self.videos.classes = -1, 0
        self.write()
        with h5py.File(self.store, "r+") as file:
            del file["class_names"]
            file.create_dataset("class_names", (0,), h5py.string_dtype("utf-8", 1))
        self.succeed(["dejavid_convert", "verify", self.store])
        self.succeed(["dejavid_convert", "verify", self.embed("embeddings", self.model, self.store)])

    def test_its_input_is_not_written_over(self):
        for target, code in ((self.store, 13), (self.model, 13)):
            before = target.read_bytes()
            arguments = [PROGRAM, "embed", *options(model__init=self.model, data__store=self.store), "--out", target]
            finished = support.run(arguments, cwd=self.folder)
            self.assertNotEqual(finished.code, 0, finished)
            self.assertEqual(len(finished.errors), 1, finished)
            self.assertEqual(target.read_bytes(), before)

    def test_options_that_are_missing(self):
        given = options(model__init=self.model, data__store=self.store)
        self.refuse([PROGRAM, "embed", *given], 2, "--out", ranks=(None,))
        self.refuse([PROGRAM, "embed", *given[2:], "--out", "e.h5"], 2, "model.init", ranks=(None,))
        self.refuse([PROGRAM, "embed", *given[:2], "--out", "e.h5"], 2, "data.store", ranks=(None,))
        self.refuse([PROGRAM, "embed", *given, "--out", "nowhere/e.h5"], 13, "nowhere", ranks=(None, 2))


class Evaluate(ModelTest):
    def names_of(self, numbers):
        self.assertEqual([list(numbers[name]) for name in ("svm_rbf", "logreg")], [FRACTIONS] * 2)
        self.assertEqual(list(numbers["ap"]), KS)
        for name in ("progress", "progress_columns", "tau_b", "tau_dropped", "tau_b_zero", "dtw_accuracy", "stride"):
            self.assertIn(name, numbers)

    def test_documented_names(self):
        numbers = self.evaluate("model", model__init=self.model, data__store=self.store)
        self.names_of(numbers)
        self.assertEqual(list(numbers["baselines"]), ["raw", "time_only"])
        for baseline in numbers["baselines"].values():
            self.names_of(baseline)
        self.assertEqual((numbers["stride"], numbers["split"]), (1, "val"))
        for action in numbers["actions"]:
            self.names_of({**action, "stride": 1})
            self.assertEqual(len(action["progress_columns"]), lrprop_support.PHASES - 1)
        self.assertIsNone(numbers["progress_columns"])  # of actions with columns of their own
        for share in [*numbers["svm_rbf"].values(), *numbers["ap"].values(), numbers["dtw_accuracy"]]:
            self.assertTrue(0 <= share <= 1)
        self.assertEqual(numbers["tau_dropped"], 0)
        self.assertGreater(numbers["baselines"]["time_only"]["tau_b"], 0.95)

    def test_the_model_and_its_embeddings_have_the_same_numbers(self):
        by_model = self.evaluate("model", model__init=self.model, data__store=self.store)
        baselines = by_model.pop("baselines")
        embeddings = self.embed("embeddings", self.model, self.store)
        self.assertEqual(self.evaluate("stored", embeddings=embeddings), by_model)
        self.assertEqual(self.evaluate("raw", embeddings=self.store), baselines["raw"])

    def test_the_raw_baseline_is_what_the_network_is_given(self):
        mean, scale = (np.linspace(first, last, TINY.feature_dim, dtype=np.float32) for first, last in ((-1, 1), (0.2, 5)))
        weights = random_weights(TINY, 41)
        model = lrprop_support.write_model(self.folder / "standard.h5", TINY, weights, feature_mean=mean, feature_scale=scale)
        baselines = self.evaluate("model", model__init=model, data__store=self.store)["baselines"]
        self.videos = self.videos.map_frames(lambda sample: (sample - mean) / scale)
        standard = lrprop_support.write_store(self.folder / "standard_set.h5", self.videos)
        self.assertEqual(self.evaluate("standard", embeddings=standard), baselines["raw"])
        self.assertNotEqual(self.evaluate("raw", embeddings=self.store), baselines["raw"])

    def test_of_a_run_that_standardises(self):
        run_dir = self.train("run", self.store, data__standardize=True)
        of_run = lrprop_support.finite_json(run_dir / "evaluation.json")
        self.assertEqual(self.evaluate("model", model__init=run_dir / "model.h5", data__store=self.store), of_run)
        self.assertNotEqual(self.evaluate("raw", embeddings=self.store), of_run["baselines"]["raw"])

    def test_frames_of_a_store_without_phases_count_as_without_one(self):
        """And actions are those of all stores together."""
        model = self.evaluate("model", model__init=self.model, data__store=self.store)
        part = lrprop_support.make_videos(45, per_class=0, validation_per_class=2)
        part.ids, part.frame_labels, part.timestamps = ["x", "y"], None, None
        other = lrprop_support.write_store(self.folder / "other.h5", part)
        out = self.folder / "both.json"
        given = ["--model.init", self.model, "--data.store", self.store, other, "--run.progress", "off"]
        self.succeed([PROGRAM, "eval", *given, "--json", out])
        both = lrprop_support.finite_json(out)
        left_out = "class 0: left out of all numbers for want of a labelled frame: x, y"
        self.assertIn(left_out, both["notes"])
        both["notes"].remove(left_out)
        self.assertEqual(both["dtw_accuracy"], model["dtw_accuracy"])
        self.assertEqual(both["videos"], model["videos"])

    def evaluate(self, name, ranks=None, embeddings=None, **settings):
        if embeddings is None:
            return super().evaluate(name, ranks, **settings)
        out = self.folder / f"{name}.json"
        given = options(run__progress="off", **settings)
        self.succeed([PROGRAM, "eval", "--embeddings", embeddings, *given, "--json", out], ranks)
        return lrprop_support.finite_json(out)

    def test_ranks_and_threads_say_the_same(self):
        said = {}
        for ranks, threads in ((None, 1), (2, 1), (3, 1), (2, 2)):
            name = f"{ranks}_{threads}"
            self.evaluate(name, ranks, model__init=self.model, data__store=self.store, eval__subsets=2, dist__threads=threads)
            said[name] = (self.folder / f"{name}.json").read_bytes(), self.said.stdout
        self.assertEqual(len(set(said.values())), 1, said)

    def test_of_the_run_that_trained_it(self):
        run_dir = self.train("run", self.store, 2)
        self.assertEqual(
            self.evaluate("model", model__init=run_dir / "model.h5", data__store=self.store),
            lrprop_support.finite_json(run_dir / "evaluation.json"),
        )

    def test_every_split_and_lists_of_numbers(self):
        for split, videos in (("train", 10), ("val", 5), ("test", 3)):
            numbers = self.evaluate(split, model__init=self.model, data__store=self.store, eval__split=split)
            self.assertEqual((numbers["split"], numbers["videos"]), (split, videos))
        settings = dict(eval__fractions="1, 0.5", eval__k="3", eval__stride=2, eval__dtw_stride=3)
        numbers = self.evaluate("lists", model__init=self.model, data__store=self.store, **settings)
        self.assertEqual((list(numbers["svm_rbf"]), list(numbers["ap"])), (["1", "0.5"], ["3"]))
        self.assertEqual((numbers["stride"], numbers["dtw_stride"]), (2, 3))

    def test_to_standard_output(self):
        finished = self.succeed([PROGRAM, "eval", *options(model__init=self.model, data__store=self.store), "--json", "-"])
        self.names_of(json.loads(finished.stdout))

    def test_half_precision(self):
        self.write(np.float16)
        by_model = self.evaluate("model", model__init=self.model, data__store=self.store)
        baselines = by_model.pop("baselines")
        self.assertEqual(self.evaluate("stored", embeddings=self.embed("e", self.model, self.store)), by_model)
        self.assertEqual(self.evaluate("raw", embeddings=self.store), baselines["raw"])

    def test_both_inputs_at_once_or_none(self):
        self.refuse([PROGRAM, "eval", "--embeddings", self.store, *options(model__init=self.model)], 2, "--embeddings", "model.init")
        self.refuse([PROGRAM, "eval", *options(data__store=self.store)], 2, "model.init", ranks=(None,))
        self.refuse([PROGRAM, "eval", *options(model__init=self.model)], 2, "data.store", ranks=(None,))

    def test_precision_and_accuracy_by_hand(self):
        """AP@K and DTW accuracy as they are defined, of one action."""
        self.videos = lrprop_support.make_videos(44, validation_per_class=3)
        self.videos.frame_labels[-1][:5] = -1
        self.write()
        numbers = self.evaluate("raw", embeddings=self.store, eval__k="1,4")
        chosen = np.flatnonzero(self.videos.splits == support.VALIDATION)
        rows = [self.videos.samples[n][self.videos.frame_labels[n] >= 0].astype(float) for n in chosen]
        phases = [self.videos.frame_labels[n][self.videos.frame_labels[n] >= 0] for n in chosen]
        for k in (1, 4):
            means = []
            for n, own in enumerate(rows):
                others = np.concatenate([rows[m] for m in range(3) if m != n])
                labels = np.concatenate([phases[m] for m in range(3) if m != n])
                nearest = ((own[:, None] - others[None]) ** 2).sum(-1).argsort(1, kind="stable")[:, :k]
                means.append((labels[nearest] == phases[n][:, None]).mean())
            self.assertAlmostEqual(numbers["ap"][str(k)], np.mean(means), 9)
        shares = []
        for n, m in ((0, 1), (0, 2), (1, 2)):
            cells = hard_path(np.linalg.norm(rows[n][:, None] - rows[m][None], axis=-1))
            shares.append(np.mean([phases[n][i] == phases[m][j] for i, j in cells]))
        self.assertAlmostEqual(numbers["dtw_accuracy"], np.mean(shares), 9)


if __name__ == "__main__":
    unittest.main()
