"""dejavid.torch: torch's own checks of operations, gradients by differences, and implementations that share no line with it."""

import doctest
import importlib.util
import subprocess
import sys
import tempfile
import unittest
import warnings
from pathlib import Path
from unittest import mock

from package import BUILT, SOURCE, python  # first: it says where the others are

try:
    import torch
except (ImportError, OSError) as error:
    torch, WHY = None, f"found no torch that can be imported ({error}); run launch/install.sh and launch/install.sh --python"
import numpy as np  # noqa: E402

if torch is not None:
    import dejavid.torch
    from dejavid.torch import append_slopes, concatenate, expected_alignments, path_cells, soft_dtw, soft_dtw_of_distances, weighted_dtw

    OPERATIONS = torch.ops.dejavid

ALL_CHECKS = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_static", "test_aot_dispatch_dynamic")
INFINITY = float("inf")


def setUpModule():
    if torch is None:
        raise unittest.SkipTest(WHY)


def sequences(lengths, features, seed=0, dtype=None):
    dtype = dtype or torch.float64
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(length, features, generator=generator, dtype=dtype) for length in lengths]


def parameters(classes, steps, features, seed=1, dtype=None):
    dtype = dtype or torch.float64
    generator = torch.Generator().manual_seed(seed)
    draw = lambda: torch.randn(classes, steps, features, generator=generator, dtype=dtype)  # noqa: E731
    return draw(), 0.3 * draw()


def among_nan(pieces):
    """(rows, offsets): the pieces between rows of NaN, which nobody may read."""
    rows, offsets = concatenate(pieces)
    guard = torch.full((2, rows.shape[1]), float("nan"), dtype=rows.dtype)
    return torch.cat([guard, rows, guard]), offsets + 2


# ---- other implementations: loops and torch's own operations


def eager_soft_dtw(distances, gamma):
    n, m = distances.shape
    table = {}
    for i in range(n):
        for j in range(m):
            before = [table[at] for at in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if at in table]
            smooth = -gamma * torch.logsumexp(-torch.stack(before) / gamma, 0) if before else 0.0
            table[i, j] = distances[i, j] + smooth
    return table[n - 1, m - 1]


def eager_costs(a, b, cost):
    squares = ((a[:, None] - b[None]) ** 2).sum(2)
    return squares if cost == "squared_euclidean" else squares.clamp(min=1e-12).sqrt()


def eager_weighted_dtw(sample, centroids, log_weights, diagonal):
    """Distances [C] and the cells of every path."""
    distances, paths = [], []
    for centroid, log_weight in zip(centroids, log_weights):
        cost = (log_weight.exp()[:, None] * (centroid[:, None] - sample[None]).abs()).sum(2)
        known, (steps, length) = cost.detach().numpy(), cost.shape
        table = np.full((steps, length), INFINITY)
        reach = lambda i, j: table[i, j] if i >= 0 and j >= 0 else INFINITY  # noqa: E731, B023
        corner = lambda i, j: reach(i - 1, j - 1) if diagonal else INFINITY  # noqa: E731, B023
        for i in range(steps):
            for j in range(length):
                before = min(reach(i - 1, j), reach(i, j - 1), corner(i, j))
                table[i, j] = known[i, j] + (0 if i == j == 0 else before)
        i, j = steps - 1, length - 1
        cells = [(i, j)]
        while i > 0 or j > 0:
            above, left, both = reach(i - 1, j), reach(i, j - 1), corner(i, j)
            if above < left and above < both:
                i -= 1
            elif not diagonal or left < both:
                j -= 1
            else:
                i, j = i - 1, j - 1
            cells.append((i, j))
        paths.append(cells[::-1])
        distances.append(sum(cost[cell] for cell in cells))
    return torch.stack(distances), paths


LENGTHS = ([1], [5], [3, 1, 6, 2], [2] * 3)


