"""Videos at the edge of what there is: each is trained and evaluated, or refused by one clear line."""

import unittest

import lrprop_support
import numpy as np
import support
from lrprop_support import PROGRAM, options


class Lengths(lrprop_support.Edges):
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


class Contents(lrprop_support.Edges):
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
        for ranks in (None, 3):
            self.refuse(self.training(store), 12, "set.h5", "found nan at step 1, feature 3", ranks=(ranks,))
            standardised = self.training(store, data__standardize=True)
            self.refuse(standardised, 12, "set.h5", "sample_2", "nan", ranks=(ranks,))
            self.assertEqual(list(self.folder.glob("*/refused/*.h5")), [])
        self.goes_through(videos, data__bad_samples="skip")
        self.assertIn("left out 2 of 9 samples", self.notes)

    def test_left_out_videos_are_neither_embedded_nor_aligned(self):
        videos = lrprop_support.make_videos(85)
        model = self.train("run", self.store_of(videos), **lrprop_support.SHORT) / "model.h5"
        whole = support.read_arrays(self.embed("whole", model, self.folder / "set.h5"))
        videos.samples[2][1, 3] = np.nan
        store = self.store_of(videos)
        given = options(model__init=model, data__store=store)
        self.refuse([PROGRAM, "embed", *given, "--out", "e.h5"], 12, "sample_2", "nan")
        skip = ["--data.bad_samples", "skip"]
        for ranks in (None, 3):
            out = self.embed(f"skipped_{ranks}", model, store, ranks, data__bad_samples="skip")
            self.succeed(["dejavid_convert", "verify", out])
            found = support.read_arrays(out)
            self.assertEqual(list(found["ids"]), [name for name in whole["ids"] if name != b"sample_2"])
            rows = np.split(whole["features"], whole["offsets"][1:-1])
            np.testing.assert_array_equal(found["features"], np.concatenate(rows[:2] + rows[3:]))
            folder = self.folder / f"aligned_{ranks}"
            self.succeed([PROGRAM, "align", *given, *skip, "--query", "sample_0", "--out", folder], ranks)
            self.assertEqual(len(list(folder.glob("*.svg"))), 7)
        self.refuse([PROGRAM, "align", *given, *skip, "--query", "sample_2"], 12, "sample_2", "nan", ranks=(None,))

    def test_a_bad_validation_video_is_met_whatever_reads_it(self):
        videos = lrprop_support.make_videos(86)
        videos.samples[-1][0, 0] = np.inf
        store = self.store_of(videos)
        self.refuse(self.training(store), 12, "sample_8", "inf", ranks=(3,))
        self.refuse([PROGRAM, "eval", "--embeddings", store], 12, "sample_8", "inf")


if __name__ == "__main__":
    unittest.main()
