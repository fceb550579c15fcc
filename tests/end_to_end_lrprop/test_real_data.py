"""A public data set from its store to an evaluation: UTKinect's skeletons, 14 recordings to learn from, 6 to judge."""

import unittest

import lrprop_support
import support
from lrprop_support import PROGRAM, options

STORE = support.SOURCE.parent / "shared" / "data" / "utkinect_phases.h5"
CONFIG = support.SOURCE / "configs" / "lrprop" / "utkinect.toml"


@unittest.skipUnless(STORE.exists(), f"no data set at {STORE}")
class UtKinect(lrprop_support.LrpropTest):
    def train_on_joints(self, **settings):
        run_dir = self.folder / "run"
        given = options(data__store=STORE, run__dir=run_dir, run__progress="off", **settings)
        self.said = self.succeed([PROGRAM, "train", "--config", CONFIG, *given], timeout=600)
        self.assert_sound(run_dir)
        return run_dir

    def test_sixty_epochs_learn_what_joints_do(self):
        """A sixth of a whole training. The spread of seeds is .605 to .675 and .832 to .880 with the same settings."""
        run_dir = self.train_on_joints(train__epochs=60)
        numbers = lrprop_support.finite_json(run_dir / "evaluation.json")
        self.assertGreater(numbers["ap"]["5"], 0.58)
        self.assertGreater(numbers["tau_b"], 0.80)
        self.assertGreater(numbers["ap"]["5"], numbers["baselines"]["raw"]["ap"]["5"])
        self.assertEqual(numbers["tau_dropped"], 0)
        self.assertGreater(numbers["baselines"]["time_only"]["tau_b"], 0.95)
        self.assertNotIn("collapse:", self.said.stderr)
        self.assertLess(support.read_metrics(run_dir, "epoch")[-1]["train_cosine"], 0.6)

    def test_a_heavy_sum_of_soft_dtw_collapses_and_says_so(self):
        settings = dict(loss__sdtw_reduction="sum", loss__lambda_same=1, loss__lambda_prop=0.01, loss__lambda_sdtw=0.4)
        self.train_on_joints(train__epochs=20, eval__split="test", **settings)
        self.assertEqual(self.said.stderr.count("collapse: found a mean cosine"), 1, self.said)


if __name__ == "__main__":
    unittest.main()
