#include "kernels/slope.hpp"

#include <gtest/gtest.h>

#include "tests/kernels/problem.hpp"

namespace alignment::kernels::testing {
namespace {

/// Around every length at which the window grows, and the shortest.
constexpr std::int64_t kLengths[] = {1, 2, 3, 11, 12, 13, 23, 24, 25, 35, 36, 37, 47, 48, 49, 59, 60, 61, 83, 84, 85};
constexpr std::int64_t kGuard = 5;  ///< numbers before and after an array

struct Slopes {
  std::vector<float> guarded;
  std::vector<float> numbers;
};

/// Slopes [T,2F] of the problem's samples, each between guards of a number that no slope is.
Slopes slopes_of(const Problem<float>& problem, std::int64_t sample) {
  const std::int64_t length = problem.samples().length(sample), feature_dim = problem.samples().feature_dim;
  Slopes slopes;
  slopes.guarded.assign(static_cast<std::size_t>(2 * length * feature_dim + 2 * kGuard), 1e30F);
  cpu::append_slopes(problem.samples().sample(sample), length, feature_dim, slopes.guarded.data() + kGuard);
  slopes.numbers.assign(slopes.guarded.begin() + kGuard, slopes.guarded.end() - kGuard);
  return slopes;
}

std::vector<double> reference_of(const Problem<float>& problem, std::int64_t sample) {
  const std::int64_t length = problem.samples().length(sample), feature_dim = problem.samples().feature_dim;
  const float* const rows = problem.samples().sample(sample);
  const std::vector<double> doubles(rows, rows + length * feature_dim);
  std::vector<double> slopes(2 * doubles.size(), std::nan(""));
  reference::append_slopes(doubles.data(), length, feature_dim, slopes.data());
  return slopes;
}

TEST(Slope, WindowIsATwentyFourthOfTheLengthRoundedHalvesUp) {
  for (const std::int64_t length : {1, 2, 11, 12, 24, 35}) EXPECT_EQ(slope_window(length), 1) << length;
  for (const std::int64_t length : {36, 48, 59}) EXPECT_EQ(slope_window(length), 2) << length;
  EXPECT_EQ(slope_window(60), 3);
  EXPECT_EQ(slope_window(240), 10);
  EXPECT_EQ(slope_window(251), 10);
  EXPECT_EQ(slope_window(252), 11);
}

TEST(Slope, ByHand) {
  const std::vector<float> rows{1, 10, 3, 20, 9, 0};  // T = 3, F = 2, w = 1
  std::vector<float> slopes(12);
  cpu::append_slopes(rows.data(), 3, 2, slopes.data());
  EXPECT_EQ(slopes, (std::vector<float>{1, 10, 1, 5, 3, 20, 4, -5, 9, 0, 3, -10}));
  cpu::append_slopes(rows.data(), 1, 2, slopes.data());  // a step alone does not change
  EXPECT_EQ((std::vector<float>{slopes.begin(), slopes.begin() + 4}), (std::vector<float>{1, 10, 0, 0}));
}

TEST(Slope, IsExactOnIntegersWhereTheWindowIsAPowerOfTwo) {
  for (const std::int64_t length : kLengths) {
    const std::int64_t window = slope_window(length);
    if ((window & (window - 1)) != 0) continue;
    for (const std::int64_t feature_dim : {1, 2, 17}) {
      const Problem<float> problem(1, 1, feature_dim, {length}, Numbers::kIntegers);
      const std::vector<float> found = slopes_of(problem, 0).numbers;
      const std::vector<double> expected = reference_of(problem, 0);
      for (std::size_t n = 0; n < expected.size(); ++n) {
        ASSERT_EQ(static_cast<double>(found[n]), expected[n]) << "T=" << length << " F=" << feature_dim << " at " << n;
      }
    }
  }
}

TEST(Slope, IsOneSubtractionAndOneDivisionOfF32) {
  for (const std::int64_t length : kLengths) {
    const Problem<float> problem(1, 1, 3, {length}, Numbers::kReals);
    const float* const rows = problem.samples().sample(0);
    const std::vector<float> found = slopes_of(problem, 0).numbers;
    const std::vector<double> exact = reference_of(problem, 0);
    const std::int64_t window = slope_window(length);
    for (std::int64_t t = 0; t < length; ++t) {
      for (std::int64_t f = 0; f < 3; ++f) {
        const std::int64_t after = std::min(t + window, length - 1), before = std::max(t - window, std::int64_t{0});
        volatile float rise = rows[after * 3 + f] - rows[before * 3 + f];
        const float slope = rise / static_cast<float>(2 * window);
        const auto at = static_cast<std::size_t>(6 * t + f);
        ASSERT_EQ(found[at], rows[t * 3 + f]);
        ASSERT_EQ(found[at + 3], slope) << "T=" << length << " t=" << t;
        // A rounding of the difference, and one of the quotient.
        ASSERT_NEAR(static_cast<double>(found[at + 3]), exact[at + 3], 2.01 * kRoundoff * std::abs(exact[at + 3]));
      }
    }
  }
}

/// The problem has NaN before its first and after its last row.
TEST(Slope, ReadsAndWritesItsOwnRowsAlone) {
  for (const std::int64_t length : kLengths) {
    const Problem<float> problem(1, 1, 4, {length}, Numbers::kReals);
    const Slopes slopes = slopes_of(problem, 0);
    for (const float value : slopes.numbers) ASSERT_LT(std::abs(value), 100) << "T=" << length;
    for (std::int64_t n = 0; n < kGuard; ++n) {
      ASSERT_EQ(slopes.guarded[static_cast<std::size_t>(n)], 1e30F);
      ASSERT_EQ(*(slopes.guarded.end() - 1 - n), 1e30F);
    }
  }
}

TEST(Slope, ANumberThatIsNotOneStaysInItsFeature) {
  std::vector<float> rows{1, 2, std::nanf(""), 4, 5, 6}, slopes(12);  // T = 3, F = 2: step 1 of feature 0
  cpu::append_slopes(rows.data(), 3, 2, slopes.data());
  for (std::size_t n = 0; n < slopes.size(); ++n) {
    const bool meets_it = n == 2 || n == 4 || n == 10;  // slopes at 0 and 2 look at step 1, and that at 1 does not
    EXPECT_EQ(std::isnan(slopes[n]), meets_it) << n;
  }
}

}  // namespace
}  // namespace alignment::kernels::testing
