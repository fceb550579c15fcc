"""The alarm of an embedding that no longer tells frames apart, and what is known to bring it about."""

import unittest

import lrprop_support
import support

SMALL = dict(
    model__fc_width=32,
    model__hidden=16,
    model__heads=2,
    model__ff_width=32,
    model__layers=1,
    model__embedding=8,
    train__frames=40,
    train__lr=0.003,
    train__epochs=15,
    eval__svm_frames=500,
)
PAPER = dict(loss__sdtw_reduction="sum", loss__lambda_same=1, loss__lambda_prop=0.01, loss__lambda_sdtw=0.4)
ALARM, WARNING = "collapse: found a mean cosine", "is known to make all frames of a video alike"


class Collapse(lrprop_support.LrpropTest):
    def setUp(self):
        super().setUp()
        videos = lrprop_support.make_videos(61, per_class=6, lengths=(60, 120))
        self.store = lrprop_support.write_store(self.folder / "set.h5", videos)

    def test_a_heavy_sum_of_soft_dtw(self):
        run_dir = self.train("sum", self.store, **{**SMALL, **PAPER})
        said = self.said.stderr
        self.assertEqual(said.count(WARNING), 1, said)
        self.assertEqual(said.count(ALARM), 1, said)
        self.assertLess(said.index(WARNING), said.index("epoch 1/"))
        self.assertLess(said.index("epoch 1/"), said.index(ALARM))
        epochs = support.read_metrics(run_dir, "epoch")
        self.assertGreater(epochs[-1]["train_cosine"], 0.9)

    def test_defaults_are_silent(self):
        run_dir = self.train("mean", self.store, **SMALL)
        self.assertNotIn(ALARM, self.said.stderr)
        self.assertNotIn(WARNING, self.said.stderr)
        self.assertLess(support.read_metrics(run_dir, "epoch")[-1]["train_cosine"], 0.85)

    def test_the_profile_of_the_paper_warns(self):
        for settings, warns in (
            (dict(train__profile="paper"), True),
            (dict(train__profile="paper", loss__lambda_sdtw=0.003), False),
            (dict(train__profile="paper", loss__sdtw_reduction="mean"), False),
            (dict(train__profile="paper", loss__regularizer="contrastive-idm"), False),
            (dict(train__profile="carl"), False),
        ):
            with self.subTest(settings):
                self.train(str(len(list(self.folder.iterdir()))), self.store, **{**settings, "train__epochs": 0})
                self.assertEqual(WARNING in self.said.stderr, warns)


if __name__ == "__main__":
    unittest.main()
