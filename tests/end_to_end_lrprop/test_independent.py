"""The independent implementation itself: what can be known of it without the program."""

import unittest

import numpy as np
from lrprop_independent import (
    Encoder,
    Settings,
    Sizes,
    Training,
    hard_path,
    is_trained,
    random_weights,
    soft_dtw,
    terms_of,
    unit_rows,
    weight_shapes,
)
from tape import Value

SIZES = Sizes(feature_dim=3, fc_width=5, hidden=4, heads=2, ff_width=6, layers=2, embedding=3, train_frames=6)


class Alignments(unittest.TestCase):
    def all_paths(self, i, j):
        """Cells of every path from (0, 0) to (i, j)."""
        if i == j == 0:
            return [[(0, 0)]]
        before = [(i - 1, j - 1), (i - 1, j), (i, j - 1)]
        return [path + [(i, j)] for a, b in before if a >= 0 and b >= 0 for path in self.all_paths(a, b)]

    def test_against_all_paths(self):
        cost = np.random.default_rng(1).uniform(size=(4, 5))
        paths = self.all_paths(3, 4)
        sums = np.array([sum(cost[cell] for cell in path) for path in paths])
        self.assertEqual(hard_path(cost), paths[int(sums.argmin())])
        for gamma in (0.01, 1.0):
            least = sums.min()
            expected = least - gamma * np.log(np.exp((least - sums) / gamma).sum())
            self.assertAlmostEqual(float(soft_dtw(Value(cost), gamma).array), expected, 12)

    def test_ties_go_diagonally_from_the_end(self):
        self.assertEqual(hard_path(np.zeros((2, 4))), [(0, 0), (0, 1), (0, 2), (1, 3)])
        self.assertEqual(hard_path(np.zeros((4, 2))), [(0, 0), (1, 0), (2, 0), (3, 1)])
        self.assertEqual(hard_path(np.array([[0.0, 0, 1], [0, 1, 0]])), [(0, 0), (0, 1), (1, 2)])


class Gradients(unittest.TestCase):
    def setUp(self):
        generator = np.random.default_rng(2)
        self.videos = [generator.normal(size=(length, 3)) for length in (9, 7)]
        self.views = [[0, 2, 3, 8], [1, 4, 5], [0, 1, 2, 3, 6], [2, 5]]

    def pairs(self):
        return [(self.videos, self.views), (self.videos[::-1], self.views[2:] + self.views[:2])]

    def test_of_every_weight_by_differences(self):
        for reduction, pairs in (("mean", [(self.videos, self.views)]), ("sum", self.pairs())):
            settings = Settings(lambda_prop=0.7, lambda_sdtw=0.6, sdtw_reduction=reduction)
            training = Training(SIZES, random_weights(SIZES, 3), settings)
            _, loss, leaves, _ = training.loss(pairs)
            loss.backward()
            for name in weight_shapes(SIZES):
                array, gradient = training.weights[name], leaves[name].gradient
                for at in {0, array.size - 1}:
                    sides = []
                    for step in (1e-6, -1e-6):
                        array.flat[at] += step
                        sides.append(training.loss(pairs)[0]["loss"])
                        array.flat[at] -= step
                    expected = (sides[0] - sides[1]) / 2e-6
                    self.assertAlmostEqual(gradient.flat[at], expected, delta=1e-6 * max(1, abs(expected)), msg=name)
                if not is_trained(name, SIZES):
                    self.assertLess(np.abs(gradient).max(), 1e-12, name)

    def test_equal_rows_have_no_gradient(self):
        row = unit_rows(Value(np.ones((1, 3))))
        rows = [Value(np.repeat(row.array, 3, 0)) for _ in range(4)]
        _, _, sdtw = terms_of(rows, [[0, 1, 2]] * 4, Settings())
        sdtw.backward()
        self.assertEqual([np.abs(each.gradient).max() for each in rows], [0, 0, 0, 0])


class Embeddings(unittest.TestCase):
    def test_unit_length_and_the_same_as_a_sequence_of_train_frames(self):
        weights = {name: Value(array) for name, array in random_weights(SIZES, 4).items()}
        video = np.random.default_rng(5).normal(size=(6, 3))
        embedding = Encoder(SIZES, weights).embed(video)
        np.testing.assert_allclose((embedding**2).sum(1), np.ones(6))
        by_places = Encoder(SIZES, weights).encode([video], [np.arange(6)], self.running(weights))[0]
        np.testing.assert_allclose(unit_rows(by_places).array, embedding)

    @staticmethod
    def running(weights):
        def norm(name, rows):
            mean, var = weights[name + ".running_mean"], weights[name + ".running_var"]
            return (rows - mean) / (var + 1e-5) ** 0.5 * weights[name + ".weight"] + weights[name + ".bias"]

        return norm


if __name__ == "__main__":
    unittest.main()
