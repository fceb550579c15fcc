"""Plan files with a fault each: one line that names the file, what was found and what was expected."""

import unittest

import h5py
import lrprop_support
import numpy as np
import support


class Plans(lrprop_support.FilesTest):
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
        self.refuse_plan(10, "frames", frames=arrays["frames"] + 0.25)
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
        (self.folder / "folder").mkdir()
        for name in ("text.h5", "empty.h5", "nowhere.h5", "folder"):
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


if __name__ == "__main__":
    unittest.main()
