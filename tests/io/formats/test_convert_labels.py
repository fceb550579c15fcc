"""`dejavid_convert labels`: only frame labels change, a store is replaced whole or not at all, what is refused."""

import json
import os
import unittest

import h5py
import numpy as np

import convert_case
from convert_case import Store, support


class Labels(convert_case.ConvertCase):
    def setUp(self):
        super().setUp()
        self.set = support.make_set(seed=5, classes=3, per_class=2, validation_per_class=1, features=4, lengths=(6, 9))

    def make(self, name="s.h5", dtype=np.float32, gzip=None, **others):
        path = support.write_store(self.folder / name, self.set, dtype=dtype)
        with h5py.File(path, "r+") as store:
            if gzip:
                features = store["features"][()]
                del store["features"]
                store.create_dataset("features", data=features, chunks=True, compression="gzip", compression_opts=gzip, shuffle=True, fletcher32=True)
            for key, value in others.items():
                store[key] = value
        return path

    def write_csv(self, *lines, name="l.csv"):
        (self.folder / name).write_text("".join(line + "\n" for line in lines))
        return name

    def steps(self):
        return sum(map(len, self.set.samples))

    def test_all_else_is_carried_over(self):
        csv = self.write_csv("id,first,last,phase", "sample_1,0,2,reach", "sample_1,3,3,lift", "sample_8,1,5,reach")
        for kind in (dict(), dict(dtype=np.float16), dict(gzip=7), dict(timestamps=np.arange(self.steps()) / 3)):
            with self.subTest(kind):
                before = Store(self.make(**kind))
                after = self.convert("labels", "--store", "s.h5", "--labels", csv)
                for name in ("labels", "split", "ids", "class_names", "digests"):
                    self.assertEqual(getattr(after, name), getattr(before, name), name)
                self.assertEqual((after.features.dtype, after.features.tobytes()), (before.features.dtype, before.features.tobytes()))
                for name in ("encoder", "source", "feature_dim", "num_classes"):
                    self.assertEqual(after.attributes[name], before.attributes[name])
                self.assertEqual("timestamps" in after.per_step, "timestamps" in kind)
                for old, new in zip(before.per_step.get("timestamps", []), after.per_step.get("timestamps", []), strict=True):
                    np.testing.assert_array_equal(old, new)
                expected = [np.full(len(sample), -1) for sample in self.set.samples]
                expected[1][:4], expected[8][1:6] = [0, 0, 0, 1], 0
                for old, new in zip(expected, after.per_step["frame_labels"], strict=True):
                    np.testing.assert_array_equal(old, new)
                with h5py.File(self.folder / "a.h5") as store:
                    self.assertEqual(store["phase_names"][:].tolist(), [b"reach", b"lift"])
                    self.assertEqual(h5py.check_string_dtype(store["phase_names"].dtype), ("utf-8", 5))
                    self.assertEqual(store["features"].compression_opts, kind.get("gzip"))
                self.assertIn("9 frames with a phase (reach 8, lift 1)", self.finished.stdout)
                self.succeed(["dejavid_convert", "verify", "a.h5"])
                (self.folder / "a.h5").unlink()

    def test_logits_and_samples_without_a_label_stay(self):
        with h5py.File(self.make(), "r+") as store:
            store.attrs.update(unlabelled=1, logits=3)
            store["labels"][8] = -1
        after = self.convert("labels", "--store", "s.h5", "--labels", self.write_csv("sample_1,0,0,4"))
        self.assertEqual((after.labels[8], after.attributes["unlabelled"], after.attributes["logits"]), (-1, 1, 3))
        with h5py.File(self.folder / "a.h5") as store:
            self.assertNotIn("phase_names", store)
            self.assertEqual(store["frame_labels"][:].max(), 4)

    def test_in_place(self):
        self.make()
        os.symlink("s.h5", self.folder / "link.h5")
        csv = self.write_csv("sample_0,0,1,b", "sample_0,2,3,a")
        for _ in range(2):
            self.succeed(["dejavid_convert", "labels", "--store", "link.h5", "--labels", csv, "--phases", "a, b", "--progress", "off"])
            store = Store(self.folder / "s.h5")
            self.assertEqual(store.per_step["frame_labels"][0][:5].tolist(), [1, 1, 0, 0, -1])
            self.assertTrue((self.folder / "link.h5").is_symlink())
            self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["l.csv", "link.h5", "s.h5"])
        self.succeed(["dejavid_convert", "verify", "s.h5"])

    def test_samples_that_the_file_does_not_name_keep_their_phases(self):
        self.make()
        label = ["dejavid_convert", "labels", "--store", "s.h5", "--progress", "off", "--labels"]
        lines = [f"sample_{n},0,2,reach" for n in range(9)]
        said = self.succeed([*label, self.write_csv(*lines)]).stdout
        self.assertIn("27 frames with a phase (reach 27), ", said)
        self.assertIn("; samples: phases of 9 replaced, of 0 kept", said)
        before = Store(self.folder / "s.h5").per_step["frame_labels"]
        corrected = self.write_csv("sample_4,5,5,lift", "sample_4,1,1,reach")
        said = self.succeed([*label, corrected]).stdout
        self.assertIn("26 frames with a phase (reach 25, lift 1), ", said)
        self.assertIn("; samples: phases of 1 replaced, of 8 kept", said)
        after = Store(self.folder / "s.h5").per_step["frame_labels"]
        self.assertEqual(after[4][:6].tolist(), [-1, 0, -1, -1, -1, 1])
        for n in set(range(9)) - {4}:
            np.testing.assert_array_equal(after[n], before[n])
        said = self.succeed([*label, corrected, "--replace-all"]).stdout
        self.assertIn("2 frames with a phase (reach 1, lift 1), ", said)
        self.assertIn("; samples: phases of 1 replaced, of 8 dropped", said)
        self.refuse(10, ["found no frames"], *label[1:], self.write_csv("id,first,last,phase", name="empty.csv"))

    def test_a_store_that_cannot_be_read_to_its_end_stays(self):
        with h5py.File(self.make(), "r+") as store:
            store["features"][-1, 0] += 1
        before = (self.folder / "s.h5").read_bytes()
        self.refuse(10, ["s.h5", "digest"], "labels", "--store", "s.h5", "--labels", self.write_csv("sample_0,0,1,b"), "--progress", "off")
        self.assertEqual((self.folder / "s.h5").read_bytes(), before)

    def test_info_and_merge_know_the_names(self):
        self.make()
        csv = self.write_csv("sample_0,0,1,reach", "sample_1,2,3,lift")
        self.succeed(["dejavid_convert", "labels", "--store", "s.h5", "--labels", csv, "--progress", "off"])
        self.succeed(["dejavid_convert", "info", "s.h5", "--json", "i.json"])
        info = json.loads((self.folder / "i.json").read_text())
        self.assertEqual((info["has_frame_labels"], info["phase_names"]), (True, ["reach", "lift"]))
        (self.folder / "i.json").unlink()
        for name in ("t.h5", "u.h5", "v.h5"):
            with h5py.File(self.make(name), "r+") as store:
                del store["ids"]
                store["ids"] = support.fixed_length([f"{name[0]}_{n}" for n in range(9)])
        for name, phases in (("t.h5", "reach,lift"), ("u.h5", "lift,reach")):
            csv = self.write_csv(f"{name[0]}_0,0,1,lift", name="t.csv")
            self.succeed(["dejavid_convert", "labels", "--store", name, "--labels", csv, "--phases", phases, "--progress", "off"])
        merged = self.convert("merge", "s.h5", "t.h5")
        self.assertEqual(merged.per_step["frame_labels"][9][:3].tolist(), [1, 1, -1])
        with h5py.File(self.folder / "a.h5") as store:
            self.assertEqual(store["phase_names"][:].tolist(), [b"reach", b"lift"])
        (self.folder / "a.h5").unlink()
        self.refuse(10, ["u.h5", "phase_names", "lift,reach", "s.h5"], "merge", "s.h5", "u.h5", "--out", "a.h5")
        with h5py.File(self.folder / "v.h5", "r+") as store:
            store["frame_labels"] = np.full(self.steps(), 0, "i4")
        self.refuse(10, ["v.h5", "phase_names: found none; expected", "s.h5"], "merge", "s.h5", "v.h5", "--out", "a.h5")

    def test_what_is_no_part_of_a_store_is_not_lost(self):
        store = self.folder / self.make()
        with h5py.File(store, "r+") as file:
            file["my_masks"] = np.arange(3)
            file.attrs["fps"] = 25
        before = store.read_bytes()
        words = "labels", "--store", "s.h5", "--labels", self.write_csv("sample_0,0,1,reach")
        self.refuse(10, ["s.h5: found what is no part of a store and would be lost: /my_masks, attribute fps"], *words)
        self.assertEqual(store.read_bytes(), before)
        self.convert(*words)
        self.assertIn("note: s.h5: what is no part of a store is not in the new one: /my_masks, attribute fps", self.finished.stderr)

    def test_names_in_another_order_are_noticed(self):
        self.make()
        self.convert("labels", "--store", "s.h5", "--labels", self.write_csv("sample_0,0,1,reach", "sample_1,2,3,lift"))
        with h5py.File(self.folder / "a.h5", "r+") as store:
            names = store["phase_names"]
            names[...] = names[:][::-1].astype(names.dtype)
            self.assertEqual(names[:].tolist(), [b"lift", b"reach"])
        finished = support.run(["dejavid_convert", "verify", "a.h5"], cwd=self.folder)
        self.assertEqual(finished.code, 10)
        self.assertIn("phase_names: found content of digest", finished.errors[0])

    def test_verify_finds_phases_without_a_name(self):
        self.make(frame_labels=np.arange(self.steps(), dtype="i4") % 3, phase_names=np.array([b"reach", b"lift"]))
        finished = support.run(["dejavid_convert", "verify", "s.h5"], cwd=self.folder)
        self.assertEqual(finished.code, 10)
        self.assertIn("found phase 2 at step 2; expected -1 to 1 (/phase_names)", finished.errors[0])

    def test_refusals(self):
        self.make()
        store = ("labels", "--store", "s.h5", "--progress", "off", "--labels")
        good = self.write_csv("sample_0,0,1,b")
        bad = self.write_csv("sample_0,0,1,b", "sample_x,0,1,b", name="bad.csv")
        self.make("there.h5")
        before = (self.folder / "s.h5").read_bytes()
        self.refuse(10, ["bad.csv:line 2", "sample_x", "did you mean"], *store, bad)
        self.refuse(10, ["absent.csv"], *store, "absent.csv")
        self.refuse(10, ["absent.h5"], "labels", "--store", "absent.h5", "--labels", good)
        self.refuse(2, ["--phases", '"b" twice'], *store, good, "--phases", "a,b,b")
        self.refuse(2, ["--phases", "an empty name"], *store, good, "--phases", "a, ,b")
        for phases in ("b,", ",b", "a,,b", ","):
            self.refuse(2, ["--phases", "an empty name"], *store, good, "--phases", phases)
        self.refuse(10, ["one of a, c"], *store, good, "--phases", "a,c")
        self.refuse(13, ["there.h5", "existing file"], *store, good, "--out", "there.h5")
        self.refuse(2, ["--labels"], "labels", "--store", "s.h5")
        self.refuse(2, ["--out: found an empty text; expected FILE.h5"], *store, good, "--out", "")  # not in place
        self.assertEqual((self.folder / "s.h5").read_bytes(), before)


if __name__ == "__main__":
    unittest.main()
