"""Stores and settings at the edge of what there is: each is trained and evaluated, or refused by one clear line."""

import dataclasses
import unittest

import h5py
import lrprop_support
import numpy as np
import support
from lrprop_support import PROGRAM, TEST, TRAIN, VALIDATION, options

SHORT = dict(train__epochs=1, run__progress="off")


class Edges(lrprop_support.LrpropTest):
    """On three ranks, where nothing else is said."""

    def store_of(self, videos, name="set.h5", dtype=np.float32):
        path = self.folder / name
        path.unlink(missing_ok=True)
        return lrprop_support.write_store(path, videos, dtype)

    def goes_through(self, videos, ranks=3, dtype=np.float32, **settings):
        """Trains, and evaluates and embeds what was trained: the same numbers. Returns evaluation.json."""
        name = f"run_{len(list(self.folder.iterdir()))}"
        store = self.store_of(videos, dtype=dtype)
        run_dir = self.train(name, store, ranks, **{**SHORT, **settings})
        self.notes = self.said.stderr
        given = {key: value for key, value in settings.items() if key.startswith(("eval", "data"))}
        model = run_dir / "model.h5"
        of_run = lrprop_support.finite_json(run_dir / "evaluation.json")
        self.assertEqual(self.evaluate(name, model__init=model, data__store=store, **given), of_run)
        features = support.read_arrays(self.embed(f"embeddings_{name}", model, store, **given))["features"]
        self.assertTrue(np.isfinite(features).all())
        return of_run

    def training(self, store, **settings):
        return self.arguments(store, self.folder / "refused", **{**SHORT, **settings})

    def assert_nothing_left(self):
        self.assertFalse((self.folder / "refused").exists())


class Lengths(Edges):
    def test_two_frames(self):
        self.goes_through(lrprop_support.make_videos(71, lengths=(2, 2)))

    def test_a_training_video_of_one_frame_is_refused_by_name(self):
        videos = lrprop_support.make_videos(72)
        videos.samples[3], videos.frame_labels[3], videos.timestamps[3] = (
            array[3][:1] for array in (videos.samples, videos.frame_labels, videos.timestamps)
        )
        store = self.store_of(videos)
        self.refuse(self.training(store), 10, "set.h5", "sample_3", "one frame", "at least two")
        self.assert_nothing_left()

    def test_a_validation_video_of_one_frame(self):
        videos = lrprop_support.make_videos(73)
        videos.samples[-1], videos.frame_labels[-1], videos.timestamps[-1] = (
            array[-1][:1] for array in (videos.samples, videos.frame_labels, videos.timestamps)
        )
        self.goes_through(videos)

    def test_five_thousand_frames(self):
        videos = lrprop_support.make_videos(74)
        long = lrprop_support.make_videos(75, per_class=1, validation_per_class=1, lengths=(5000, 5000))
        for place, of_long in ((1, 0), (-1, 1)):
            for array in ("samples", "frame_labels", "timestamps"):
                getattr(videos, array)[place] = getattr(long, array)[of_long]
        numbers = self.goes_through(videos, eval__stride=5, eval__svm_frames=500)
        self.assertGreater(numbers["frames"], 5000)

    def test_views_longer_than_all_videos(self):
        self.goes_through(lrprop_support.make_videos(76), train__frames=500)
        self.goes_through(lrprop_support.make_videos(76), train__frames=500, train__sampler="carl_paper")

    def test_views_of_two_frames(self):
        self.goes_through(lrprop_support.make_videos(77), train__frames=2)
        self.goes_through(lrprop_support.make_videos(77), train__frames=2, train__sampler="carl_paper")


