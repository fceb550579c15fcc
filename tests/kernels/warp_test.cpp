#include "kernels/warp.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "tests/kernels/problem.hpp"

namespace alignment::kernels::testing {
namespace {

/// The smallest sum of costs over all paths, by walking every one of them.
double brute_force(const std::vector<double>& cost, std::int64_t steps, std::int64_t length, bool diagonal) {
  const std::function<double(std::int64_t, std::int64_t)> rest = [&](std::int64_t i, std::int64_t j) {
    const double here = cost[static_cast<std::size_t>(i * length + j)];
    if (i == steps - 1 && j == length - 1) return here;
    double best = std::numeric_limits<double>::infinity();
    if (i + 1 < steps) best = std::min(best, rest(i + 1, j));
    if (j + 1 < length) best = std::min(best, rest(i, j + 1));
    if (diagonal && i + 1 < steps && j + 1 < length) best = std::min(best, rest(i + 1, j + 1));
    return here + best;
  };
  return rest(0, 0);
}

/// Sum of costs along the path of these breakpoints; checks that it is a path.
double cost_along(const std::vector<double>& cost, const std::int32_t* breakpoints, std::int64_t steps,
                  std::int64_t length) {
  double sum = 0;
  std::int64_t previous_last = 0;
  for (std::int64_t i = 0; i < steps; ++i) {
    const auto [first, last] = row_columns(breakpoints, i, steps, length);
    EXPECT_LE(first, last);
    EXPECT_LT(last, length);
    EXPECT_TRUE(first == previous_last || (i > 0 && first == previous_last + 1));
    for (std::int64_t j = first; j <= last; ++j) sum += cost[static_cast<std::size_t>(i * length + j)];
    previous_last = last;
  }
  EXPECT_EQ(previous_last, length - 1);
  return sum;
}

TEST(Warp, TwoByThreeByHand) {
  const std::vector<double> cost{1, 1, 9,   // row 0
                                 9, 1, 1};  // row 1
  std::int32_t breakpoint = -7;
  EXPECT_EQ(reference::warp(cost.data(), 2, 3, false, &breakpoint), 1 + 1 + 1 + 1);
  EXPECT_EQ(breakpoint, 1);
  EXPECT_EQ(reference::warp(cost.data(), 2, 3, true, &breakpoint), 1 + 1 + 1);
  EXPECT_EQ(breakpoint, ~1);  // (0,0) (0,1) (1,2): as cheap as (0,0) (1,1) (1,2), and a tie goes to the diagonal
}

TEST(Warp, ReferenceFindsTheCheapestOfAllPaths) {
  std::mt19937 generator(3);
  std::uniform_int_distribution<int> draw(0, 6);
  for (std::int64_t steps = 1; steps <= 5; ++steps) {
    for (std::int64_t length = 1; length <= 6; ++length) {
      for (const bool diagonal : {false, true}) {
        std::vector<double> cost(static_cast<std::size_t>(steps * length));
        for (double& value : cost) value = draw(generator);
        std::vector<std::int32_t> breakpoints(static_cast<std::size_t>(steps));
        const double found = reference::warp(cost.data(), steps, length, diagonal, breakpoints.data());
        EXPECT_EQ(found, brute_force(cost, steps, length, diagonal)) << steps << "x" << length;
        EXPECT_EQ(found, cost_along(cost, breakpoints.data(), steps, length)) << steps << "x" << length;
      }
    }
  }
}

TEST(Warp, OnATieTheStepAlongTheSampleWinsWalkingBack) {
  const std::vector<double> zeros(12, 0.0);  // K = 3, T = 4, every path costs nothing
  std::int32_t breakpoints[2];
  reference::warp(zeros.data(), 3, 4, false, breakpoints);
  EXPECT_EQ(breakpoints[0], 0);  // back along row 2 to column 0, then up
  EXPECT_EQ(breakpoints[1], 0);
}

TEST(Warp, WithTheDiagonalATieGoesToTheDiagonal) {
  const std::vector<double> zeros(12, 0.0);
  std::int32_t breakpoints[2];
  reference::warp(zeros.data(), 3, 4, true, breakpoints);
  EXPECT_EQ(breakpoints[1], ~2);  // (2,3) from (1,2)
  EXPECT_EQ(breakpoints[0], ~1);  // (1,2) from (0,1)
}

TEST(Warp, WithTheDiagonalTheCentroidStepNeedsToBeStrictlySmallerThanBoth) {
  // At (1,1): above = D(0,1), left = D(1,0), corner = D(0,0) = 0. Costs may be negative here to make every order
  // possible.
  const auto last_step = [](double above, double left) {
    const std::vector<double> cost{0, above, left, 0};  // D(0,1) = above, D(1,0) = left
    std::int32_t breakpoint;
    reference::warp(cost.data(), 2, 2, true, &breakpoint);
    return breakpoint;
  };
  EXPECT_EQ(last_step(-2, -1), 1);  // from the row above, in column 1
  EXPECT_EQ(last_step(-1, -1), 0);  // tie of above and left, both below the corner: from the left, then up in column 0
  EXPECT_EQ(last_step(-1, -2), 0);  // from the left
  EXPECT_EQ(last_step(0, 0), ~0);   // all tie: the corner
  EXPECT_EQ(last_step(0, 1), ~0);   // above ties with the corner: the corner
}

TEST(SearchPaths, EveryVariantEqualsTheReferenceOnIntegers) {
  for (const Shape& shape : shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kIntegers);
    for (const bool diagonal : {false, true}) {
      const std::vector<std::int32_t> expected = problem.paths(diagonal);
      std::vector<std::int32_t> paths(expected.size());
      std::vector<double> smallest(static_cast<std::size_t>(problem.pair_count())), distances(smallest.size());
      reference::search_paths(problem.parameters(), problem.samples(), diagonal, paths.data(), smallest.data());
      for_each_variant([&](const Variant& variant) {
        for (const int threads : {1, 3}) {
          std::fill(distances.begin(), distances.end(), std::nan(""));
          EXPECT_EQ(paths_by(problem, diagonal, threads, variant, distances.data()), expected)
              << variant.name << " " << to_string(shape) << " diagonal " << diagonal << " threads " << threads;
          EXPECT_EQ(distances, smallest) << variant.name << " " << to_string(shape);
          EXPECT_EQ(paths_by(problem, diagonal, threads, variant), expected) << variant.name;
        }
      });
    }
  }
}

TEST(SearchPaths, ManyTiesAreBrokenAsTheReferenceBreaksThem) {
  Problem<float> problem(19, 6, 4, {9, 1, 5, 20}, Numbers::kIntegers);
  // Repeated steps and few distinct values: most cells are reached at equal cost from both sides.
  for (float& value : problem.features()) value = std::isnan(value) ? value : std::copysign(1.0F, value);
  for (float& value : problem.centroids()) value = std::copysign(1.0F, value);
  for (float& value : problem.weights()) value = 1;
  for (const bool diagonal : {false, true}) {
    const std::vector<std::int32_t> expected = problem.paths(diagonal);
    for_each_variant([&](const Variant& variant) {
      EXPECT_EQ(paths_by(problem, diagonal, 1, variant), expected) << variant.name << " diagonal " << diagonal;
    });
  }
}

TEST(SearchPaths, OnRealsThePathFoundCostsWhatTheBestOneCosts) {
  for (const Shape& shape : shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kReals);
    for (const bool diagonal : {false, true}) {
      std::vector<std::int32_t> best_paths(static_cast<std::size_t>(problem.pair_count() * (shape.steps - 1)));
      std::vector<double> best(static_cast<std::size_t>(problem.pair_count())), found(best.size());
      reference::search_paths(problem.parameters(), problem.samples(), diagonal, best_paths.data(), best.data());
      for_each_variant([&](const Variant& variant) {
        std::vector<double> own(best.size());
        const std::vector<std::int32_t> paths = paths_by(problem, diagonal, 1, variant, own.data());
        reference::distances_along_paths(problem.parameters(), problem.samples(), paths.data(), found.data());
        // A near tie may be decided otherwise in f32, by as much as costs and sums along both paths can be off.
        const std::int64_t longest = *std::max_element(shape.lengths.begin(), shape.lengths.end());
        const double operations = static_cast<double>(2 + shape.feature_dim + shape.steps + longest);
        for (std::size_t pair = 0; pair < best.size(); ++pair) {
          EXPECT_NEAR(found[pair], best[pair], 2 * operations * kRoundoff * best[pair] + 1e-12 * best[pair])
              << variant.name << " " << to_string(shape);
          // A cost is one f32 sum of F terms of two roundings each; their sum along the path is in f64.
          const double cost_operations = static_cast<double>(2 + shape.feature_dim);
          EXPECT_NEAR(own[pair], found[pair], cost_operations * kRoundoff * found[pair]) << variant.name;
        }
      });
    }
  }
}

TEST(SearchPaths, IdenticalSequencesAlignWithoutCost) {
  Problem<float> problem(1, 7, 33, {7}, Numbers::kReals);
  std::copy_n(problem.features().begin() + 33, 7 * 33, problem.centroids().begin());
  std::vector<double> distance(1);
  const std::vector<std::int32_t> paths = paths_by(problem, true, 1, best_variant());
  reference::distances_along_paths(problem.parameters(), problem.samples(), paths.data(), distance.data());
  EXPECT_EQ(distance[0], 0);
}

}  // namespace
}  // namespace alignment::kernels::testing
