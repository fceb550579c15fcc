"""Splits, actions and phases that are missing: each is trained and evaluated, or refused by one clear line."""

import dataclasses
import unittest

import lrprop_support
import numpy as np
import support
from lrprop_support import TEST, TRAIN, VALIDATION


class Splits(lrprop_support.Edges):
    def test_one_validation_video(self):
        numbers = self.goes_through(lrprop_support.make_videos(87, validation_per_class=1))
        self.assertEqual([numbers[name] for name in ("tau_b", "dtw_accuracy", "tau_dropped")], [None] * 3)
        self.assertTrue(any("one val video" in note for note in numbers["notes"]))

    def test_no_validation(self):
        videos = lrprop_support.make_videos(88)
        videos.splits[:] = TRAIN
        store = self.store_of(videos)
        run_dir = self.train("run_unjudged", store, 2, **lrprop_support.SHORT)
        self.assertIn("evaluation: none, as the store has no labelled videos", self.said.stderr)
        self.assertFalse((run_dir / "evaluation.json").exists())
        evaluation = [lrprop_support.PROGRAM, "eval", *support.options(model__init=run_dir / "model.h5", data__store=store)]
        self.refuse(evaluation, 10, "set.h5:split: found no val or test videos with a label", "--eval.split train judges the 9 train videos")
        self.refuse([*evaluation, "--eval.split", "test"], 10, "found no test videos")
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
        self.assertEqual(sum(step["pairs"] for step in support.read_metrics(self.newest_run(), "step")), 3)

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


class Phases(lrprop_support.Edges):
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


if __name__ == "__main__":
    unittest.main()