class Contents(Edges):
    def test_identical_frames(self):
        videos = lrprop_support.make_videos(78)
        self.goes_through(videos.map_frames(lambda sample: np.repeat(sample[:1], len(sample), 0)))

    def test_identical_videos(self):
        videos = lrprop_support.make_videos(79)
        for array in (videos.samples, videos.frame_labels, videos.timestamps):
            array[:] = [array[0]] * len(array)
        self.goes_through(videos)

    def test_all_features_zero(self):
        self.goes_through(lrprop_support.make_videos(80).map_frames(np.zeros_like))

    def test_constant_features_standardised(self):
        videos = lrprop_support.make_videos(81)
        constant = np.array([0, 7, 1e10, 0, 0], dtype=np.float32)
        self.goes_through(videos.map_frames(lambda sample: sample * [1, 0, 0, 0, 1] + constant), data__standardize=True)
        self.goes_through(videos.map_frames(lambda sample: sample * 0 + constant), data__standardize=True)

    def test_large_features(self):
        videos = lrprop_support.make_videos(82).map_frames(lambda sample: sample * 1e14)
        self.goes_through(videos)
        self.goes_through(videos, data__standardize=True)

    def test_a_single_feature(self):
        self.goes_through(lrprop_support.make_videos(83, features=1))

    def test_half_precision(self):
        self.goes_through(lrprop_support.make_videos(84), dtype=np.float16, data__standardize=True)

    def test_not_a_number(self):
        videos = lrprop_support.make_videos(85)
        for place in (2, -1):
            videos.samples[place][1, 3] = np.nan
        store = self.store_of(videos)
        self.refuse(self.training(store), 12, "set.h5", "found nan at step 1, feature 3")
        self.refuse(self.training(store, data__standardize=True), 12, "set.h5", "sample_2", "nan")
        self.goes_through(videos, data__bad_samples="skip")
        self.assertIn("left out 2 of 9 samples", self.notes)

    def test_a_bad_validation_video_is_met_whatever_reads_it(self):
        videos = lrprop_support.make_videos(86)
        videos.samples[-1][0, 0] = np.inf
        store = self.store_of(videos)
        self.refuse(self.training(store), 12, "sample_8", "inf", ranks=(3,))
        self.refuse([PROGRAM, "eval", "--embeddings", store], 12, "sample_8", "inf")


