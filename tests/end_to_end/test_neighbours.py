"""`dejavid_dist neighbours` against an implementation with nothing in common with it, and published accuracies."""

import json
import unittest

import h5py
import numpy as np

import independent
import support
from support import TEST, TRAIN, VALIDATION, options, run

DATA = support.SOURCE.parent / "shared" / "data" / "ts"


def nearest(samples, training, alone=False):
    """The nearest of `training` for each sample, the lowest of equal ones; `alone`: sample n is training sample n."""
    padded, lengths = independent.pad(training)
    found = []
    for n, sample in enumerate(samples):
        cost = ((np.asarray(sample, float)[None, :, None] - padded[:, None]) ** 2).sum(-1)  # [N,T,T']
        total = independent.accumulate(cost, diagonal=True)[np.arange(len(training)), -1, lengths - 1]
        if alone:
            total[n] = np.inf
        found.append(int(np.argmin(total)))
    return found


class NeighboursTest(support.ProgramTest):
    def neighbours(self, store, ranks=None, **settings):
        out = self.folder / "neighbours.json"
        words = options(data__store=store, run__progress="off", **settings)
        self.printed = self.succeed(["dejavid_dist", "neighbours", *words, "--json", out], ranks).stdout
        return json.loads(out.read_text())

    def assert_refused(self, store, *words, **settings):
        for ranks in (None, 3):
            with self.subTest(ranks=ranks):
                finished = run(["dejavid_dist", "neighbours", *options(data__store=store, **settings)], ranks, cwd=self.folder)
                self.assertEqual((finished.code, len(finished.errors)), (10, 1), finished)
                for word in words:
                    self.assertIn(word, finished.errors[0])


class Independent(NeighboursTest):
    def setUp(self):
        super().setUp()
        self.set = support.make_set(seed=81, classes=4, per_class=9, validation_per_class=5, features=5, lengths=(2, 40), noise=4.0)
        self.set.samples[30] = self.set.samples[3].copy()  # two training samples that are equally near to any other
        self.set.labels[3], self.set.labels[30] = 0, 2
        self.set.samples[40] = self.set.samples[3] + np.float32(0.25)
        self.store = support.write_store(self.folder / "set.h5", self.set)

    def assert_counts(self, found, labels, predictions):
        confusion = np.zeros((self.set.classes, self.set.classes), int)
        np.add.at(confusion, (labels, predictions), 1)
        self.assertGreater(np.count_nonzero(confusion), self.set.classes)  # some are wrong
        self.assertEqual(found["confusion"], confusion.tolist())
        self.assertEqual(found["samples"], len(labels))
        self.assertEqual(found["top1"], np.trace(confusion) / len(labels))
        self.assertEqual([row["accuracy"] for row in found["per_class"]], (np.diag(confusion) / confusion.sum(1)).tolist())
        self.assertIn(f"top-1 {found['top1']:.4f} by the nearest of {found['training_samples']} training samples", self.printed)

    def test_the_nearest_sample_on_any_number_of_ranks_and_threads(self):
        training, known = self.set.of(TRAIN)
        samples, labels = self.set.of(VALIDATION)
        near = nearest(samples, training)
        self.assertIn(3, near)
        results = []
        for ranks, threads in ((None, 1), (None, 3), (3, 1), (30, 1)):  # 30 ranks: some have nothing to do
            found = self.neighbours(self.store, ranks, dist__threads=threads)
            self.assert_counts(found, labels, known[near])
            del found["seconds"]
            results.append(found)
        self.assertEqual(results[0]["split"], "val")
        self.assertEqual(results, results[:1] * len(results))
        table_cells = sum(map(len, samples)) * sum(map(len, training))
        self.assertLess(table_cells / 4, results[0]["cells"])
        self.assertLess(results[0]["cells"], table_cells)

    def test_a_training_sample_is_not_its_own_neighbour(self):
        training, known = self.set.of(TRAIN)
        found = self.neighbours(self.store, 3, eval__split="train")
        self.assert_counts(found, known, known[nearest(training, training, alone=True)])

    def test_halves(self):
        store = support.write_store(self.folder / "halves.h5", self.set, dtype=np.float16)
        training, known = self.set.map(lambda sample: sample.astype(np.float16).astype(np.float32)).of(TRAIN)
        samples, labels = self.set.map(lambda sample: sample.astype(np.float16).astype(np.float32)).of(VALIDATION)
        self.assert_counts(self.neighbours(store), labels, known[nearest(samples, training)])


class WhatIsLeftOut(NeighboursTest):
    def store_of(self, change):
        tse_set = support.make_set(seed=82, classes=3, per_class=4, features=4, lengths=(3, 8))
        change(tse_set)
        store = support.write_store(self.folder / "set.h5", tse_set)
        if (tse_set.labels < 0).any():
            with h5py.File(store, "r+") as file:
                file.attrs["unlabelled"] = 1
        return store, tse_set

    def test_samples_that_can_be_neither_right_nor_wrong(self):
        def change(tse_set):
            tse_set.labels[[0, 13]] = -1  # one of the train split, one of the val split
            tse_set.labels[(tse_set.labels == 2) & (tse_set.splits == TRAIN)] = 1

        store, tse_set = self.store_of(change)
        found = self.neighbours(store, 3)
        judged = (tse_set.splits == VALIDATION) & (tse_set.labels >= 0) & (tse_set.labels != 2)
        self.assertEqual((found["samples"], found["training_samples"]), (judged.sum(), 11))
        self.assertEqual(found["left_out"], {"unlabelled": 1, "unknown_classes": {"class 2": 3}})
        self.assertIn("left out of all numbers: 3 of classes that no training sample has (class 2 3) and 1 without a label", self.printed)

    def test_nothing_to_judge(self):
        store, _ = self.store_of(lambda tse_set: None)
        self.assert_refused(store, "set.h5:split", "no test samples", eval__split="test")
        store, _ = self.store_of(lambda tse_set: tse_set.labels.__setitem__(tse_set.splits == VALIDATION, -1))
        self.assert_refused(store, "set.h5:labels", "9 without a label", "choose another eval.split")

    def test_no_neighbours(self):
        store, _ = self.store_of(lambda tse_set: tse_set.splits.fill(VALIDATION))
        self.assert_refused(store, "set.h5:split", "found 0 train samples", "at least 1")
        store, _ = self.store_of(lambda tse_set: tse_set.splits.__setitem__(slice(1, None), TEST))
        self.assert_refused(store, "found 1 train samples", "at least 2", eval__split="train")


class Published(NeighboursTest):
    def test_accuracies(self):
        """Those of 1NN-DTW-D, tsml-eval, fold 0."""
        if not DATA.is_dir():
            self.skipTest(f"no data sets at {DATA}")
        for name, accuracy in (("BasicMotions", 0.975), ("NATOPS", 0.8833), ("RacketSports", 0.8026)):
            with self.subTest(name):
                store = self.folder / f"{name}.h5"
                files = [DATA / f"{name}_{part}.ts" for part in ("TRAIN", "TEST")]
                self.succeed(["dejavid_convert", "ts", "--train", files[0], "--test", files[1], "--out", store])
                self.assertEqual(round(self.neighbours(store, 2)["top1"], 4), accuracy)


if __name__ == "__main__":
    unittest.main()
