"""Model files with a fault each: one line that names the file, what was found and what was expected."""

import dataclasses
import unittest

import h5py
import lrprop_support
import numpy as np
import support
from lrprop_independent import random_weights
from lrprop_support import PROGRAM, TINY, options


class Models(lrprop_support.FilesTest):
    def setUp(self):
        super().setUp()
        self.model = lrprop_support.write_model(self.folder / "model.h5", TINY, random_weights(TINY, 112))

    def apply(self, model):
        return [PROGRAM, "embed", *options(model__init=model, data__store=self.store), "--out", self.folder / "e.h5"]

    def refuse_model(self, code, *words, ranks=(None,), attributes=None, **arrays):
        changed = self.folder / "changed.h5"
        changed.write_bytes(self.model.read_bytes())
        with h5py.File(changed, "r+") as file:
            for name, array in arrays.items():
                self.put(file, name.replace("__", "/").replace("_dot_", "."), array)
            for name, value in (attributes or {}).items():
                file.attrs.pop(name)
                if value is not None:
                    file.attrs[name] = value
        self.refuse(self.apply(changed), code, "changed.h5", *words, ranks=ranks)
        self.assertFalse((self.folder / "e.h5").exists())

    def test_arrays(self):
        weights = support.read_arrays(self.model)
        first = weights["weights/fc1.weight"]
        self.refuse_model(11, "fc1.weight", "[12,5]", weights__fc1_dot_weight=None, ranks=(None, 3))
        self.refuse_model(11, "head_bn.running_var", "[6]", weights__head_bn_dot_running_var=None)
        self.refuse_model(11, "layers.1.ff2.bias", **{"weights__layers_dot_1_dot_ff2_dot_bias": None})
        self.refuse_model(11, "weights", weights=None)
        self.refuse_model(11, "fc1.weight", "[5,12]", "[12,5]", weights__fc1_dot_weight=first.T)
        self.refuse_model(11, "fc1.weight", weights__fc1_dot_weight=first.ravel())
        self.refuse_model(11, "fc1.weight", weights__fc1_dot_weight=np.array([b"text"] * 12))
        self.refuse_model(11, "feature_scale", feature_mean=np.zeros(5, np.float32))
        self.refuse_model(11, "feature_mean", feature_mean=np.zeros(4, np.float32), feature_scale=np.ones(4, np.float32))

    def test_values(self):
        weights = support.read_arrays(self.model)

        def changed(name, value):
            array = weights["weights/" + name].copy()
            array.flat[1] = value
            return {"weights__" + name.replace(".", "_dot_"): array}

        self.refuse_model(12, "weights/fc2.bias", "found nan", **changed("fc2.bias", np.nan), ranks=(None, 3))
        self.refuse_model(12, "weights/out.weight", "found inf", **changed("out.weight", np.inf))
        self.refuse_model(12, "weights/bn1.running_mean", "found nan", **changed("bn1.running_mean", np.nan))
        self.refuse_model(11, "weights/bn2.running_var", "found -1", **changed("bn2.running_var", -1))
        one = np.ones(5, np.float32)
        self.refuse_model(12, "feature_mean", "found nan", feature_mean=one * np.nan, feature_scale=one)
        self.refuse_model(11, "feature_scale", "found 0", feature_mean=one, feature_scale=one * 0)
        self.refuse_model(11, "feature_scale", "found -1", feature_mean=one, feature_scale=-one)

    def test_attributes(self):
        for name in [*dataclasses.asdict(TINY), "format", "version"]:
            with self.subTest(name):
                self.refuse_model(11, name, attributes={name: None})
        for name, value in (
            ("format", "dejavid-model"),
            ("version", 2),
            ("hidden", 0),
            ("hidden", 7),
            ("heads", 3),
            ("heads", 0),
            ("layers", -1),
            ("layers", 3),
            ("layers", 10**9),
            ("embedding", 5),
            ("fc_width", 2**40),
            ("feature_dim", 4),
            ("train_frames", 1),
        ):
            with self.subTest(name, value=value):
                self.refuse_model(11, attributes={name: value})

    def test_files(self):
        (self.folder / "text.h5").write_text("no HDF5")
        (self.folder / "empty.h5").write_bytes(b"")
        for name in ("text.h5", "empty.h5", "nowhere.h5", "set.h5"):
            for command in (self.apply(self.folder / name), self.arguments(self.store, self.folder / "run", model__init=self.folder / name)):
                with self.subTest(name, command=command[1]):
                    self.refuse(command, 11, name, ranks=(None, 3) if name == "nowhere.h5" else (None,))

    def test_of_other_features(self):
        lrprop_support.write_store(self.store, lrprop_support.make_videos(113, features=7))
        for command in (
            self.apply(self.model),
            [PROGRAM, "eval", *options(model__init=self.model, data__store=self.store)],
            [PROGRAM, "align", *options(model__init=self.model, data__store=self.store), "--query", "sample_0"],
            self.arguments(self.store, self.folder / "run", model__init=self.model),
        ):
            with self.subTest(command[1]):
                self.refuse(command, 11, "model.h5", "found 5 features", "expected 7")

    def test_asked_for_otherwise(self):
        self.refuse([*self.apply(self.model), "--model.layers", "3"], 11, "model.h5", "model.layers = 2", "expected 3")

    def test_changed_after_it_was_written(self):
        run_dir = self.train("run", self.store)
        with h5py.File(run_dir / "model.h5", "r+") as file:
            file["weights/fc1.weight"][0, 0] += 1
        self.refuse(self.apply(run_dir / "model.h5"), 11, "model.h5", "digest")

    def test_more_than_is_asked_for(self):
        """As another program may write it."""
        with h5py.File(self.model, "r+") as file:
            file["weights/another"] = np.zeros(3)
            file.attrs["author"] = "another program"
        self.succeed(self.apply(self.model))

    def test_double_precision(self):
        array = support.read_arrays(self.model)["weights/out.weight"].astype(float)
        self.refuse_model(11, "out.weight", "found f64", "expected f32", weights__out_dot_weight=array)


class ExitCodes(lrprop_support.FilesTest):
    def test_are_those_of_every_rank(self):
        weights = random_weights(TINY, 114)
        model = lrprop_support.write_model(self.folder / "model.h5", TINY, weights)
        other = lrprop_support.write_model(
            self.folder / "other.h5", TINY, {**weights, "out.bias": weights["out.bias"] * np.nan}
        )
        embed = lambda name: [PROGRAM, "embed", *options(model__init=name, data__store=self.store), "--out", "e.h5"]
        train = lambda **settings: self.arguments(self.store, self.folder / "run", **settings)
        for arguments, code in (
            (embed(model), 0),
            (embed(self.store), 11),
            (embed(other), 12),
            (train(data__store="nowhere.h5"), 10),
            (train(train__plan="nowhere.h5"), 10),
            (train(model__heads=3), 2),
            (train(train__lr=1e30), 12),
            (train(run__dir="set.h5/run"), 13),
            ([PROGRAM, "align", *options(model__init=model, data__store=self.store), "--query", "nobody"], 2),
        ):
            with self.subTest(arguments):
                self.assertEqual(self.codes_of_ranks(arguments), [code] * 3)


if __name__ == "__main__":
    unittest.main()
