"""Ranks, critical differences and wins as in Demsar 2006."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "launch"))
import rank_statistics as statistics  # noqa: E402

# Table 6 there: AUC of C4.5 with two kinds of tuning on 14 sets. Of the two .975 it ranks the third's higher, by digits that it does not print.
DEMSAR = {"C4.5": [.763, .599, .954, .628, .882, .936, .661, .583, .775, 1.000, .940, .619, .972, .957],
          "C4.5+m": [.768, .591, .971, .661, .888, .931, .668, .583, .838, 1.000, .962, .666, .981, .978],
          "C4.5+cf": [.771, .590, .968, .654, .886, .916, .609, .563, .866, 1.000, .965, .614, .9752, .946],
          "C4.5+m+cf": [.798, .569, .967, .657, .898, .931, .685, .625, .875, 1.000, .962, .669, .975, .970]}


class RankStatistics(unittest.TestCase):
    def test_the_papers_example(self):
        ranks = statistics.average_ranks(DEMSAR, range(14))
        self.assertEqual({name: round(rank, 3) for name, rank in ranks.items()}, {"C4.5": 3.143, "C4.5+m": 2.000, "C4.5+cf": 2.893, "C4.5+m+cf": 1.964})
        self.assertAlmostEqual(statistics.critical_difference(4, 14), 1.25, places=2)

    def test_equal_ones_share_their_ranks(self):
        ranks = statistics.average_ranks({"a": [0.5, 1.0], "b": [0.50001, 1.0], "c": [0.25, 1.0]}, [0, 1])
        self.assertEqual(ranks, {"a": 1.75, "b": 1.75, "c": 2.5})

    def test_only_sets_of_which_all_have_a_number(self):
        accuracies = {"a": [0.5, 0.75, 0.25], "b": [None, 0.5, 0.5], "c": [0.5, 0.25, None]}
        self.assertEqual(statistics.complete_sets(accuracies), [1])
        self.assertEqual(statistics.average_ranks(accuracies, [1]), {"a": 1, "b": 2, "c": 3})

    def test_wins_ties_losses(self):
        self.assertEqual(statistics.wins_ties_losses([0.5, 0.5, 0.88333, None, 1.0], [0.25, None, 0.8833, 1.0, 1.1]), [1, 1, 1])

    def test_no_critical_difference(self):
        self.assertIsNone(statistics.critical_difference(4, 0))
        self.assertIsNone(statistics.critical_difference(13, 5))
        self.assertAlmostEqual(statistics.critical_difference(2, 6), 1.960 * (1 / 6) ** 0.5)
        self.assertAlmostEqual(statistics.critical_difference(11, 2), 3.219 * 11 ** 0.5)

    def test_mean(self):
        self.assertEqual(statistics.mean([0.25, 0.75]), 0.5)
        self.assertIsNone(statistics.mean([]))
        self.assertIsNone(statistics.mean([0.25, None]))


if __name__ == "__main__":
    unittest.main()
