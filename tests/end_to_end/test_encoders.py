"""Features of another encoder than the model's are told: as many numbers may mean something else."""

import unittest

import h5py

import support

SETTINGS = dict(model__steps=4, train__epochs=1, train__batch_size=16)
OTHER = "found features of"


class Encoders(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.motion, self.vit, self.silent = (
            support.write_store(self.folder / f"{name}.h5", support.make_set(seed), first_id=100 * seed, encoder=encoder)
            for seed, (name, encoder) in enumerate((("motion", "motion 1, fraction"), ("vit", "vit 2, multi"), ("silent", "")))
        )

    def said(self, command, store, *words, **settings):
        finished = support.run(["dejavid_dist", command, *support.options(data__store=store, **settings), *words], cwd=self.folder)
        self.assertEqual(finished.code, 0, finished)
        return finished.stderr

    def test_a_model_knows_whose_features_it_learned_from(self):
        model = self.train("run", self.motion, **SETTINGS) / "model.h5"
        self.assertEqual(h5py.File(model).attrs["encoder"], "motion 1, fraction")
        for store, words in ((self.motion, None), (self.silent, None), (self.vit, "encoder vit 2, multi; expected motion 1, fraction, which")):
            for command, more in (("eval", ()), ("predict", ("--out", "predictions.csv"))):
                with self.subTest(store=store.name, command=command):
                    said = self.said(command, store, *more, model__init=model)
                    self.assertIn(words, said) if words else self.assertNotIn(OTHER, said)
        self.assertIn("vit 2, multi; expected motion", self.said("train", self.vit, model__init=model, run__dir="fine", **SETTINGS))
        self.assertEqual(h5py.File(self.folder / "fine" / "model.h5").attrs["encoder"], "vit 2, multi")

    def test_a_model_of_a_store_that_does_not_say_fits_all(self):
        model = self.train("run", self.silent, **SETTINGS) / "model.h5"
        self.assertNotIn("encoder", h5py.File(model).attrs)
        self.assertNotIn(OTHER, self.said("eval", self.vit, model__init=model))

    def test_stores_of_two_encoders_are_told_together_and_merged(self):
        both = "found features of 2 encoders, motion 1, fraction + vit 2, multi; expected one"
        self.assertIn(both, self.said("train", [self.motion, self.vit], run__dir="two", **SETTINGS))
        merged = support.run(["dejavid_convert", "merge", self.motion, self.vit, "--out", "merged.h5"], cwd=self.folder)
        self.assertEqual(merged.code, 0, merged)
        self.assertIn(f"{self.motion} and 1 other: {both}", merged.stderr)
        model = self.folder / "two" / "model.h5"
        for store in ("merged.h5", self.vit):
            self.assertNotIn("; expected motion", self.said("eval", store, model__init=model))

    def test_lrprop_tells_as_well(self):
        small = dict(model__fc_width=16, model__hidden=16, model__heads=2, model__ff_width=16, model__layers=1, model__embedding=8, train__frames=8)
        trained = support.run(["lrprop_dist", "train", *support.options(data__store=self.motion, run__dir="frames", train__epochs=1, **small)], cwd=self.folder)
        self.assertEqual(trained.code, 0, trained)
        model = self.folder / "frames" / "model.h5"
        self.assertEqual(h5py.File(model).attrs["encoder"], "motion 1, fraction")
        said = support.run(["lrprop_dist", "embed", *support.options(data__store=self.vit, model__init=model), "--out", "e.h5"], cwd=self.folder)
        self.assertEqual(said.code, 0, said)
        self.assertIn("encoder vit 2, multi; expected motion 1, fraction, which", said.stderr)


if __name__ == "__main__":
    unittest.main()
