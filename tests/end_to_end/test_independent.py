"""The independent implementation against examples by hand, brute force and central differences."""

import itertools
import unittest

import numpy as np

import independent


def all_paths(steps, length, diagonal):
    """Every walk from (0,0) to (steps-1, length-1) as a list of cells."""
    if steps == 1 and length == 1:
        return [[(0, 0)]]
    ways = []
    if steps > 1:
        ways += all_paths(steps - 1, length, diagonal)
    if length > 1:
        ways += all_paths(steps, length - 1, diagonal)
    if diagonal and steps > 1 and length > 1:
        ways += all_paths(steps - 1, length - 1, diagonal)
    return [way + [(steps - 1, length - 1)] for way in ways]


def cells(mask):
    return [tuple(cell) for cell in np.argwhere(mask)]


def path_of(cost, diagonal=False):
    cost = np.asarray(cost, dtype=float)[None, None]
    lengths = np.array([cost.shape[-1]])
    return cells(independent.walk_back(independent.accumulate(cost, diagonal), lengths, diagonal)[0, 0])


class Samples(unittest.TestCase):
    def test_slopes_by_hand(self):
        sample = np.array([[1.0, 10.0], [3.0, 20.0], [9.0, 0.0]])
        np.testing.assert_array_equal(independent.with_slopes(sample), [[1, 10, 1, 5], [3, 20, 4, -5], [9, 0, 3, -10]])
        np.testing.assert_array_equal(independent.with_slopes(sample[:1]), [[1, 10, 0, 0]])
        ramp = np.arange(60.0)[:, None]  # a window of 3
        np.testing.assert_array_equal(independent.with_slopes(ramp)[:4, 1], [0.5, 4 / 6, 5 / 6, 1])
        self.assertEqual(independent.with_slopes(ramp[:59])[1, 1], 0.75)  # of 2

    def test_automatic_steps(self):
        of_lengths = lambda *lengths: independent.automatic_steps([np.zeros((length, 1)) for length in lengths])
        self.assertEqual([of_lengths(9, 30, 10), of_lengths(9, 30, 10, 11), of_lengths(1, 2), of_lengths(500)], [10, 10, 8, 64])

    def test_held_out_counts(self):
        self.assertEqual(independent.held_out_counts([0] * 10 + [1] * 2 + [2], 0.25), {0: 3, 1: 1, 2: 0})

    def test_slopes_are_of_their_features_units(self):
        generator = np.random.default_rng(4)
        samples = [independent.with_slopes(generator.normal(size=(9, 4)).cumsum(0) * [1, 1000, 1, 1000]) for _ in range(9)]
        unit = independent.spread(samples, slope=True)
        self.assertEqual(unit[[0, 1, 4, 5]].tolist(), unit[[2, 3, 6, 7]].tolist())
        self.assertEqual(len(set(unit.tolist())), 4)


class Alignment(unittest.TestCase):
    def test_two_by_three_by_hand(self):
        centroids, sample = np.array([[[0.0], [2.0]]]), np.array([[0.0], [1.0], [2.0]])
        padded, lengths = independent.pad([sample])
        cost = independent.costs(centroids, np.ones_like(centroids), padded)
        np.testing.assert_array_equal(cost[0, 0], [[0, 1, 2], [2, 1, 0]])
        on_path = independent.paths(centroids, np.zeros_like(centroids), padded, lengths)
        self.assertEqual(cells(on_path[0, 0]), [(0, 0), (0, 1), (1, 1), (1, 2)])
        slope, intercept = independent.slope_intercept(centroids, padded, on_path)
        np.testing.assert_array_equal(slope[0, 0, :, 0], [-1, 1])
        np.testing.assert_array_equal(intercept[0, 0, :, 0], [1, -1])
        slope, intercept = independent.slope_intercept(centroids, padded, on_path, tie_sign=-1)
        np.testing.assert_array_equal(slope[0, 0, :, 0], [-2, 0])
        np.testing.assert_array_equal(intercept[0, 0, :, 0], [1, 1])

    def test_step_along_the_sample_wins_a_tie(self):
        self.assertEqual(path_of(np.ones((2, 3))), [(0, 0), (1, 0), (1, 1), (1, 2)])

    def test_diagonal_wins_a_tie_over_both(self):
        self.assertEqual(path_of(np.zeros((2, 3)), diagonal=True), [(0, 0), (0, 1), (1, 2)])
        # above = across < left: the diagonal; left = above < across: along the sample.
        self.assertEqual(path_of([[0, 0], [5, 1]], diagonal=True), [(0, 0), (1, 1)])
        self.assertEqual(path_of([[9, -4], [-4, 0]], diagonal=True), [(0, 0), (1, 0), (1, 1)])

    def test_brute_force_over_all_paths(self):
        generator = np.random.default_rng(1)
        for steps, length, diagonal in itertools.product((1, 2, 4), (1, 3, 5), (False, True)):
            cost = generator.random((2, 3, steps, length))
            total = independent.accumulate(cost, diagonal)
            on_path = independent.walk_back(total, np.full(2, length), diagonal)
            for b, c in itertools.product(range(2), range(3)):
                ways = {sum(cost[b, c, i, j] for i, j in way): way for way in all_paths(steps, length, diagonal)}
                self.assertAlmostEqual(total[b, c, -1, -1], min(ways), places=12)
                self.assertEqual(cells(on_path[b, c]), sorted(ways[min(ways)]))

    def test_padding_changes_nothing(self):
        generator = np.random.default_rng(2)
        centroids, log_weights = generator.normal(size=(3, 4, 2)), generator.normal(size=(3, 4, 2))
        samples = [generator.normal(size=(length, 2)) for length in (1, 3, 9)]
        together = independent.paths(centroids, log_weights, *independent.pad(samples))
        for row, sample in zip(together, samples):
            alone = independent.paths(centroids, log_weights, *independent.pad([sample]))[0]
            np.testing.assert_array_equal(row[..., : len(sample)], alone)
            self.assertFalse(row[..., len(sample) :].any())


