"""lrprop_dist in numbers: embeddings, losses, gradients and weights against an independent implementation."""

import dataclasses
import tempfile
import unittest
from pathlib import Path

import lrprop_support
import numpy as np
import support
from lrprop_independent import Encoder, Settings, Sizes, Training, is_trained, random_weights, weight_shapes
from lrprop_support import TINY
from tape import Value

TOLERANCE = 1e-4  # of f32 against f64
TERMS = ("loss", "same", "prop", "sdtw")


def settings_as_options(settings):
    train = ("lr", "weight_decay", "clip_norm", "schedule", "epochs")
    return {
        ("train__" if name in train else "loss__") + name: value
        for name, value in dataclasses.asdict(settings).items()
    }


class Embeddings(lrprop_support.LrpropTest):
    def check(self, sizes, videos, dtype=np.float32, frames_per_pass=None, weights=None, arrays=None):
        store = lrprop_support.write_store(self.folder / "set.h5", videos, dtype)
        weights = random_weights(sizes, 1) if weights is None else weights
        arrays = arrays or {}
        model = lrprop_support.write_model(self.folder / "weights.h5", sizes, weights, **arrays)
        given = {} if frames_per_pass is None else {"eval__frames_per_pass": frames_per_pass}
        found = support.read_arrays(self.embed("embeddings", model, store, **given))
        encoder = Encoder(sizes, {name: Value(array) for name, array in weights.items()})
        expected = []
        for sample in videos.samples:
            video = (sample.astype(dtype).astype(float) - arrays.get("feature_mean", 0)) / arrays.get("feature_scale", 1)
            expected.append(encoder.embed(video, frames_per_pass or 0))
        np.testing.assert_allclose(found["features"], np.concatenate(expected), atol=5e-6)

    def test_shorter_as_long_as_and_longer_than_training_views(self):
        videos = lrprop_support.make_videos(1, classes=2, lengths=(2, 40))
        for n, length in enumerate((1, 2, TINY.train_frames, TINY.train_frames - 1, TINY.train_frames + 1, 200)):
            generator = np.random.default_rng(n)
            videos.samples[n] = generator.normal(size=(length, 5)).astype(np.float32)
        videos.frame_labels = videos.timestamps = None
        self.check(TINY, videos)

    def test_half_precision_store(self):
        self.check(TINY, lrprop_support.make_videos(2), dtype=np.float16)

    def test_other_sizes(self):
        self.check(Sizes(7, 9, 12, 3, 5, 3, 10, 40), lrprop_support.make_videos(3, features=7))

    def test_without_blocks_and_a_single_head(self):
        self.check(dataclasses.replace(TINY, layers=0, heads=1), lrprop_support.make_videos(4))

    def test_as_wide_as_a_head_of_one_channel(self):
        self.check(dataclasses.replace(TINY, heads=8), lrprop_support.make_videos(5))

    def test_long_videos_in_parts(self):
        self.check(TINY, lrprop_support.make_videos(6, lengths=(10, 70)), frames_per_pass=25)

    def test_standardised_by_the_model_s_own_mean_and_scale(self):
        generator = np.random.default_rng(7)
        mean, scale = (generator.uniform(0.5, 2, size=5).astype(np.float32) for _ in range(2))
        self.check(TINY, lrprop_support.make_videos(7), arrays={"feature_mean": mean, "feature_scale": scale})


