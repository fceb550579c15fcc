// Which epoch is the best.
#include "src/training/scores.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace alignment {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

ScoreNames names_with(const std::string& smallest_of_equals) {
  return {{{"loss", "loss"}}, {{"loss", "loss"}, {"top1", "top-1"}}, "top1", "val", "samples", smallest_of_equals};
}

TEST(Scores, TheLargerCriterionIsBetterWhateverElse) {
  const ScoreNames names = names_with("loss");
  EXPECT_TRUE(is_better(names, {2.0, 0.9}, {1.0, 0.8}));
  EXPECT_FALSE(is_better(names, {1.0, 0.8}, {2.0, 0.9}));
}

TEST(Scores, OfEquallyGoodEpochsTheSmallerLossCounts) {
  const ScoreNames names = names_with("loss");
  EXPECT_TRUE(is_better(names, {0.15, 1.0}, {0.19, 1.0}));
  EXPECT_FALSE(is_better(names, {0.19, 1.0}, {0.15, 1.0}));
  EXPECT_FALSE(is_better(names, {0.15, 1.0}, {0.15, 1.0}));
}

TEST(Scores, WhereNothingDecidesTheEarlierCounts) {
  EXPECT_FALSE(is_better(names_with(""), {0.15, 1.0}, {0.19, 1.0}));
}

TEST(Scores, ANumberIsBetterThanNone) {
  const ScoreNames names = names_with("loss");
  EXPECT_TRUE(is_better(names, {0.5, 0.1}, {0.1, kNothing}));
  EXPECT_FALSE(is_better(names, {0.1, kNothing}, {0.5, 0.1}));
  EXPECT_FALSE(is_better(names, {0.1, kNothing}, {0.5, kNothing}));
}

}  // namespace
}  // namespace alignment
