#include "src/dejavid/evaluation/path_statistics.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace alignment::dejavid {
namespace {

double share(const std::vector<std::int32_t>& breakpoints, std::int64_t length) {
  return largest_share_on_one_step(breakpoints, length);
}

TEST(PathStatistics, WithoutDiagonalsByHand) {
  // K = 4, T = 3. Rows cover columns 0, 0, 0..2, 2: three centroid steps meet step 0, two step 2.
  EXPECT_EQ(share({0, 0, 2}, 3), 0.75);
  // 0..1, 1..2, 2, 2: once 0, twice 1, three times 2.
  EXPECT_EQ(share({1, 2, 2}, 3), 0.75);
  // 0..1, 1, 1..2, 2: step 1 three times.
  EXPECT_EQ(share({1, 1, 2}, 3), 0.75);
  // 0..1, 1..2, 2..3, 3: each border twice.
  EXPECT_EQ(share({1, 2, 3}, 4), 0.5);
}

TEST(PathStatistics, WithDiagonalsByHand) {
  EXPECT_EQ(share({~0, ~1, ~2}, 4), 0.25);  // along the diagonal
  // 0, 1, 1, 2..3.
  EXPECT_EQ(share({~0, 1, ~1}, 4), 0.5);
  // 0..2, 3, 3, 3.
  EXPECT_EQ(share({~2, 3, 3}, 4), 0.75);
}

TEST(PathStatistics, OfOneStepEach) {
  EXPECT_EQ(share({}, 5), 1);         // K = 1 has nothing but that one
  EXPECT_EQ(share({0, 0, 0}, 1), 1);  // T = 1
  EXPECT_EQ(share({}, 1), 1);
}

TEST(PathStatistics, SumsCountHalvesFromHalfOn) {
  PathSums sums;
  for (const double largest : {0.25, 0.5, 0.75, 0.499}) sums.add(largest);
  EXPECT_EQ(sums.samples, 4);
  EXPECT_EQ(sums.halves, 2);
  EXPECT_EQ(sums.largest_shares, 0.25 + 0.5 + 0.75 + 0.499);
}

}  // namespace
}  // namespace alignment::dejavid
