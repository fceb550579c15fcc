"""Plan and model files with a fault each: one line that names the file, what was found and what was expected."""

import dataclasses
import unittest

import h5py
import lrprop_support
import numpy as np
import support
from lrprop_independent import random_weights
from lrprop_support import PROGRAM, TINY, options


class FilesTest(lrprop_support.LrpropTest):
    def setUp(self):
        super().setUp()
        self.videos = lrprop_support.make_videos(111, classes=2)
        self.store = lrprop_support.write_store(self.folder / "set.h5", self.videos)

    def put(self, file, name, array):
        if name in file:
            del file[name]
        if array is not None:
            file[name] = array


class Plans(FilesTest):
    def setUp(self):
        super().setUp()
        self.plan = lrprop_support.write_plan(self.folder / "plan.h5", lrprop_support.make_plan(self.videos, 3))

    def refuse_plan(self, code, *words, ranks=(None,), **arrays):
        """With some of its arrays replaced."""
        changed = self.folder / "changed.h5"
        changed.write_bytes(self.plan.read_bytes())
        with h5py.File(changed, "r+") as file:
            for name, array in arrays.items():
                self.put(file, name, array)
        run_dir = self.folder / "run"
        self.refuse(self.arguments(self.store, run_dir, train__plan=changed), code, "changed.h5", *words, ranks=ranks)
        self.assertFalse(run_dir.exists())

    def test_arrays(self):
        arrays = support.read_arrays(self.plan)
        self.refuse_plan(10, "pair", pair=None, ranks=(None, 3))
        self.refuse_plan(10, "offsets", offsets=None)
        self.refuse_plan(10, "frames", frames=None)
        self.refuse_plan(10, "pair", "[S,2]", pair=arrays["pair"].ravel())
        self.refuse_plan(10, "pair", "[S,2]", pair=arrays["pair"][:0], offsets=arrays["offsets"][:1])
        self.refuse_plan(10, "pair", pair=arrays["pair"].T)
        self.refuse_plan(10, "pair", pair=arrays["pair"].astype(float) + 0.5)
        self.refuse_plan(10, "offsets", "expected [13]", offsets=arrays["offsets"][:-1])
        self.refuse_plan(10, "offsets", "expected [9]", pair=arrays["pair"][:2])
        self.refuse_plan(10, "frames", frames=arrays["frames"].astype(float))
        self.refuse_plan(10, "frames", frames=arrays["frames"].reshape(1, -1))
        self.refuse_plan(10, "frames", frames=np.array([b"0"] * len(arrays["frames"])))

    def test_values(self):
        arrays = support.read_arrays(self.plan)

        def changed(name, at, value):
            array = arrays[name].copy()
            array[at] = value
            return {name: array}

        pair, offsets, frames = arrays["pair"], arrays["offsets"], arrays["frames"]
        self.refuse_plan(10, "step 1", "found video 18", "0 to 17", **changed("pair", (1, 0), 18), ranks=(None, 3))
        self.refuse_plan(10, "step 2", "found video -1", "0 to 17", **changed("pair", (2, 1), -1))
        length = len(self.videos.samples[pair[0, 0]])
        last = offsets[1] - 1
        self.refuse_plan(10, "step 0, view 0", f"frame {length}", f"0 to {length - 1}", **changed("frames", last, length))
        self.refuse_plan(10, "step 0, view 0", "frame -1", **changed("frames", 0, -1))
        self.refuse_plan(10, "step 0, view 0", "ascending", **changed("frames", 1, frames[0]))
        self.refuse_plan(10, "step 0, view 0", "ascending", **changed("frames", slice(0, 2), frames[1::-1]))
        self.refuse_plan(10, "step 2, view 3", f"up to {len(frames)}", **changed("offsets", 12, len(frames) + 1))
        self.refuse_plan(10, "step 0, view 0", **changed("offsets", 0, -1))
        self.refuse_plan(10, "step 0, view 1", **changed("offsets", 2, offsets[1] - 1))
        self.refuse_plan(10, "step 0, view 0", "1 frames", "2 to 12", **changed("offsets", 1, 1))
        self.refuse_plan(10, "step 0, view 0", "0 frames", "2 to 12", **changed("offsets", 1, 0))

    def test_longer_views_than_the_model_s(self):
        self.refuse(
            self.arguments(self.store, self.folder / "run", train__plan=self.plan, train__frames=2), 10, "plan.h5", "2 to 2"
        )

    def test_files(self):
        (self.folder / "text.h5").write_text("no HDF5")
        (self.folder / "empty.h5").write_bytes(b"")
        for name in ("text.h5", "empty.h5", "nowhere.h5", "."):
            with self.subTest(name):
                arguments = self.arguments(self.store, self.folder / "run", train__plan=self.folder / name)
                self.refuse(arguments, 10, name, ranks=(None, 3) if name == "nowhere.h5" else (None,))

    def test_a_planned_video_of_one_frame(self):
        """Not in the plan it is no obstacle."""
        videos, plan = self.videos, lrprop_support.make_plan(self.videos, 3)
        unused = next(n for n in range(12) if n not in {video for a, b, _ in plan for video in (a, b)})
        for array in (videos.samples, videos.frame_labels, videos.timestamps):
            array[unused] = array[unused][:1]
        lrprop_support.write_store(self.store, videos)
        self.train("run", self.store, train__plan=self.plan)


class Models(FilesTest):
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

    def test_double_precision_and_more_than_is_asked_for(self):
        """As another program may write it."""
        with h5py.File(self.model, "r+") as file:
            array = file["weights/out.weight"][()].astype(float)
            del file["weights/out.weight"]
            file["weights/out.weight"] = array
            file["weights/another"] = array
        self.succeed(self.apply(self.model))


class ExitCodes(FilesTest):
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