class Steps(lrprop_support.LrpropTest):
    """Runs with given weights, pairs and frames, no dropout."""

    def compare(self, settings, videos=None, steps=1, sizes=TINY, weights=None, plan=None, standardise=False, dtype=np.float32):
        videos = videos or lrprop_support.make_videos(11, classes=2)
        plan = plan or lrprop_support.make_plan(videos, steps, 12)
        weights = random_weights(sizes, 13) if weights is None else weights
        self.folder = Path(tempfile.mkdtemp(dir=self.folder))
        store = lrprop_support.write_store(self.folder / "set.h5", videos, dtype)
        run_dir = self.train(
            "run",
            store,
            **{name: None for name in lrprop_support.sizes_as_options()},
            **{
                **settings_as_options(settings),
                "model__init": lrprop_support.write_model(self.folder / "weights.h5", sizes, weights),
                "train__plan": lrprop_support.write_plan(self.folder / "plan.h5", plan),
                "data__standardize": standardise,
                "model__dropout": 0,
            },
        )
        samples = [sample.astype(dtype).astype(float) for sample in videos.samples]
        frames = np.concatenate([sample for sample, split in zip(samples, videos.splits) if split == support.TRAIN])
        scale = (frames.mean(0), frames.std(0)) if standardise else (0.0, 1.0)
        training = Training(sizes, weights, settings, *scale)
        expected = [
            training.step([((samples[a], samples[b]), views)], epoch)
            for epoch in range(settings.epochs)
            for a, b, views in plan
        ]
        found = support.read_metrics(run_dir, "step")
        self.assertEqual([(step["epoch"], step["step"], step["pairs"]) for step in found], [(step["epoch"], step["step"], 1) for step in expected])
        column = lambda steps, name: [step[name] for step in steps]
        for name in TERMS:
            largest = np.abs(column(expected, name)).max()
            np.testing.assert_allclose(column(found, name), column(expected, name), rtol=TOLERANCE, atol=TOLERANCE * largest / 100, err_msg=name)
        self.assert_relative(column(found, "lr"), column(expected, "lr"), 1e-9, "lr")
        np.testing.assert_allclose(column(found, "cosine"), column(expected, "cosine"), atol=1e-4, err_msg="cosine")
        np.testing.assert_allclose(column(found, "grad_norm"), column(expected, "grad_norm"), rtol=1e-3, atol=1e-6, err_msg="grad_norm")
        if min(column(expected, "grad_norm")) > 1e-6:  # or else Adam's steps are those of rounding noise
            self.compare_weights(run_dir, sizes, training, sum(column(expected, "lr")), weights)
        return found

    def compare_weights(self, run_dir, sizes, training, reach, before):
        """On an average within 1 % of how far Adam can move a weight; a weight that is hardly used moves by noise."""
        found = lrprop_support.read_weights(run_dir / "model.h5")
        self.assertEqual(set(found), set(training.weights))
        for name, expected in training.weights.items():
            self.assertEqual(found[name].dtype, np.float32)
            self.assertEqual(found[name].shape, expected.shape, name)
            if name in weight_shapes(sizes) and not is_trained(name, sizes):
                np.testing.assert_array_equal(found[name], before[name], name)
            error, size = np.abs(found[name] - expected).mean(), np.abs(expected).mean()
            self.assertLess(error, 0.01 * reach + 1e-5 * size, name)

    def test_first_step(self):
        for reduction in ("mean", "sum"):
            with self.subTest(reduction):
                self.compare(Settings(sdtw_reduction=reduction))

    def test_twelve_steps(self):
        found = self.compare(Settings(lr=0.01), steps=12)
        self.assertLess(found[-1]["same"], found[0]["same"])

    def test_twelve_steps_of_the_sum_under_a_clipped_gradient(self):
        settings = Settings(lambda_prop=0.5, lambda_sdtw=0.3, sdtw_reduction="sum", lr=0.01, clip_norm=0.5)
        found = self.compare(settings, steps=12)
        self.assertGreater(min(step["grad_norm"] for step in found), 0.5)

    def test_twelve_steps_at_a_constant_rate(self):
        self.compare(Settings(lr=0.01, schedule="constant", weight_decay=0.1), steps=12)

    def test_three_epochs_of_a_plan(self):
        for schedule in ("cosine", "constant", "carl"):
            with self.subTest(schedule):
                found = self.compare(Settings(lr=0.01, schedule=schedule, epochs=3), steps=4)
                rates = {step["lr"] for step in found}
                self.assertEqual(len(rates), 1 if schedule == "constant" else 3)

    def test_scales_of_the_losses(self):
        self.compare(Settings(lambda_same=0.3, temperature=0.5, sigma2=10, gamma=1.0, clip_norm=0), steps=4)

    def test_each_term_alone(self):
        for name in ("same", "prop", "sdtw"):
            with self.subTest(name):
                only = {f"lambda_{other}": 1.0 if other == name else 0.0 for other in ("same", "prop", "sdtw")}
                self.compare(Settings(lr=0.01, **only), steps=3)

    def test_standardised_features(self):
        videos = lrprop_support.make_videos(14, classes=2)
        unlike = np.array([100, 1, 0.01, 1, 5], dtype=np.float32)
        self.compare(Settings(lr=0.01), videos.map_frames(lambda sample: sample * unlike + 3), steps=4, standardise=True)

    def test_half_precision_store(self):
        self.compare(Settings(lr=0.01), steps=3, dtype=np.float16)

    def test_without_blocks(self):
        self.compare(Settings(lr=0.01), steps=3, sizes=dataclasses.replace(TINY, layers=0))

    def test_views_of_two_frames(self):
        videos = lrprop_support.make_videos(15, lengths=(2, 4))
        self.compare(Settings(lr=0.01), videos, steps=4, plan=lrprop_support.make_plan(videos, 4, 16, counts=(2, 3)))

    def test_a_video_with_itself(self):
        """Of the same frames of a video distances are 0."""
        videos = lrprop_support.make_videos(17)
        views = [[0, 3, 5, 9], [1, 2, 6, 11, 12], [0, 3, 5, 9], [1, 2, 6]]
        self.compare(Settings(lr=0.01), videos, plan=[(2, 2, views)] * 3)

    def test_ties_of_every_path(self):
        """All rows are one and the same: which path is taken, is what is agreed for ties."""
        weights = random_weights(TINY, 18)
        weights["head2.weight"] = np.zeros_like(weights["head2.weight"])
        views = [[0, 1, 7, 8, 9], [0, 5, 12], [2, 3, 6, 10, 11, 12, 13], [1, 9]]
        self.compare(Settings(lambda_same=0, lambda_prop=1, lambda_sdtw=0, sigma2=4), weights=weights, plan=[(0, 2, views)])


class Names(unittest.TestCase):
    def test_weights_have_the_documented_names(self):
        names = {name.rpartition(".")[0] for name in weight_shapes(dataclasses.replace(TINY, layers=1))}
        blocks = {f"layers.0.{name}" for name in "norm1 q k v o norm2 ff1 ff2".split()}
        self.assertEqual(names, set("fc1 bn1 fc2 bn2 emb out head1 head_bn head2".split()) | blocks)


if __name__ == "__main__":
    unittest.main()