class WhatABreakerFound(unittest.TestCase):
    """Each of these came to a wrong number, or to no end."""

    def refused(self, error, words, function, *arguments, **others):
        with self.assertRaises(error) as caught:
            function(*arguments, **others)
        self.assertIn(words, str(caught.exception))

    def test_results_that_are_too_large_are_refused(self):
        for dtype, large in ((torch.float64, 1.5e308), (torch.float32, 3e38)):
            for lengths, steps in (((5,), 4), ((1,), 2), ((2,), 5)):
                features = [torch.full((length, 1), large, dtype=dtype) for length in lengths]
                centroids = torch.full((1, steps, 1), -large, dtype=dtype)
                for diagonal in (False, True):
                    with self.subTest(dtype=dtype, lengths=lengths, diagonal=diagonal):
                        self.refused(ValueError, "too large for their type", weighted_dtw, features, centroids,
                                     torch.zeros_like(centroids), diagonal=diagonal)
        self.refused(ValueError, "too large for its type", soft_dtw_of_distances, torch.full((1, 2, 2), 3e38))
        self.refused(ValueError, "too large for its type", soft_dtw, torch.zeros(1, 9, 1), torch.zeros(1, 9, 1), gamma=1e39)
        self.refused(ValueError, "at most 1e100", soft_dtw, torch.zeros(1, 9, 1), torch.zeros(1, 9, 1), gamma=1e101)

    def test_all_tensors_are_on_one_device(self):
        rows, offsets = concatenate(sequences((3, 4), 2))
        centroids, log_weights = parameters(2, 3, 2)
        for call in (
            lambda: soft_dtw(rows, rows, a_offsets=offsets.to("meta"), b_offsets=offsets),
            lambda: soft_dtw(rows, rows.to("meta"), a_offsets=offsets, b_offsets=offsets),
            lambda: weighted_dtw(rows, centroids.to("meta"), log_weights, offsets=offsets),
            lambda: OPERATIONS.weighted_dtw(rows, offsets, centroids, log_weights.to("meta"), False),
            lambda: soft_dtw_of_distances(rows.flatten(), rows=torch.tensor([2]).to("meta"), columns=torch.tensor([7])),
            lambda: append_slopes(rows, offsets=offsets.to("meta")),
        ):
            self.refused(ValueError, "found device", call)

    def test_forward_mode_is_refused(self):
        a = torch.randn(1, 4, 2, dtype=torch.float64)
        centroids, log_weights = parameters(2, 3, 2)
        for function in (lambda x: soft_dtw(x, x), lambda x: soft_dtw_of_distances(x), lambda x: weighted_dtw(x, centroids, log_weights)):
            self.refused(NotImplementedError, "forward mode", torch.func.jvp, function, (a,), (torch.ones_like(a),))
            with torch.autograd.forward_ad.dual_level():
                dual = torch.autograd.forward_ad.make_dual(a, torch.ones_like(a))
                self.refused(NotImplementedError, "forward mode", function, dual)

    def test_slopes_and_paths_look_at_their_numbers(self):
        rows = torch.zeros(5, 2)
        for offsets in ([0, 99], [5, 0], [-7, 3]):
            self.refused(ValueError, "offsets: found", append_slopes, rows, offsets=torch.tensor(offsets))
        slopes, _ = append_slopes(rows.to("meta"), offsets=torch.tensor([0, 5]).to("meta"))
        self.assertEqual(tuple(slopes.shape), (5, 4))
        for breakpoints, length in (([99], 5), ([0], -5), ([3, 1], 5), ([-9], 5)):
            self.refused(ValueError, "leaves a sample", path_cells, torch.tensor(breakpoints, dtype=torch.int32), length)
        self.refused(TypeError, "found torch.float32", path_cells, torch.zeros(1), 5)

    def test_gamma_is_a_number(self):
        a = torch.zeros(1, 3, 1)
        self.refused(TypeError, "gamma: found a tensor", soft_dtw, a, a, gamma=torch.tensor(1.0, requires_grad=True))


