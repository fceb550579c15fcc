"""Settings at the edge of what there is: each is trained and evaluated, or refused by one clear line."""

import unittest

import h5py
import lrprop_support
import numpy as np
import support
from lrprop_support import PROGRAM


class Settings(lrprop_support.Edges):
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
        for settings in (dict(loss__sigma2=1e-12), dict(loss__sigma2=1e12), dict(loss__gamma=1e-6), dict(loss__gamma=1e6), dict(loss__temperature=1e-6)):
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
                        self.assertNotRegex(line.lower(), r"\bnan\b|\binf")
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
            (dict(loss__temperature="1e-300"), ["loss.temperature", "1e-300", ">= 1e-06"]),
            (dict(loss__sigma2="1e-300"), ["loss.sigma2", "1e-300", ">= 1e-12"]),
            (dict(loss__lambda_same="1e308"), ["loss.lambda_same", "1e308", "at most 1000000"]),
            (dict(loss__lambda_prop="1e300"), ["loss.lambda_prop", "1e300", "at most 1000000"]),
            (dict(loss__lambda_sdtw="1e300"), ["loss.lambda_sdtw", "1e300", "at most 1000000"]),
            (dict(loss__idm_margin="1e300"), ["loss.idm_margin", "1e300", "at most 1000000"]),
            (dict(loss__regularizer_weight="1e300"), ["loss.regularizer_weight", "1e300", "at most 1000000"]),
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
        self.refuse([PROGRAM, "eval", "--embeddings", self.folder / "nowhere.h5"], 10, "nowhere.h5")


if __name__ == "__main__":
    unittest.main()
