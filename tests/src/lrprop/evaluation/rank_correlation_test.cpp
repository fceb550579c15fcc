#include "src/lrprop/evaluation/rank_correlation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace alignment::lrprop {
namespace {

std::optional<double> tau_of(const std::vector<std::int64_t>& values) {
  std::vector<std::int64_t> scratch;
  return tau_b(values, scratch);
}

/// By looking at every pair.
std::optional<double> plain_tau(const std::vector<std::int64_t>& values) {
  std::int64_t excess = 0, pairs = 0, tied = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = i + 1; j < values.size(); ++j) {
      ++pairs;
      tied += values[i] == values[j] ? 1 : 0;
      excess += (values[j] > values[i] ? 1 : 0) - (values[j] < values[i] ? 1 : 0);
    }
  }
  if (tied == pairs) return std::nullopt;
  const double tau = static_cast<double>(excess) / std::sqrt(static_cast<double>(pairs)) /
                     std::sqrt(static_cast<double>(pairs - tied));
  return std::clamp(tau, -1.0, 1.0);
}

TEST(RankCorrelation, ByHand) {
  EXPECT_EQ(tau_of({0, 1, 2, 3}), 1);
  EXPECT_EQ(tau_of({3, 2, 1, 0}), -1);
  // Of six pairs one is discordant, one tied: 4 concordant.
  EXPECT_DOUBLE_EQ(*tau_of({1, 0, 2, 2}), 3 / std::sqrt(6.0) / std::sqrt(5.0));
  EXPECT_DOUBLE_EQ(*tau_of({5, 5, 9}), 2 / std::sqrt(3.0) / std::sqrt(2.0));
}

TEST(RankCorrelation, NothingWhereAllAreEqual) {
  EXPECT_EQ(tau_of({}), std::nullopt);
  EXPECT_EQ(tau_of({4}), std::nullopt);
  EXPECT_EQ(tau_of({4, 4}), std::nullopt);
  EXPECT_EQ(tau_of({4, 4, 4, 4, 4}), std::nullopt);
}

TEST(RankCorrelation, TwiceSlowerIsNotPerfect) {
  std::vector<std::int64_t> values;
  for (std::int64_t t = 0; t < 60; ++t) values.push_back(t / 2);
  EXPECT_NEAR(*tau_of(values), 0.9915, 5e-5);
}

TEST(RankCorrelation, AsPlainCounting) {
  std::mt19937 generator(3);
  for (int repeat = 0; repeat < 300; ++repeat) {
    std::vector<std::int64_t> values(generator() % 70);
    const std::uint32_t range = 1 + static_cast<std::uint32_t>(generator() % 40);
    for (std::int64_t& value : values) value = static_cast<std::int64_t>(generator() % range);
    EXPECT_EQ(tau_of(values), plain_tau(values));
  }
}

}  // namespace
}  // namespace alignment::lrprop