class WeightedDtw(unittest.TestCase):
    def test_equals_the_classifier(self):
        import support

        data = support.make_set(classes=3, validation_per_class=0)
        for slope in (False, True):
            for diagonal in (False, True):
                classifier = dejavid.DejaVidClassifier(epochs=2, slope=slope, diagonal=diagonal, n_jobs=2).fit(data.samples, data.labels)
                rows, offsets = concatenate([torch.tensor(sample, dtype=torch.float32) for sample in data.samples])
                if slope:
                    rows, offsets = append_slopes(rows, offsets=offsets)
                distances = weighted_dtw(
                    rows, torch.tensor(classifier.centroids_), torch.tensor(classifier.log_weights_), offsets=offsets, diagonal=diagonal
                )
                np.testing.assert_array_equal(distances.numpy(), classifier.distances(data.samples).astype(np.float32))

    def test_equals_another_implementation(self):
        for lengths in LENGTHS:
            for classes, steps, features in ((2, 4, 3), (1, 1, 1), (3, 2, 70)):
                for diagonal in (False, True):
                    self.compare(lengths, classes, steps, features, diagonal)

    def compare(self, lengths, classes, steps, features, diagonal):
        pieces = [piece.requires_grad_() for piece in sequences(lengths, features)]
        centroids, log_weights = (array.requires_grad_() for array in parameters(classes, steps, features))
        arrays = [*pieces, centroids, log_weights]
        eager = [eager_weighted_dtw(piece, centroids, log_weights, diagonal) for piece in pieces]
        expected = torch.stack([distances for distances, _ in eager])
        upstream = sequences([len(lengths)], classes, seed=3)[0]
        gradients = torch.autograd.grad((expected * upstream).sum(), arrays)
        for dtype, tolerance in ((torch.float64, 1e-13), (torch.float32, 3e-6)):
            rows, offsets = among_nan([piece.detach().to(dtype) for piece in pieces])
            given = [array.detach().to(dtype).requires_grad_() for array in (rows, centroids, log_weights)]
            distances, breakpoints = weighted_dtw(*given, offsets=offsets, diagonal=diagonal, return_breakpoints=True)
            torch.testing.assert_close(distances, expected.detach().to(dtype), rtol=tolerance, atol=0)
            for b, (_, paths) in enumerate(eager):
                for c, path in enumerate(paths):
                    self.assertEqual([tuple(cell) for cell in path_cells(breakpoints[b, c], lengths[b]).tolist()], path)
            found = torch.autograd.grad((distances * upstream.to(dtype)).sum(), given)
            whole = torch.zeros_like(rows, dtype=torch.float64)
            whole[2:-2] = torch.cat(gradients[:-2])
            for one, other in zip(found, [whole, *gradients[-2:]]):
                torch.testing.assert_close(one, other.to(dtype), rtol=0, atol=tolerance * max(1.0, float(other.abs().max())))

    def test_torch_checks_it(self):
        float32, float64 = torch.float32, torch.float64
        for lengths, steps, dtype in (([3, 1, 4], 3, float64), ([3, 1, 4], 3, float32), ([1], 1, float64), ([], 3, float32)):
            rows, offsets = concatenate(sequences(lengths or [1], 2))
            offsets = offsets if lengths else offsets[:1]
            given = [array.to(dtype).requires_grad_() for array in (rows, *parameters(2, steps, 2))]
            torch.library.opcheck(OPERATIONS.weighted_dtw, (given[0], offsets, *given[1:], True), test_utils=ALL_CHECKS)

    def test_gradients_are_derivatives(self):
        for lengths in ([3, 1, 4], [1]):
            for steps in (3, 1):
                rows, offsets = concatenate(sequences(lengths, 2))
                given = [array.requires_grad_() for array in (rows, *parameters(2, steps, 2))]
                for diagonal in (False, True):
                    compute = lambda *arrays: weighted_dtw(*arrays, offsets=offsets, diagonal=diagonal)  # noqa: E731, B023
                    self.assertTrue(torch.autograd.gradcheck(compute, given))

    def test_a_training_step_lowers_the_loss(self):
        pieces = sequences([9, 5, 7, 8], 3, dtype=torch.float32)
        labels = torch.tensor([0, 1, 0, 1])
        layer = torch.nn.Linear(3, 4)
        arrays = [array.requires_grad_() for array in parameters(2, 3, 4, dtype=torch.float32)]
        optimizer = torch.optim.Adam([*layer.parameters(), *arrays], lr=0.002)
        losses = []
        for _ in range(5):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(-weighted_dtw([layer(piece) for piece in pieces], *arrays), labels)
            loss.backward()
            self.assertTrue(all(bool(array.grad.abs().sum() > 0) for array in [*layer.parameters(), *arrays]))
            optimizer.step()
            losses.append(loss.item())
        self.assertEqual(losses, sorted(losses, reverse=True))

    def test_only_what_is_wanted_has_a_gradient(self):
        rows, offsets = concatenate(sequences([3, 2], 2))
        centroids, log_weights = parameters(2, 3, 2)
        for wanted in range(3):
            given = [rows, centroids, log_weights]
            given[wanted] = given[wanted].clone().requires_grad_()
            weighted_dtw(*given, offsets=offsets).sum().backward()
            self.assertEqual([array.grad is not None for array in given], [k == wanted for k in range(3)])

    def test_broken_paths_are_refused(self):
        rows, offsets = concatenate(sequences([4], 2))
        given = parameters(1, 3, 2)
        for path in ([3, 4], [2, 1], [-5, 3], [~3, 3], [-(2**31), 0]):
            breakpoints = torch.tensor([[path]], dtype=torch.int32)
            for operation in (OPERATIONS.weighted_dtw_parameter_gradient, OPERATIONS.weighted_dtw_feature_gradient):
                with self.assertRaisesRegex(ValueError, "breakpoints: found a path of sample 0 that leaves it"):
                    operation(torch.ones(1, 1, dtype=torch.float64), rows, offsets, *given, breakpoints)

    def test_numbers_that_are_not_finite_are_refused(self):
        pieces, (centroids, log_weights) = sequences([3, 2], 2), parameters(2, 3, 2)
        for value in (float("nan"), INFINITY):
            broken = [pieces[0], pieces[1].clone()]
            broken[1][1, 0] = value
            with self.assertRaisesRegex(ValueError, "features: found (nan|inf) in sample 1, step 1, feature 0"):
                weighted_dtw(broken, centroids, log_weights)
            for k, name in enumerate(("centroids", "log_weights")):
                given = [centroids.clone(), log_weights.clone()]
                given[k][1, 2, 1] = value
                with self.assertRaisesRegex(ValueError, f"^{name}: found (nan|inf); expected finite"):
                    weighted_dtw(pieces, *given)
        with self.assertRaisesRegex(ValueError, "log_weights: found .* whose exponential is infinite"):
            weighted_dtw(pieces, centroids, log_weights + 800)


