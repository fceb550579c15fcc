#include "io/formats/synthetic/random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace alignment::io {
namespace {

TEST(Random, DependsOnEveryPartOfTheKeyAndOnNothingElse) {
  EXPECT_EQ(KeyedRandom(1, 2, 3).bits(), KeyedRandom(1, 2, 3).bits());
  const std::uint64_t base = KeyedRandom(1, 2, 3).bits();
  EXPECT_NE(base, KeyedRandom(2, 2, 3).bits());
  EXPECT_NE(base, KeyedRandom(1, 3, 3).bits());
  EXPECT_NE(base, KeyedRandom(1, 2, 4).bits());
  EXPECT_NE(base, KeyedRandom(1, 3, 2).bits());
}

/// Counts in bins of known probability against their expectation: with a million draws a bin's deviation is below
/// sqrt(n p) <= 500, so 5 deviations are a chance of one in a million and the seed is fixed anyway.
TEST(Random, GaussianHasTheShapeOfTheNormalDistribution) {
  constexpr int kDraws = 1'000'000, kBins = 40;
  std::array<int, kBins> counts{};
  KeyedRandom random(7, 0);
  double sum = 0, squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = static_cast<double>(random.gaussian());
    sum += value;
    squares += value * value;
    const double bin = std::floor((value + 5) * 4);
    if (bin >= 0 && bin < kBins) {
      ++counts[static_cast<std::size_t>(bin)];
    }
  }
  EXPECT_NEAR(sum / kDraws, 0, 5e-3);
  EXPECT_NEAR(squares / kDraws, 1, 5 * std::sqrt(2.0 / kDraws));
  const auto below = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    const double lower = static_cast<double>(bin) / 4 - 5;
    const double expected = kDraws * (below(lower + 0.25) - below(lower));
    EXPECT_NEAR(counts[bin], expected, 5 * std::sqrt(expected + 1)) << "from " << lower;
  }
}

TEST(Random, BelowIsEven) {
  std::array<int, 7> counts{};
  KeyedRandom random(3, 1);
  for (int i = 0; i < 70'000; ++i) {
    ++counts.at(random.below(7));
  }
  for (const int count : counts) {
    EXPECT_NEAR(count, 10'000, 500);
  }
}

}  // namespace
}  // namespace alignment::io
