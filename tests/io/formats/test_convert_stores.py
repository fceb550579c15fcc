"""`dejavid_convert info`, `verify` and `merge` on stores made with h5py."""

import csv
import io
import json
import unittest

import h5py
import numpy as np

import convert_case
from convert_case import Store, support


class Stores(convert_case.ConvertCase):
    def make(self, name, seed=0, ids=None, frame_labels=False, timestamps=False, **options):
        tse_set = support.make_set(seed=seed, classes=3, per_class=2, validation_per_class=1, features=4)
        path = support.write_store(self.folder / name, tse_set, **options)
        with h5py.File(path, "r+") as store:
            count, steps = len(tse_set.samples), sum(map(len, tse_set.samples))
            del store["ids"]
            store["ids"] = support.fixed_length([f"{ids or name}_{n}" for n in range(count)])
            if frame_labels:
                store["frame_labels"] = np.arange(steps, dtype="i4") % 5 - 1
            if timestamps:
                store["timestamps"] = np.arange(steps, dtype="f8") / 3 + seed
        return path

    def verify(self, code, words=(), name="a.h5"):
        finished = support.run(["dejavid_convert", "verify", name, "--json", "v.json"], cwd=self.folder)
        self.assertEqual(finished.code, code, finished)
        report = json.loads((self.folder / "v.json").read_text())
        self.assertEqual(report["good"], code == 0)
        self.assertEqual(len(report["problems"]), len(finished.errors) if report["problem_count"] <= 20 else 20)
        for word in words:
            self.assertIn(word, finished.errors[0])
        return finished, report

    def test_info(self):
        self.make("a.h5", dtype=np.float16, timestamps=True)
        text = self.succeed(["dejavid_convert", "info", "a.h5", "--json", "i.json"]).stdout
        store, info = Store(self.folder / "a.h5"), json.loads((self.folder / "i.json").read_text())
        lengths = [len(sample) for sample in store.samples]
        self.assertEqual((info["samples"], info["train_samples"], info["val_samples"], info["test_samples"]), (9, 6, 3, 0))
        self.assertEqual((info["shortest"], info["longest"], info["steps"]), (min(lengths), max(lengths), sum(lengths)))
        self.assertEqual((info["feature_dim"], info["feature_type"], info["num_classes"]), (4, "f16", 3))
        self.assertEqual(info["classes"][2], {"label": 2, "name": "class 2", "samples": 3, "train_samples": 2})
        self.assertEqual((info["has_timestamps"], info["has_frame_labels"], info["has_digests"]), (True, False, True))
        for word in ("9 (6 train, 3 val, 0 test)", "4 f16", "class 2: 3 (2)"):
            self.assertIn(word, text)
        (self.folder / "text.h5").write_text("no store")
        self.refuse(10, ["text.h5"], "info", "text.h5")
        self.refuse(2, ["store"], "info")

    def test_empty_names_are_refused_before_anything_is_read(self):
        (self.folder / "bad.h5").write_text("no store")
        for words in (
            ["merge", "bad.h5", "--out", ""],
            ["merge", "", "--out", "a.h5"],
            ["merge", "bad.h5", "", "--out", "a.h5"],
            ["info", ""],
            ["info", "bad.h5", "--json", ""],
            ["verify", ""],
            ["npy", "--manifest", "", "--out", "a.h5"],
            ["npy", "--manifest", "bad.h5", "--out", "a.h5", "--logits", "1", "--logits-classes", ""],
            ["ts", "--train", "", "--out", "a.h5"],
            ["torch", "--features", "", "--splits", "s", "--labels", "l", "--files", "f", "--out", "a.h5"],
        ):
            with self.subTest(words):
                self.refuse(2, ["found an empty text; expected F"], *words)

    def test_names_of_stores_are_printed_in_one_line(self):
        name = "a\x1b[2J\nb.h5"
        self.make(name, ids="a")
        for words in (["info", name], ["verify", name], ["merge", name, "--out", "c\x1b\n.h5"]):
            text = self.succeed(["dejavid_convert", *words]).stdout
            self.assertNotIn("\x1b", text)
            self.assertRegex(text, r"^(a\?\[2J\?b|c\?\?)\.h5")

    def test_info_lists_samples(self):
        path = self.make("a.h5", ids='a, "b"')
        with h5py.File(path, "r+") as file:
            file["labels"][3] = -1
            file["split"][3] = 2
            file.attrs["unlabelled"] = 1
        store = Store(path)
        text = self.succeed(["dejavid_convert", "info", "a.h5", "--samples"]).stdout
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual([row["id"] for row in rows], [f'a, "b"_{n}' for n in range(9)])
        self.assertEqual([row["split"] for row in rows], ["train"] * 3 + ["test"] + ["train"] * 2 + ["val"] * 3)
        self.assertEqual([row["label"] for row in rows], ["" if n == 3 else f"class {label}" for n, label in enumerate(store.labels)])
        self.assertEqual([int(row["steps"]) for row in rows], [len(sample) for sample in store.samples])
        self.refuse(2, ["--samples", "--json"], "info", "a.h5", "--samples", "--json", "a.json")

    def test_verify(self):
        self.make("a.h5")
        finished, report = self.verify(0)
        self.assertIn("ok, 9 samples", finished.stdout)
        self.assertTrue(report["has_digests"])
        self.make("b.h5", digests=False)
        self.assertIn("without digests", self.verify(0, name="b.h5")[0].stdout)
        with h5py.File(self.folder / "a.h5", "r+") as store:
            store["features"][0, 0] += 1
        self.assertEqual(self.verify(10, ["a.h5", "sample 0"])[1]["problem_count"], 1)
        self.verify(10, ["absent.h5"], "absent.h5")

    def test_verify_tells_numbers_that_are_not_finite_from_damage(self):
        tse_set = support.make_set(classes=2, per_class=2, features=3)
        tse_set.samples[1][0, 0] = np.nan
        tse_set.samples[3][0, 2] = np.inf
        support.write_store(self.folder / "a.h5", tse_set)
        self.assertEqual(self.verify(12)[1]["problem_count"], 2)
        with h5py.File(self.folder / "a.h5", "r+") as store:
            store["features"][0, 0] += 1
        self.verify(10)

    def test_verify_survives_any_cut_and_any_damage(self):
        whole = self.make("a.h5").read_bytes()
        generator = np.random.default_rng(0)
        for n in range(20):
            broken = bytearray(whole)
            if n < 6:
                broken = broken[: int(generator.integers(len(broken)))]
            else:
                for at in generator.integers(len(broken), size=20):
                    broken[at] = int(generator.integers(256))
            (self.folder / "broken.h5").write_bytes(broken)
            finished = support.run(["dejavid_convert", "verify", "broken.h5"], cwd=self.folder)
            self.assertIn(finished.code, (0, 10, 12) if n >= 6 else (10,), finished)

    def test_merge_keeps_everything_in_order(self):
        first, second = self.make("1.h5", 1, frame_labels=True, timestamps=True), self.make("2.h5", 2, frame_labels=True, timestamps=True)
        merged = self.convert("merge", first, second)
        parts = [Store(first), Store(second)]
        for name in ("labels", "split", "ids", "digests"):
            self.assertEqual(getattr(merged, name), getattr(parts[0], name) + getattr(parts[1], name), name)
        self.assertEqual(merged.class_names, parts[0].class_names)
        for name in ("frame_labels", "timestamps"):
            for merged_values, values in zip(merged.per_step[name], parts[0].per_step[name] + parts[1].per_step[name], strict=True):
                np.testing.assert_array_equal(merged_values, values)
        self.assertEqual(merged.features.tobytes(), parts[0].features.tobytes() + parts[1].features.tobytes())
        self.verify(0)

    def test_merge_gives_frames_of_a_store_without_phases_none(self):
        plain, labelled = self.make("1.h5", 1), self.make("2.h5", 2, frame_labels=True)
        merged = self.convert("merge", plain, labelled)
        expected = [np.full(len(sample), -1) for sample in Store(plain).samples] + Store(labelled).per_step["frame_labels"]
        for found, values in zip(merged.per_step["frame_labels"], expected, strict=True):
            np.testing.assert_array_equal(found, values)
        self.assertRegex(self.finished.stderr, r"note: \S*1\.h5: has no /frame_labels; its frames get -1, no phase\n")
        self.verify(0)

    def test_merge_keeps_half_precision_where_all_have_it(self):
        half, other, single = self.make("1.h5", 1, dtype=np.float16), self.make("2.h5", 2, dtype=np.float16), self.make("3.h5", 3)
        self.assertEqual(self.convert("merge", half, other).features.dtype, np.float16)
        (self.folder / "a.h5").unlink()
        mixed = self.convert("merge", half, single)
        self.assertEqual(mixed.features.dtype, np.float32)
        np.testing.assert_array_equal(mixed.samples[0], Store(half).samples[0].astype(np.float32))

    def test_merge_leaves_out_what_is_not_finite_on_request(self):
        tse_set = support.make_set(classes=2, per_class=2, validation_per_class=0, features=3)
        tse_set.samples[1][0, 2] = np.nan
        support.write_store(self.folder / "1.h5", tse_set)
        self.refuse(12, ["1.h5", "sample_1"], "merge", "1.h5", "--out", "a.h5", "--progress", "off")
        merged = self.convert("merge", "1.h5", "--data.bad_samples", "skip")
        self.assertEqual(merged.ids, ["sample_0", "sample_2", "sample_3"])
        self.assertIn("left out 1 of 4", self.finished.stderr)

    def test_two_classes_of_one_name_are_refused(self):
        with h5py.File(self.make("1.h5"), "r+") as store:
            store["class_names"][2] = store["class_names"][0]
        words = ["1.h5:class_names", '"class 0" for class 0 and class 2']
        self.refuse(10, words, "info", "1.h5")
        self.refuse(10, words, "merge", "1.h5", "--out", "a.h5")

    def test_merge_matches_classes_by_name(self):
        first, second = self.make("1.h5", 1), self.make("2.h5", 2)
        with h5py.File(second, "r+") as store:  # another order, and one that the first does not have
            del store["class_names"]
            store["class_names"] = support.fixed_length(["class 2", "other", "class 0"])
        merged = self.convert("merge", first, second)
        self.assertEqual(merged.class_names, ["class 0", "class 1", "class 2", "other"])
        self.assertEqual(merged.labels, Store(first).labels + [{0: 2, 1: 3, 2: 0}[label] for label in Store(second).labels])
        for word in ("2.h5: has 3 of the 4 classes", "not class 1", "1.h5: has 3 of the 4 classes", "not other"):
            self.assertIn(word, self.finished.stderr)

    def test_merge_keeps_samples_without_a_label_and_the_word_about_logits(self):
        for name in ("1.h5", "2.h5"):
            with h5py.File(self.make(name), "r+") as store:
                store.attrs.update(logits=3, unlabelled=1)
                store["labels"][8] = -1
        merged = self.convert("merge", "1.h5", "2.h5")
        self.assertEqual((merged.labels[8], merged.attributes["logits"], merged.attributes["unlabelled"]), (-1, 3, 1))
        info = self.succeed(["dejavid_convert", "info", "a.h5"]).stdout
        for word in ("the last 3 features", "without label 2 samples"):
            self.assertIn(word, info)
        (self.folder / "a.h5").unlink()
        self.make("3.h5")
        self.assertNotIn("logits", self.convert("merge", "1.h5", "3.h5").attributes)
        self.assertIn("logits", self.finished.stderr)
        self.refuse(10, ["4 logits"], "merge", "1.h5", "--logits", "4", "--out", "b.h5")
        with h5py.File(self.folder / "3.h5", "r+") as store:  # a -1 that nothing announces stays a mistake
            store["labels"][0] = -1
        self.refuse(10, ["3.h5:labels", "-1"], "info", "3.h5")

    def test_merge_refuses_what_does_not_fit(self):
        self.make("1.h5", 1, ids="x", frame_labels=True)
        self.make("2.h5", 2, ids="x", frame_labels=True)
        self.make("3.h5", 3)
        self.make("4.h5", 4, frame_labels=True)
        self.make("5.h5", 5, timestamps=True)
        support.write_store(self.folder / "wide.h5", support.make_set(classes=3, features=5))
        for words, names in (
            (["2.h5", "1.h5", "id"], ("1.h5", "2.h5")),
            (["5.h5", "/timestamps", "3.h5"], ("3.h5", "5.h5")),
            (["wide.h5"], ("1.h5", "wide.h5")),
            (["absent.h5"], ("1.h5", "absent.h5")),
        ):
            with self.subTest(names):
                self.refuse(10, words, "merge", *names, "--out", "a.h5")
        self.refuse(13, ["4.h5"], "merge", "1.h5", "--out", "4.h5")


if __name__ == "__main__":
    unittest.main()