class SoftDtw(unittest.TestCase):
    CASES = [(x, y, cost, gamma) for x, y in (([1], [1]), ([4], [1]), ([3, 1, 5], [2, 4, 1])) for cost in ("squared_euclidean", "euclidean")
             for gamma in (1.0, 0.1)]

    def test_equals_another_implementation(self):
        for a_lengths, b_lengths, cost, gamma in self.CASES:
            for features in (1, 5):
                a, b = ([x.requires_grad_() for x in sequences(lengths, features, seed)] for seed, lengths in enumerate((a_lengths, b_lengths)))
                matrices = [eager_costs(x, y, cost) for x, y in zip(a, b)]
                for matrix in matrices:
                    matrix.retain_grad()
                expected = torch.stack([eager_soft_dtw(matrix, gamma) for matrix in matrices])
                upstream = torch.linspace(-1, 2, len(a), dtype=torch.float64)
                (expected * upstream).sum().backward()
                for dtype, tolerance in ((torch.float64, 1e-11), (torch.float32, 1e-4)):
                    (a_rows, a_offsets), (b_rows, b_offsets) = (among_nan([x.detach().to(dtype) for x in side]) for side in (a, b))
                    a_rows.requires_grad_(), b_rows.requires_grad_()
                    values = soft_dtw(a_rows, b_rows, gamma=gamma, cost=cost, a_offsets=a_offsets, b_offsets=b_offsets)
                    torch.testing.assert_close(values, expected.detach().to(dtype), rtol=tolerance, atol=tolerance)
                    (values * upstream.to(dtype)).sum().backward()
                    for rows, side in ((a_rows, a), (b_rows, b)):
                        self.assertEqual(float(rows.grad[[0, 1, -2, -1]].abs().sum()), 0)
                        gradient = torch.cat([x.grad for x in side]).to(dtype)
                        torch.testing.assert_close(rows.grad[2:-2], gradient, rtol=tolerance, atol=10 * tolerance)
                    flat = [matrix.detach().to(dtype).requires_grad_() for matrix in matrices]
                    of_distances = soft_dtw_of_distances(flat, gamma=gamma)
                    torch.testing.assert_close(of_distances, expected.detach().to(dtype), rtol=tolerance, atol=tolerance)
                    (of_distances * upstream.to(dtype)).sum().backward()
                    alignments = expected_alignments(flat, gamma=gamma)
                    for matrix, one, alignment, factor in zip(matrices, flat, alignments, upstream):
                        torch.testing.assert_close(one.grad, matrix.grad.to(dtype), rtol=tolerance, atol=tolerance)
                        torch.testing.assert_close((alignment * factor).to(dtype), one.grad, rtol=1e-5, atol=1e-6)
                        self.assertFalse(alignment.requires_grad)

    def test_torch_checks_it(self):
        for a_lengths, b_lengths, cost, gamma, dtype in (
            ([3, 1, 5], [2, 4, 1], "squared_euclidean", 0.1, torch.float64),
            ([3, 1, 5], [2, 4, 1], "euclidean", 1.0, torch.float32),
            ([1], [1], "euclidean", 1.0, torch.float64),
            ([], [], "squared_euclidean", 1.0, torch.float32),
        ):
            (a, a_offsets), (b, b_offsets) = (concatenate(sequences(x or [1], 2, seed)) for seed, x in enumerate((a_lengths, b_lengths)))
            if not a_lengths:
                a_offsets = b_offsets = a_offsets[:1]
            inputs = (a.to(dtype).requires_grad_(), a_offsets, b.to(dtype).requires_grad_(), b_offsets, gamma, cost)
            torch.library.opcheck(OPERATIONS.soft_dtw, inputs, test_utils=ALL_CHECKS)
            rows, columns = torch.tensor(a_lengths, dtype=torch.int64), torch.tensor(b_lengths, dtype=torch.int64)
            distances = torch.rand(int((rows * columns).sum()), dtype=dtype).requires_grad_()
            torch.library.opcheck(OPERATIONS.soft_dtw_of_distances, (distances, rows, columns, gamma), test_utils=ALL_CHECKS)

    def test_gradients_are_derivatives(self):
        for a_lengths, b_lengths, cost, gamma in self.CASES:
            (a, a_offsets), (b, b_offsets) = (concatenate(sequences(x, 2, seed)) for seed, x in enumerate((a_lengths, b_lengths)))
            compute = lambda x, y: soft_dtw(x, y, gamma=gamma, cost=cost, a_offsets=a_offsets, b_offsets=b_offsets)  # noqa: E731, B023
            self.assertTrue(torch.autograd.gradcheck(compute, (a.requires_grad_(), b.requires_grad_())))
            matrices = [torch.rand(n, m, dtype=torch.float64, requires_grad=True) for n, m in zip(a_lengths, b_lengths)]
            self.assertTrue(torch.autograd.gradcheck(lambda *given: soft_dtw_of_distances(given, gamma=gamma), matrices))  # noqa: B023

    def test_squares_have_no_smallest(self):
        a, b = (1e-9 * x for x in (sequences([4], 2)[0], sequences([4], 2, seed=1)[0]))
        gamma = 1e-18
        expected = eager_soft_dtw(eager_costs(a, b, "squared_euclidean"), gamma)
        torch.testing.assert_close(soft_dtw([a], [b], gamma=gamma)[0], expected, rtol=1e-11, atol=0)

    def test_longer_than_a_gpu_block(self):
        a, b = sequences([1500], 3, 0, torch.float32)[0].requires_grad_(), sequences([1100], 3, 1, torch.float32)[0]
        value = soft_dtw([a], [b], gamma=0.1)
        value.sum().backward()
        expected = soft_dtw([a.detach().double()], [b.double()], gamma=0.1)
        torch.testing.assert_close(value.double(), expected, rtol=1e-6, atol=0)
        # Every path passes every step, so that every step has a gradient.
        self.assertTrue(bool(torch.isfinite(a.grad).all()) and bool((a.grad.abs().sum(1) > 0).all()))

    def test_numbers_that_are_not_finite_are_refused(self):
        a, b = sequences([3, 2], 2), sequences([2, 4], 2, seed=1)
        for value in (float("nan"), INFINITY):
            broken = [b[0], b[1].clone()]
            broken[1][3, 1] = value
            for given, name in (((a, broken), "b"), ((broken, a), "a")):
                with self.assertRaisesRegex(ValueError, f"^{name}: found (nan|inf) in sequence 1, step 3, feature 1"):
                    soft_dtw(*given)
            matrix = torch.rand(2, 3, 4, dtype=torch.float64)
            matrix[1, 2, 3] = value
            with self.assertRaisesRegex(ValueError, r"distances: found (nan|inf) in matrix 1, row 2, column 3"):
                soft_dtw_of_distances(matrix)
        with self.assertRaisesRegex(ValueError, "a and b: found steps of pair 1 whose cost is too large"):
            soft_dtw([a[0], a[1] * 1e200], b)