class Loss(unittest.TestCase):
    def test_normalised_logits_by_hand(self):
        # deviations from the mean -1, 0, 1; unbiased deviation 1
        np.testing.assert_allclose(independent.normalise(np.array([[4.0, 5.0, 6.0]])), [[-1, 0, 1]])
        np.testing.assert_allclose(independent.normalise(np.array([[3.0, 7.0]])), [[-(0.5**0.5), 0.5**0.5]])
        np.testing.assert_array_equal(independent.normalise(np.array([[2.0, 2.0, 2.0]])), [[0, 0, 0]])
        np.testing.assert_allclose(independent.normalise(np.array([[-1.0, -np.e]]), "log", 3.0), [[0, -3]])

    def test_gradient_of_the_whole_loss_by_central_differences(self):
        generator = np.random.default_rng(3)
        samples = [generator.normal(size=(length, 3)) for length in (1, 2, 7, 5)]
        labels = np.array([0, 2, 1, 3])
        for logit_norm, diagonal in itertools.product(("layernorm", "none", "log"), (False, True)):
            settings = independent.Settings(logit_norm=logit_norm, logit_scale=3.0, diagonal=diagonal)
            model = independent.Model(generator.normal(size=(4, 3, 3)), generator.normal(size=(4, 3, 3)) * 0.3)
            _, _, *gradients = model.loss_and_gradients(samples, labels, settings)
            for parameter, gradient in zip((model.centroids, model.log_weights), gradients):
                numeric = np.empty_like(parameter)
                for index in np.ndindex(parameter.shape):
                    kept, values = parameter[index], []
                    for shift in (1e-6, -1e-6):
                        parameter[index] = kept + shift
                        values.append(model.loss_and_gradients(samples, labels, settings)[0].mean())
                    parameter[index] = kept
                    numeric[index] = (values[0] - values[1]) / 2e-6
                np.testing.assert_allclose(gradient, numeric, atol=2e-8)

    def test_equal_logits_rank_the_lower_class_first(self):
        logits = np.array([[1.0, 3.0, 3.0, 2.0, 2.0, 2.0, 0.0]])
        self.assertEqual(independent.ranking(logits)[0].tolist(), [1, 2, 3, 4, 5, 0, 6])
        self.assertEqual([bool(independent.within_top(logits, [c], 1)[0]) for c in (1, 2)], [True, False])
        self.assertEqual([bool(independent.within_top(logits, [c], 5)[0]) for c in (5, 0)], [True, False])