class Splits(Edges):
    def test_one_validation_video(self):
        numbers = self.goes_through(lrprop_support.make_videos(87, validation_per_class=1))
        self.assertEqual([numbers[name] for name in ("tau_b", "dtw_accuracy", "tau_dropped")], [None] * 3)
        self.assertTrue(any("one val video" in note for note in numbers["notes"]))

    def test_no_validation(self):
        videos = lrprop_support.make_videos(88)
        videos.splits[:] = TRAIN
        numbers = self.goes_through(videos)
        self.assertEqual(numbers["videos"], 0)
        self.goes_through(videos, eval__split="train")

    def test_validation_alone(self):
        videos = lrprop_support.make_videos(89)
        videos.splits[:] = VALIDATION
        self.refuse(self.training(self.store_of(videos)), 10, "set.h5", "two training videos of one action")

    def test_the_test_split_where_there_is_no_other(self):
        videos = lrprop_support.make_videos(90)
        videos.splits[videos.splits == VALIDATION] = TEST
        self.assertEqual(self.goes_through(videos)["split"], "test")

    def test_an_action_with_a_single_training_video(self):
        videos = lrprop_support.make_videos(91, classes=2)
        of_second = np.flatnonzero((videos.labels == 1) & (videos.splits == TRAIN))
        videos.splits[of_second[1:]] = VALIDATION
        self.goes_through(videos)
        self.assertEqual(len(support.read_metrics(self.newest_run(), "step")), 1)

    def newest_run(self):
        return max((path for path in self.folder.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)

    def test_every_action_with_a_single_training_video(self):
        videos = lrprop_support.make_videos(92, classes=3, per_class=1)
        self.refuse(self.training(self.store_of(videos)), 10, "set.h5", "two training videos of one action")
        self.assert_nothing_left()

    def test_unlabelled_videos(self):
        videos = lrprop_support.make_videos(93)
        videos.labels[[0, 7]] = -1
        numbers = self.goes_through(videos)
        self.assertEqual(numbers["videos"], 2)
        videos.labels[:] = -1
        self.refuse(self.training(self.store_of(videos)), 10, "set.h5")


class Phases(Edges):
    def test_missing_in_a_video(self):
        for video in (1, -1):
            for phase in range(lrprop_support.PHASES):
                with self.subTest(video=video, phase=phase):
                    videos = lrprop_support.make_videos(94)
                    videos.frame_labels[video][videos.frame_labels[video] == phase] = -1
                    self.goes_through(videos)

    def test_missing_in_the_whole_train_split(self):
        videos = lrprop_support.make_videos(95)
        for phases in videos.frame_labels[:6]:
            phases[phases == 1] = 0
        self.goes_through(videos)

    def test_a_single_one(self):
        videos = lrprop_support.make_videos(96)
        for phases in videos.frame_labels:
            phases[:] = 2
        self.goes_through(videos)

    def test_none_labelled(self):
        videos = lrprop_support.make_videos(97)
        for phases in videos.frame_labels:
            phases[:] = -1
        self.assertIsNone(self.goes_through(videos)["dtw_accuracy"])

    def test_none_in_the_store(self):
        videos = dataclasses.replace(lrprop_support.make_videos(98), frame_labels=None, timestamps=None)
        numbers = self.goes_through(videos)
        self.assertEqual([numbers["progress"], numbers["dtw_accuracy"], numbers["ap"]["5"]], [None] * 3)
        self.assertIsNotNone(numbers["tau_b"])

    def test_none_in_one_video(self):
        videos = lrprop_support.make_videos(99)
        for video in (0, -1):
            videos.frame_labels[video][:] = -1
        self.goes_through(videos)


class Settings(Edges):
    def test_without_blocks(self):
        self.goes_through(lrprop_support.make_videos(100), model__layers=0)

    def test_much_dropout(self):
        for dropout in (0.5, 0.99):
            self.goes_through(lrprop_support.make_videos(101), model__dropout=dropout)

    def test_the_smallest_model(self):
        sizes = dict(fc_width=1, hidden=2, heads=1, ff_width=1, layers=1, embedding=1)
        self.goes_through(lrprop_support.make_videos(102), **{f"model__{name}": size for name, size in sizes.items()})

    def test_no_loss_at_all(self):
        self.goes_through(lrprop_support.make_videos(103), loss__lambda_same=0, loss__lambda_prop=0, loss__lambda_sdtw=0)

    def test_a_further_loss(self):
        self.goes_through(lrprop_support.make_videos(104), loss__regularizer="contrastive-idm", model__layer_init="cloned")

    def test_extreme_scales_of_the_losses(self):
        for settings in (dict(loss__sigma2=1e-12), dict(loss__sigma2=1e12), dict(loss__gamma=1e-6), dict(loss__gamma=1e6), dict(loss__temperature=1e-3)):
            with self.subTest(settings):
                self.goes_through(lrprop_support.make_videos(105), **settings)

    def test_steps_that_lose_themselves(self):
        """Never a NaN in a file, whatever the step: refused, with what it was."""
        store = self.store_of(lrprop_support.make_videos(106))
        for lr in (1e18, 1e30, 1e37):
            for ranks in (None, 3):
                with self.subTest(lr=lr, ranks=ranks):
                    run_dir = self.folder / f"lost_{lr}_{ranks}"
                    arguments = self.arguments(store, run_dir, train__lr=lr, train__epochs=20, train__schedule="constant")
                    finished = support.run(arguments, ranks, cwd=self.folder)
                    self.assert_refused(finished, 12, "not finite", "train.lr")
                    refused = lrprop_support.finite_json(run_dir / "refused_step.json")
                    self.assertEqual((refused["lr"], len(refused["samples"]) % 2), (lr, 0))
                    self.assertFalse((run_dir / "model.h5").exists())
                    lrprop_support.finite_json(run_dir / "summary.json")
                    for line in (run_dir / "metrics.jsonl").read_text().splitlines():
                        self.assertNotRegex(line.lower(), r"\bnan\b|\binf|null")
                    for file in (run_dir / "checkpoints").glob("*.h5"):
                        for name, array in support.read_arrays(file).items():
                            self.assertTrue(np.isfinite(array).all(), name)

    def test_a_last_step_that_loses_itself(self):
        """What no further step meets is met by the writing of the model."""
        store = self.store_of(lrprop_support.make_videos(107, per_class=2))
        for ranks in (None, 3):
            with self.subTest(ranks=ranks):
                run_dir = self.folder / f"lost_{ranks}"
                arguments = self.arguments(store, run_dir, train__lr=1e39, train__epochs=1)
                finished = support.run(arguments, ranks, cwd=self.folder)
                self.assert_refused(finished, 12)
                self.assertFalse((run_dir / "model.h5").exists())

    def test_what_keys_cannot_be(self):
        store = self.store_of(lrprop_support.make_videos(108))
        for settings, words in (
            (dict(model__heads=3), ["model.heads", "found 3", "model.hidden = 8", "divisor"]),
            (dict(model__hidden=7, model__heads=7), ["model.hidden", "found 7", "even"]),
            (dict(model__layers=-1), ["model.layers", "-1"]),
            (dict(model__dropout=1), ["model.dropout", "1"]),
            (dict(model__embedding=0), ["model.embedding", "0"]),
            (dict(train__frames=1), ["train.frames", "1"]),
            (dict(train__lr=0), ["train.lr", "0"]),
            (dict(train__lr="nan"), ["train.lr", "nan"]),
            (dict(train__lr="inf"), ["train.lr", "inf"]),
            (dict(train__epochs=-2), ["train.epochs", "-2"]),
            (dict(loss__temperature=0), ["loss.temperature"]),
            (dict(loss__gamma=-1), ["loss.gamma", "-1"]),
            (dict(loss__sdtw_reduction="median"), ["loss.sdtw_reduction", "median", "sum"]),
            (dict(train__schedule="linear"), ["train.schedule", "linear", "cosine"]),
            (dict(eval__stride=0), ["eval.stride"]),
            (dict(dist__device="cuda"), ["dist.device", "cuda"]),
        ):
            with self.subTest(settings):
                self.refuse(self.training(store, **settings), 2, *words, ranks=(None,))
        for wrong in ("0", "1.5", "-0.5", "x", "0.1,,0.5", "0.1,", ",0.1", "nan", "inf", "0.1;0.5", "0.1 0.5", "1e-400"):
            with self.subTest(fractions=wrong):
                self.refuse(self.training(store, eval__fractions=wrong), 2, "eval.fractions", wrong, ranks=(None,))
        for wrong in ("0", "-1", "1.5", "x", "5,,10", "5,", "9" * 25, "1 5"):
            with self.subTest(k=wrong):
                self.refuse(self.training(store, eval__k=wrong), 2, "eval.k", wrong, ranks=(None,))
        for name in ("eval__fractions", "eval__k"):
            self.refuse(self.training(store, **{name: ""}), 2, name.replace("__", "."), ranks=(None,))
        self.refuse(self.training(store, eval__fractions="x"), 2, "eval.fractions", ranks=(3,))
        unknown = [*self.training(store), "--train.epoch", "3"]
        finished = support.run(unknown, cwd=self.folder)
        self.assertEqual((finished.code, len(finished.errors)), (2, 1), finished)
        self.assertIn("train.epochs", finished.errors[0])
        self.assert_nothing_left()

    def test_a_store_of_another_kind(self):
        with h5py.File(self.folder / "other.h5", "w") as file:
            file["features"] = np.zeros((3, 4))
        self.refuse(self.training(self.folder / "other.h5"), 10, "other.h5")
        self.refuse(self.training(self.folder / "nowhere.h5"), 10, "nowhere.h5")
        self.refuse([PROGRAM, "eval", "--embeddings", self.folder / "nowhere.h5", *options()], 10, "nowhere.h5")


if __name__ == "__main__":
    unittest.main()