class AnyOperation(unittest.TestCase):
    """What holds for all of them."""

    def test_every_form_of_sequences(self):
        pieces = sequences([4, 4, 4], 2)
        rows, offsets = concatenate(pieces)
        given = parameters(2, 3, 2)
        expected = weighted_dtw(pieces, *given)
        other = sequences([3, 3, 3], 2, seed=5)
        value = soft_dtw(pieces, other)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's nested tensors are a prototype
            nested = torch.nested.nested_tensor(pieces, layout=torch.jagged)
        for form in (tuple(pieces), torch.stack(pieces), nested):
            torch.testing.assert_close(weighted_dtw(form, *given), expected, rtol=0, atol=0)
            torch.testing.assert_close(soft_dtw(form, other), value, rtol=0, atol=0)
            torch.testing.assert_close(soft_dtw(other, form), value, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(weighted_dtw(rows, *given, offsets=offsets), expected, rtol=0, atol=0)
        one = [piece[:, :1] for piece in pieces]
        flat = [piece[:, 0] for piece in pieces]
        torch.testing.assert_close(soft_dtw(flat, flat), soft_dtw(one, one), rtol=0, atol=0)
        stacked = torch.rand(3, 4, 5)
        rows, columns = torch.tensor([4] * 3), torch.tensor([5] * 3)
        expected = soft_dtw_of_distances(stacked)
        for found in (soft_dtw_of_distances(list(stacked)), soft_dtw_of_distances(stacked.reshape(-1), rows=rows, columns=columns)):
            torch.testing.assert_close(found, expected, rtol=0, atol=0)
        alignments = expected_alignments(stacked)
        self.assertEqual(alignments.shape, stacked.shape)
        torch.testing.assert_close(torch.stack(expected_alignments(list(stacked))), alignments, rtol=0, atol=0)

    def test_tensors_need_not_be_contiguous(self):
        pieces = sequences([4, 2], 3)
        rows, offsets = concatenate(pieces)
        spread = lambda tensor: torch.stack([tensor, torch.full_like(tensor, -7)], -1)[..., 0]  # noqa: E731
        given = parameters(2, 3, 3)
        self.assertFalse(spread(rows).is_contiguous() or spread(offsets).is_contiguous())
        arrays = [rows, *given]
        results = []
        expanded = lambda value: torch.ones((), dtype=value.dtype).expand_as(value)  # noqa: E731  (as sum() gives it)
        for change, ones in ((lambda tensor: tensor, torch.ones_like), (spread, expanded)):
            generator = torch.Generator().manual_seed(7)
            inputs = [change(array).detach().requires_grad_() for array in arrays]
            distances = weighted_dtw(*inputs, offsets=change(offsets))
            values = soft_dtw(inputs[0], inputs[0] * 2, a_offsets=change(offsets), b_offsets=change(offsets))
            n = change(torch.tensor([2, 3]))
            flat = change(torch.arange(13, dtype=torch.float64)).requires_grad_()
            of_distances = soft_dtw_of_distances(flat, rows=n, columns=n)
            found = [distances, values, of_distances]
            results.append(found.copy())
            for upstream in ([change(torch.rand(value.shape, generator=generator, dtype=value.dtype)) for value in found], [ones(value) for value in found]):
                results[-1] += torch.autograd.grad(found, [*inputs, flat], upstream, retain_graph=True)
        for one, other in zip(*results):
            self.assertTrue(torch.equal(one, other))

    def test_threads_change_nothing(self):
        a, b = sequences([9, 1, 30, 12], 5, 0, torch.float32), sequences([3, 8, 25, 2], 5, 1, torch.float32)
        given = parameters(3, 4, 5, dtype=torch.float32)
        before, results = torch.get_num_threads(), []
        try:
            for threads in (1, 3):
                torch.set_num_threads(threads)
                inputs = [array.clone().requires_grad_() for array in [*a, *b, *given]]
                a_now, b_now, given_now = inputs[:4], inputs[4:8], inputs[8:]
                loss = soft_dtw(a_now, b_now).sum() + weighted_dtw(a_now, *given_now).sum()
                results.append([loss, *torch.autograd.grad(loss, inputs)])
        finally:
            torch.set_num_threads(before)
        for one, other in zip(*results):
            self.assertTrue(torch.equal(one, other))

    def test_meta_tensors_have_shapes_alone(self):
        meta = lambda *shape, dtype=torch.float32: torch.empty(*shape, device="meta", dtype=dtype)  # noqa: E731
        offsets = meta(4, dtype=torch.int64)
        distances, breakpoints = weighted_dtw(
            meta(9, 5), meta(2, 6, 5), meta(2, 6, 5), offsets=offsets, return_breakpoints=True
        )
        self.assertEqual((distances.shape, distances.dtype), ((3, 2), torch.float32))
        self.assertEqual((breakpoints.shape, breakpoints.dtype), ((3, 2, 5), torch.int32))
        values = soft_dtw(meta(9, 5), meta(8, 5), a_offsets=offsets, b_offsets=offsets)
        self.assertEqual((values.shape, values.device.type), ((3,), "meta"))
        self.assertEqual(soft_dtw_of_distances(meta(4, 3, 2)).shape, (4,))

    def test_compiled_it_is_the_same(self):
        pieces = sequences([4, 1, 3], 3)
        rows, offsets = concatenate(pieces)
        other, other_offsets = concatenate(sequences([2, 5, 1], 3, seed=4))
        arrays = [rows, other, *parameters(2, 3, 3)]

        def loss(rows, other, centroids, log_weights):
            values = soft_dtw(rows * 2, other, gamma=0.5, a_offsets=offsets, b_offsets=other_offsets)
            return (weighted_dtw(rows, centroids, log_weights, offsets=offsets, diagonal=True) ** 2).sum() + values.sin().sum()

        results = []
        for compute in (loss, torch.compile(loss, backend="aot_eager", fullgraph=True)):
            inputs = [array.clone().requires_grad_() for array in arrays]
            value = compute(*inputs)
            results.append([value, *torch.autograd.grad(value, inputs)])
        for one, other in zip(*results):
            torch.testing.assert_close(one, other, rtol=1e-14, atol=1e-14)

    def test_there_are_no_second_derivatives(self):
        a, b = ([x.requires_grad_() for x in sequences([3, 2], 2, seed)] for seed in (0, 1))
        arrays = [array.requires_grad_() for array in parameters(2, 3, 2)]
        distances = torch.rand(2, 3, 4, dtype=torch.float64, requires_grad=True)
        for value, given in (
            (soft_dtw(a, b), a[0]),
            (soft_dtw_of_distances(distances), distances),
            (weighted_dtw(a, *arrays), arrays[0]),
            (weighted_dtw(a, *arrays), a[0]),
        ):
            (gradient,) = torch.autograd.grad((value**2).sum(), given, create_graph=True)
            with self.assertRaisesRegex(NotImplementedError, "expected first derivatives alone"):
                gradient.sum().backward()

    def test_bad_arguments_are_named(self):
        rows, offsets = concatenate(sequences([3, 2], 2))
        centroids, log_weights = parameters(2, 3, 2)
        weighted = lambda f=rows, c=centroids, w=log_weights, o=offsets: lambda: weighted_dtw(f, c, w, offsets=o)  # noqa: E731
        soft = lambda a=rows, b=rows, a_offsets=offsets, b_offsets=offsets, **more: lambda: soft_dtw(  # noqa: E731
            a, b, a_offsets=a_offsets, b_offsets=b_offsets, **more
        )
        two = torch.tensor([2, 2])
        flat = lambda d=torch.rand(8), n=two, m=two, **more: lambda: soft_dtw_of_distances(d, rows=n, columns=m, **more)  # noqa: E731
        numbers = lambda *values: torch.tensor(values, dtype=torch.int64)  # noqa: E731
        from torch._subclasses.fake_tensor import FakeTensorMode

        with FakeTensorMode():
            elsewhere = torch.empty(5, 2, device="cuda", dtype=torch.float64)
        bad = [
            # shapes
            (weighted(f=rows[0]), ValueError, r"features: found shape \(2,\)"),
            (weighted(f=rows[:, :1]), ValueError, "centroids: found 2 features; expected 1"),
            (weighted(c=centroids[0]), ValueError, r"centroids: found shape \(3, 2\); expected \[C, K, F\]"),
            (weighted(c=centroids[:0], w=log_weights[:0]), ValueError, r"centroids: found shape \(0, 3, 2\)"),
            (weighted(w=log_weights[:1]), ValueError, r"log_weights: found shape \(1, 3, 2\); expected \(2, 3, 2\)"),
            (weighted(o=offsets[None]), ValueError, r"offsets: found shape \(1, 3\)"),
            (weighted(o=offsets[:0]), ValueError, "offsets: found no number"),
            (weighted(o=None), ValueError, r"features: found shape \(5, 2\); expected \[B, T, F\]"),
            (soft(b=rows[:, :1]), ValueError, "b: found 1 features; expected 2"),
            (soft(a=rows[:, :0], b=rows[:, :0]), ValueError, r"a: found shape \(5, 0\)"),
            (soft(b_offsets=offsets[:2]), ValueError, "b: found 1 sequences; expected 2"),
            (soft(a=[rows], a_offsets=offsets), ValueError, "a_offsets: found offsets beside sequences that have their own"),
            (flat(m=two[:1]), ValueError, "columns: found 1 numbers; expected 2"),
            (flat(m=None), ValueError, "rows and columns: found one of them"),
            (flat(d=torch.rand(7)), ValueError, "distances: found 7 numbers; expected more, as matrix 1 of 2 x 2 begins at 4"),
            (flat(d=torch.rand(9)), ValueError, "distances: found 9 numbers; expected the 8 of all matrices"),
            (flat(n=numbers(2, 0)), ValueError, r"rows\[1\]: found 0; expected at least 1"),
            (flat(m=numbers(-1, 2)), ValueError, r"columns\[0\]: found -1; expected at least 1"),
            (flat(n=numbers(2**62, 2)), ValueError, "distances: found 8 numbers; expected more, as matrix 0"),
            (lambda: soft_dtw_of_distances(torch.rand(2, 3)), ValueError, r"distances: found shape \(2, 3\)"),
            (lambda: soft_dtw([], []), ValueError, "a: found an empty list"),
            (lambda: soft_dtw([rows, rows[:0]], [rows] * 2), ValueError, r"a\[1\]: found no step"),
            (lambda: soft_dtw([rows, rows[:, :1]], [rows] * 2), ValueError, r"a\[1\]: found 1 features; expected 2 as a\[0\]"),
            # numbers
            (weighted(o=numbers(0, 3, 3)), ValueError, r"offsets\[2\]: found 3; expected more than offsets\[1\], 3"),
            (weighted(o=numbers(0, 3, 2)), ValueError, r"offsets\[2\]: found 2; expected more than offsets\[1\], 3"),
            (weighted(o=numbers(-1, 3, 5)), ValueError, r"offsets\[0\]: found -1"),
            (weighted(o=numbers(0, 3, 6)), ValueError, r"offsets\[2\]: found 6; expected at most the 5 rows of features"),
            (soft(a_offsets=numbers(0, 3, 6)), ValueError, r"a_offsets\[2\]: found 6; expected at most the 5 rows of a"),
            (soft(b_offsets=numbers(3, 2, 5)), ValueError, r"b_offsets\[1\]: found 2; expected more"),
            (soft(gamma=0), ValueError, "gamma: found 0.0"),
            (soft(gamma=float("nan")), ValueError, "gamma: found nan"),
            (flat(gamma=INFINITY), ValueError, "gamma: found inf"),
            (soft(cost="cosine"), ValueError, "cost: found 'cosine'; expected 'squared_euclidean' or 'euclidean'"),
            # types and devices
            (weighted(f=rows.half()), TypeError, r"features: found torch.float16; expected float32 or float64"),
            (weighted(c=centroids.float()), TypeError, "centroids: found torch.float32; expected torch.float64"),
            (weighted(o=offsets.int()), TypeError, "offsets: found torch.int32; expected int64"),
            (weighted(f=rows.tolist(), o=None), TypeError, r"features\[0\]: found list; expected a tensor"),
            (soft(b=rows.float()), TypeError, "b: found torch.float32; expected torch.float64"),
            (flat(d=torch.arange(8)), TypeError, "distances: found torch.int64"),
            (flat(n=two.double()), TypeError, "rows: found torch.float64; expected int64"),
            (soft(a="text"), TypeError, "a: found str"),
            (weighted(f=elsewhere), ValueError, "features: found device cuda:0; expected cpu"),
            (soft(b=elsewhere), ValueError, "b: found device cuda:0; expected cpu"),
        ]
        for call, error, message in bad:
            with self.subTest(message), self.assertRaisesRegex(error, message):
                call()

    def test_the_library_looks_again(self):
        """The same where the operations are called without dejavid.torch's functions."""
        rows, offsets = concatenate(sequences([3, 2], 2))
        centroids, log_weights = parameters(2, 3, 2)
        two = torch.tensor([2, 2])
        up = torch.ones(2, 2, dtype=torch.float64)
        path = torch.zeros(2, 2, 2, dtype=torch.int32)
        gradient = OPERATIONS.weighted_dtw_parameter_gradient
        bad = [
            (OPERATIONS.weighted_dtw, (rows[0], offsets, centroids, log_weights, False), r"features: found shape \[2\]"),
            (OPERATIONS.weighted_dtw, (rows, offsets, centroids[:, :, :1], log_weights, False), r"centroids: found shape \[2, 3, 1\]"),
            (OPERATIONS.weighted_dtw, (rows, offsets, centroids, log_weights[:1], False), r"log_weights: found shape"),
            (OPERATIONS.weighted_dtw, (rows, offsets[:0], centroids, log_weights, False), "offsets: found no number"),
            (OPERATIONS.weighted_dtw, (rows, offsets.int(), centroids, log_weights, False), "offsets: found another type"),
            (OPERATIONS.weighted_dtw, (rows, offsets, centroids.float(), log_weights, False), "centroids: found numbers of another type"),
            (OPERATIONS.weighted_dtw, tuple(x.half() if x.is_floating_point() else x for x in (rows, offsets, centroids, log_weights))
             + (False,), "features: found numbers of another type"),
            (OPERATIONS.weighted_dtw, (rows[:, :0], offsets, centroids[:, :, :0], log_weights[:, :, :0], False), "at least 1 each"),
            (gradient, (up[:1], rows, offsets, centroids, log_weights, path), r"distance_gradient: found shape \[1, 2\]"),
            (gradient, (up.float(), rows, offsets, centroids, log_weights, path), "distance_gradient: found numbers of another type"),
            (gradient, (up, rows, offsets, centroids, log_weights, path.long()), "breakpoints: found another type"),
            (gradient, (up, rows, offsets, centroids, log_weights, path[:, :, :1]), r"breakpoints: found shape \[2, 2, 1\]"),
            (OPERATIONS.soft_dtw, (rows, offsets, rows[:, :1], offsets, 1.0, "euclidean"), r"b: found shape \[5, 1\]"),
            (OPERATIONS.soft_dtw, (rows, offsets, rows, offsets[:2], 1.0, "euclidean"), "b_offsets: found 1 sequences; expected 2"),
            (OPERATIONS.soft_dtw, (rows, offsets, rows, offsets, -1.0, "euclidean"), "gamma: found -1"),
            (OPERATIONS.soft_dtw, (rows, offsets, rows, offsets, 1.0, "cosine"), "cost: found 'cosine'"),
            (OPERATIONS.soft_dtw_gradient, (up, rows, offsets, rows, offsets, 1.0, "euclidean"), r"value_gradient: found shape \[2, 2\]"),
            (OPERATIONS.soft_dtw_of_distances, (up, two, two, 1.0), r"distances: found shape \[2, 2\]"),
            (OPERATIONS.soft_dtw_of_distances, (torch.rand(8), two, two[:1], 1.0), "columns: found 1 numbers; expected 2"),
            (OPERATIONS.soft_dtw_of_distances, (torch.rand(8), two, two.int(), 1.0), "columns: found another type"),
            (OPERATIONS.soft_dtw_of_distances_gradient, (up[0], torch.rand(8), two, two, 1.0), "value_gradient: found numbers of another"),
        ]
        for operation, inputs, message in bad:
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                operation(*inputs)


class Document(unittest.TestCase):
    def test_the_page_shows_what_happens(self):
        results = doctest.testfile(str(SOURCE / "docs" / "use" / "torch.md"), module_relative=False)
        self.assertEqual(results.failed, 0)
        self.assertGreater(results.attempted, 8)


class Library(unittest.TestCase):
    def test_it_needs_the_stable_interface_alone_and_gives_nothing_away(self):
        library = BUILT / "dejavid" / "libdejavid_operations.so"
        run = lambda *words: subprocess.run([*words, library], check=True, capture_output=True, text=True).stdout  # noqa: E731
        dynamic = run("readelf", "-dW")
        needed = [line.split("[")[1].split("]")[0] for line in dynamic.splitlines() if "(NEEDED)" in line]
        allowed = ("libtorch_cpu.", "libstdc++.", "libm.", "libgcc_s.", "libc.", "ld-linux")
        self.assertEqual([name for name in needed if not name.startswith(allowed)], [])
        self.assertNotIn("PATH)", dynamic)
        self.assertEqual(run("nm", "-D", "--defined-only"), "")
        undefined = [line.split()[-1] for line in run("nm", "-D", "--undefined-only").splitlines()]
        foreign = [name for name in undefined if "@" not in name and not name.startswith(("torch_", "aoti_torch_", "_ITM_", "__gmon"))]
        self.assertEqual(foreign, [])

    def test_torch_is_all_that_it_needs(self):
        process = python(
            "for name in ('sklearn', 'scipy', 'aeon', 'h5py'):\n    sys.modules[name] = None\n"
            "import torch, dejavid.torch\nprint(float(dejavid.torch.soft_dtw(torch.zeros(1, 1, 4), torch.ones(1, 1, 4))))"
        )
        out, error = process.communicate(timeout=120)
        self.assertEqual((out, process.returncode), ("4.0\n", 0), error)

    def test_what_is_missing_is_told(self):
        class NoTorch:
            def find_spec(self, name, path=None, target=None):
                if name == "torch":
                    raise ImportError("not here")

        def load(folder):
            spec = importlib.util.spec_from_file_location("dejavid._torch_library", folder / "_torch_library.py")
            spec.loader.exec_module(importlib.util.module_from_spec(spec))

        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "_torch_library.py").write_text((BUILT / "dejavid" / "_torch_library.py").read_text())
            with mock.patch.object(sys, "meta_path", [NoTorch(), *sys.meta_path]), mock.patch.dict(sys.modules):
                del sys.modules["torch"]
                with self.assertRaisesRegex(ImportError, r"^dejavid.torch: found no torch \(not here\); expected torch 2.10 or later; .* pip install"):
                    load(folder)
            for version in ("2.9.1+cpu", "1.13.0"):
                with mock.patch.object(torch, "__version__", version), self.assertRaisesRegex(
                    ImportError, f"^dejavid.torch: found torch {version[:6].replace('.', '[.]')}.*; expected torch 2.10 or later; .* pip install"
                ):
                    load(folder)
            with self.assertRaisesRegex(ImportError, "^dejavid.torch: found a dejavid that was built without torch; expected .* pip install"):
                load(folder)
            (folder / "libdejavid_operations.so").write_text("no library")
            for version in ("2.10.0", "2.12.0a0+git1", "3.0.0"):
                with mock.patch.object(torch, "__version__", version), self.assertRaisesRegex(
                    ImportError, "^dejavid.torch: found .*libdejavid_operations.so, which does not open .* pip install"
                ):
                    load(folder)


if __name__ == "__main__":
    unittest.main()