class Optimiser(unittest.TestCase):
    def test_first_step_is_the_sign_of_the_gradient(self):
        parameter = np.array([1.0, 1.0, 1.0])
        independent.AdamW(0.0).update(parameter, np.array([5.0, -0.01, 0.0]), 0.1)
        np.testing.assert_allclose(parameter, [0.9, 1.1, 1.0], atol=1e-6)

    def test_two_steps_with_decay_by_hand(self):
        parameter, optimiser = np.array([2.0]), independent.AdamW(0.5)
        optimiser.update(parameter, np.array([1.0]), 0.1)
        np.testing.assert_allclose(parameter, 2 * 0.95 - 0.1 / (1 + 1e-8))
        before = parameter.copy()
        optimiser.update(parameter, np.array([-2.0]), 0.1)
        first = (0.9 * 0.1 - 0.1 * 2) / (1 - 0.81)
        second = (0.999 * 0.001 + 0.001 * 4) / (1 - 0.999**2)
        np.testing.assert_allclose(parameter, before * 0.95 - 0.1 * first / (second**0.5 + 1e-8))

    def test_cosine_goes_from_lr_to_nearly_zero(self):
        self.assertEqual(independent.cosine(3.0, 0, 4), 3.0)
        self.assertAlmostEqual(independent.cosine(3.0, 2, 4), 1.5)


class Centroids(unittest.TestCase):
    def test_resize_keeps_the_ends(self):
        np.testing.assert_allclose(independent.resize(np.array([[0.0], [3.0]]), 4)[:, 0], [0, 1, 2, 3])
        np.testing.assert_allclose(independent.resize(np.array([[0.0], [1.0], [5.0]]), 2)[:, 0], [0, 5])
        np.testing.assert_allclose(independent.resize(np.array([[7.0]]), 3)[:, 0], [7, 7, 7])
        np.testing.assert_allclose(independent.resize(np.array([[4.0], [1.0]]), 1)[:, 0], [4])

    def test_medoid_of_equal_ones_is_the_first(self):
        sample = np.array([[[0.0], [1.0]], [[5.0], [5.0]], [[0.0], [1.0]]])
        self.assertEqual(independent.medoid(sample), 0)
        self.assertEqual(independent.medoid(sample[1:]), 0)
        self.assertEqual(independent.medoid(np.array([[[9.0]], [[2.0]], [[1.0]]])), 1)

    def test_mean_counts_every_cell_of_the_path(self):
        # Both align (0,0),(1,0),(1,1): all costs tie between the walks, so the walk goes along the sample first.
        samples = [np.array([[0.0], [4.0]]), np.array([[0.0], [4.0]])]
        np.testing.assert_allclose(independent.barycenter(samples, 2, iterations=1)[:, 0], [0, 2])

    def test_constant_class_is_its_own_fixpoint(self):
        samples = [np.full((length, 2), 3.0) for length in (1, 4, 9)]
        np.testing.assert_array_equal(independent.barycenter(samples, 3), np.full((3, 2), 3.0))

    def test_supersampling_takes_the_last_features(self):
        sample = np.array([[9.0, 0.0, 3.0], [9.0, 1.0, -4.0]])
        self.assertEqual(independent.supersampling([sample], 2).tolist(), [0])


class Training(unittest.TestCase):
    def setUp(self):
        generator = np.random.default_rng(5)
        self.labels = np.arange(30) % 3
        self.samples = [
            generator.normal(size=(length, 4)) + 0.7 * label
            for length, label in zip(generator.integers(2, 9, 30), self.labels)
        ]
        self.start = independent.initial_centroids(self.samples, self.labels, 3, 4)

    def trained(self, **settings):
        model = independent.Model(self.start)
        return model, model.train(
            self.samples, self.labels, independent.Settings(**{"epochs": 3, "batch_size": 8, "lr": 0.02, **settings})
        )

    def test_loss_falls(self):
        _, history = self.trained()
        self.assertLess(history.epochs[-1]["train_loss"], history.epochs[0]["train_loss"])
        self.assertEqual([step["samples"] for step in history.steps[:4]], [8, 8, 8, 6])

    def test_frozen_parameters_stay(self):
        model, _ = self.trained(learn_weights=False, weight_decay=0.1)
        np.testing.assert_array_equal(model.log_weights, 0)
        self.assertFalse(np.array_equal(model.centroids, self.start))
        model, _ = self.trained(learn_centroids=False, weight_decay=0.1)
        np.testing.assert_array_equal(model.centroids, self.start)
        self.assertTrue(model.log_weights.any())

    def test_refresh_changes_steps_only_after_the_first_update(self):
        _, by_epoch = self.trained(lr=0.2)
        _, by_batch = self.trained(lr=0.2, refresh="batch")
        self.assertEqual(by_epoch.steps[0]["loss"], by_batch.steps[0]["loss"])
        self.assertNotEqual(by_epoch.steps[3]["loss"], by_batch.steps[3]["loss"])


if __name__ == "__main__":
    unittest.main()
