"""dejavid_dist align: paths, costs and distances against the independent implementation and predict, files, refusals."""

import csv
import json
import shutil
import unittest
import xml.etree.ElementTree as ElementTree

import h5py
import numpy as np

import independent
import support
from support import ProgramTest, options, run

CLASSES, FEATURES, STEPS = 4, 6, 5


class Align(ProgramTest):
    def setUp(self):
        super().setUp()
        self.set = support.make_set(seed=3, classes=CLASSES, features=FEATURES, per_class=4, validation_per_class=4, noise=4.0)
        self.store = support.write_store(self.folder / "set.h5", self.set)
        generator = np.random.default_rng(1)
        self.centroids = np.stack(
            [independent.resize(self.set.samples[c], STEPS) for c in range(CLASSES)]
        ).astype(np.float32)
        self.log_weights = generator.normal(size=self.centroids.shape, scale=0.3).astype(np.float32)

    def model(self, diagonal=False):
        return support.write_model(self.folder / f"model_{diagonal}.h5", self.centroids, self.log_weights, diagonal)

    def align(self, sample, model=None, ranks=None, out="out", store=None, against=()):
        words = options(model__init=model or self.model(), data__store=store or self.store)
        finished = self.succeed(["dejavid_dist", "align", *words, "--sample", sample, "--out", self.folder / out, *against], ranks)
        self.assertEqual(sorted(path.name for path in (self.folder / out).iterdir()), ["alignment.csv", "alignment.json", "alignment.svg"])
        with open(self.folder / out / "alignment.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        ElementTree.parse(self.folder / out / "alignment.svg")
        return finished, json.loads((self.folder / out / "alignment.json").read_text()), rows

    def expected(self, n, diagonal):
        """(costs [C,K,T], paths [C,K,T]) of a sample."""
        padded, lengths = independent.pad([self.set.samples[n]])
        weights = np.exp(self.log_weights.astype(np.float64))
        cost = independent.costs(self.centroids.astype(np.float64), weights, padded)
        on_path = independent.paths(self.centroids.astype(np.float64), self.log_weights.astype(np.float64), padded, lengths, diagonal)
        return cost[0], on_path[0].astype(bool)

    def test_numbers_are_those_of_an_independent_implementation_and_of_predict(self):
        wrong = 0
        for diagonal in (False, True):
            model = self.model(diagonal)
            predictions = {row["id"]: row for row in self.predict(model, self.store)}
            for n in range(CLASSES * 4, len(self.set.samples), 3):
                cost, on_path = self.expected(n, diagonal)
                _, found, rows = self.align(f"sample_{n}", model)
                label = int(self.set.labels[n])
                self.assertEqual((found["frames"], found["centroid_steps"], found["diagonal"]), (len(self.set.samples[n]), STEPS, diagonal))
                self.assertEqual((found["split"], found["true"]), ("val", {"label": label, "class": f"class {label}"}))
                distances = np.array([each["distance"] for each in found["distances"]])
                self.assert_relative(distances, (cost * on_path).sum(axis=(1, 2)), 1e-5, "distances")

                row = predictions[f"sample_{n}"]
                order = np.argsort(distances, kind="stable")
                self.assertEqual(" ".join(map(str, order)), row["top5"])
                self.assertEqual(found["prediction"]["label"], int(row["prediction"]))
                self.assertAlmostEqual(found["prediction"]["confidence"], float(row["confidence"]), delta=1e-6)
                self.assertEqual(found["correct"], order[0] == label)

                roles = ["predicted"] if found["correct"] else ["predicted", "true"]
                self.assertEqual([path["role"] for path in found["paths"]], roles)
                for path in found["paths"]:
                    c = path["label"]
                    self.assertEqual(c, {"predicted": order[0], "true": label}[path["role"]])
                    self.assertEqual(path["distance"], distances[c])
                    np.testing.assert_array_equal(path["cells"], np.argwhere(on_path[c]))
                    self.assert_relative(path["step_costs"], (cost[c] * on_path[c]).sum(axis=1), 1e-5, "costs of steps")
                    mine = [each for each in rows if each["role"] == path["role"]]
                    self.assertEqual([[int(each["step"]), int(each["frame"])] for each in mine], path["cells"])
                    self.assertEqual({each["class"] for each in mine}, {f"class {c}"})
                    self.assert_relative([float(each["cost"]) for each in mine], cost[c][on_path[c]], 1e-5, "costs of cells")
                    self.assertEqual(sum(float(each["cost"]) for each in reversed(mine)), distances[c])
                if not found["correct"]:
                    wrong += 1
                    steps = [np.array(path["step_costs"]) for path in found["paths"]]
                    np.testing.assert_array_equal(found["true_above_predicted"], steps[1] - steps[0])
        self.assertGreater(wrong, 0)  # else the half of it was not looked at

    def test_against_a_class(self):
        for n in range(CLASSES * 4, len(self.set.samples), 2):
            cost, on_path = self.expected(n, False)
            distances = (cost * on_path).sum(axis=(1, 2))
            predicted, nearest = np.argsort(distances, kind="stable")[:2]
            for other in range(CLASSES):
                words = "--against", "nearest" if other == nearest else f"class {other}"
                _, found, rows = self.align(f"sample_{n}", against=words)
                if other == predicted:
                    self.assertEqual([path["label"] for path in found["paths"]], [predicted])
                    self.assertNotIn("lead", found)
                    continue
                role = "true" if other == self.set.labels[n] else "other"
                self.assertEqual([(path["label"], path["role"]) for path in found["paths"]], [(predicted, "predicted"), (other, role)])
                self.assertEqual([row["role"] for row in rows].count(role), on_path[other].sum())
                self.assertIn(f"{role}_above_predicted", found)
                of_frames = [(cost[c] * on_path[c]).sum(axis=0)[: found["frames"]] for c in (predicted, other)]
                for path, expected in zip(found["paths"], of_frames):
                    self.assert_relative(path["frame_costs"], expected, 1e-5, "costs of frames")
                costs = [np.array(path["frame_costs"]) for path in found["paths"]]
                np.testing.assert_array_equal(found["lead"], np.cumsum(costs[1] - costs[0]))
                behind = np.flatnonzero(np.array(found["lead"]) <= 0)
                self.assertEqual(found["ahead_from"], behind[-1] + 1 if len(behind) else 0)
                svg = (self.folder / "out" / "alignment.svg").read_text()
                self.assertIn(f"What class {other} has cost more", " ".join(svg.split()))
                self.assertIn(f"above 0 from step {found['ahead_from']}", svg)

    def test_the_same_files_on_any_number_of_ranks(self):
        for ranks in (None, 2, 3):
            self.align("sample_17", ranks=ranks, out=f"out_{ranks}")
        for name in ("alignment.csv", "alignment.json", "alignment.svg"):
            contents = {(self.folder / f"out_{ranks}" / name).read_bytes() for ranks in (None, 2, 3)}
            self.assertEqual(len(contents), 1, name)

    def test_seconds_and_phases_of_the_store(self):
        with h5py.File(self.store, "r+") as store:
            steps = len(store["features"])
            store["timestamps"] = np.arange(steps) / 4
            store["frame_labels"] = np.arange(steps, dtype=np.int32) // 3
        first = sum(map(len, self.set.samples[:16]))
        _, _, rows = self.align("sample_16")
        for row in rows:
            self.assertEqual(float(row["seconds"]), (first + int(row["frame"])) / 4)
        svg = (self.folder / "out" / "alignment.svg").read_text()
        self.assertIn(f"phase {first // 3}", svg)

    def test_a_sample_whose_class_is_not_known(self):
        with h5py.File(self.store, "r+") as store:
            store.attrs["unlabelled"] = 1
            store["labels"][17] = -1
        _, found, rows = self.align("sample_17")
        self.assertEqual((found["true"], found["correct"]), ({"label": None, "class": None}, None))
        self.assertEqual([path["role"] for path in found["paths"]], ["predicted"])
        self.assertEqual({row["role"] for row in rows}, {"predicted"})

    def test_the_folder_is_named_after_the_sample_and_files_are_replaced(self):
        with h5py.File(self.store, "r+") as store:
            ids = [name.decode() for name in store["ids"][:]]
            ids[17] = "../a b/<c> & \"d\""
            del store["ids"]
            store["ids"] = support.fixed_length(ids)
        words = options(model__init=self.model(), data__store=self.store)
        for _ in range(2):
            self.succeed(["dejavid_dist", "align", *words, "--sample", ids[17]])
        folder = self.folder / "align-=2E.=2Fa=20b=2F=3Cc=3E=20=26=20=22d=22"
        self.assertEqual(json.loads((folder / "alignment.json").read_text())["id"], ids[17])
        self.assertEqual(len(list(folder.iterdir())), 3)
        ElementTree.parse(folder / "alignment.svg")

    def test_refusals(self):
        (self.folder / "file").touch()
        (self.folder / "last").mkdir()
        shutil.copy(self.model(), self.folder / "last" / "model.h5")
        words = ["dejavid_dist", "align", *options(model__init=self.model(), data__store=self.store)]
        for ranks in (None, 3):
            for code, part, arguments in (
                (2, '--sample: found "sample_1x"; expected the id of one of 32 samples', [*words, "--sample", "sample_1x"]),
                (2, '"sample_1"', [*words, "--sample", "sample_1x"]),
                (2, "--sample: found none", words),
                (2, '--against: found "clas 1"; expected nearest, or a class of the model, as class 0, class 1,', [*words, "--sample", "sample_1", "--against", "clas 1"]),
                (11, f"use {self.folder}/last/model.h5", [*words[:2], *options(model__init=self.folder / "last" / "best.h5", data__store=self.store), "--sample", "sample_1"]),
                (2, "--out: found -", [*words, "--sample", "sample_1", "--out", "-"]),
                (2, "model.init: found no file", ["dejavid_dist", "align", "--data.store", self.store, "--sample", "sample_1"]),
                (2, "--sample: found it with eval", [words[0], "eval", *words[2:], "--sample", "sample_1"]),
                (13, "file: found", [*words, "--sample", "sample_1", "--out", self.folder / "file"]),
                (13, "file/below: found", [*words, "--sample", "sample_1", "--out", self.folder / "file" / "below"]),
                (10, "other.h5", ["dejavid_dist", "align", *options(model__init=self.model(), data__store="other.h5"), "--sample", "a"]),
            ):
                finished = run(arguments, ranks, cwd=self.folder)
                self.assertEqual(finished.code, code, finished)
                self.assertEqual(len(finished.errors), 1, finished)
                self.assertIn(part, finished.errors[0])
        self.assertEqual(list(self.folder.glob("align-*")), [])


if __name__ == "__main__":
    unittest.main()
