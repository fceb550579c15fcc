// Matrices reduced to what is drawn.
#include "src/drawing/matrix.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace alignment::drawing {
namespace {

TEST(BlockMeans, SmallMatricesStay) {
  const std::vector<double> values{1, 2, 3, 4, 5, 6};
  const Matrix same = block_means(values, 2, 3, 3);
  EXPECT_EQ(same.rows, 2);
  EXPECT_EQ(same.columns, 3);
  EXPECT_EQ(same.values, values);
}

TEST(BlockMeans, CellsAreMeansOfBlocks) {
  std::vector<double> values(4 * 6);
  std::iota(values.begin(), values.end(), 0.0);
  const Matrix reduced = block_means(values, 4, 6, 2);
  EXPECT_EQ(reduced.values, (std::vector<double>{4, 7, 16, 19}));
}

TEST(BlockMeans, BlocksAreAsEvenAsTheyCanBe) {
  const std::vector<double> values{0, 1, 2, 3, 4, 5, 6};  // blocks of 2, 2 and 3
  EXPECT_EQ(block_means(values, 1, 7, 3).values, (std::vector<double>{0.5, 2.5, 5}));
}

TEST(BlockMeans, WhatIsNoNumberDoesNotCount) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const Matrix reduced = block_means(std::vector<double>{nan, 3, infinity, nan}, 1, 4, 2);
  EXPECT_EQ(reduced.values[0], 3);
  EXPECT_TRUE(std::isnan(reduced.values[1]));
  const Limits limits = limits_of(std::vector<double>{nan, 3, -1, infinity});
  EXPECT_EQ(limits.low, -1);
  EXPECT_EQ(limits.high, 3);
}

TEST(StrongestColumns, TheNumberFurthestFromZeroStands) {
  const std::vector<float> values{1, -3, 2, 0, 5, -5, 1,    //
                                  0, 0,  0, 1, 0, 0,  -2};  // blocks of 2, 2 and 3
  const Matrix reduced = strongest_columns(values, 2, 7, 3);
  EXPECT_EQ(reduced.values, (std::vector<double>{-3, 2, 5, 0, 1, -2}));
  EXPECT_EQ(strongest_columns(values, 2, 7, 7).values, std::vector<double>(values.begin(), values.end()));
}

TEST(MagnitudeQuantile, SignsDoNotCount) {
  std::vector<double> values;
  for (int n = 0; n <= 200; ++n) values.push_back(n % 2 == 0 ? n : -n);
  EXPECT_EQ(magnitude_quantile(values, 0.995), 199);
  EXPECT_EQ(magnitude_quantile(values, 1), 200);
  EXPECT_EQ(magnitude_quantile({}, 0.995), 0);
}

}  // namespace
}  // namespace alignment::drawing
