#include "dist/rank_order.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace alignment::dist::detail {
namespace {

std::vector<double> combined(const std::vector<double>& parts, std::size_t count, Reduction reduction) {
  std::vector<double> result(count, -7.0);
  combine_in_rank_order(std::span<double>(result), std::span<const double>(parts), reduction);
  return result;
}

TEST(CombineInRankOrder, AddsFromTheFirstRankOn) {
  // 1e16 + 1 - 1e16: only ((1e16 + 1) - 1e16) gives 0, other orders give 1.
  EXPECT_EQ(combined({1e16, 1.0, -1e16}, 1, Reduction::kSum), std::vector<double>{0.0});
  EXPECT_EQ(combined({1e16, -1e16, 1.0}, 1, Reduction::kSum), std::vector<double>{1.0});
}

TEST(CombineInRankOrder, TakesPartsRowByRow) {
  const std::vector<double> parts{1, 8, 3, /**/ 4, 5, 9, /**/ 7, 2, 6};
  EXPECT_EQ(combined(parts, 3, Reduction::kSum), (std::vector<double>{12, 15, 18}));
  EXPECT_EQ(combined(parts, 3, Reduction::kMin), (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(combined(parts, 3, Reduction::kMax), (std::vector<double>{7, 8, 9}));
}

TEST(CombineInRankOrder, NothingToCombine) {
  EXPECT_TRUE(combined({}, 0, Reduction::kSum).empty());
}

TEST(Combine, KeepsNotANumber) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const Reduction reduction : {Reduction::kSum, Reduction::kMin, Reduction::kMax}) {
    EXPECT_TRUE(std::isnan(combine(nan, 1.0, reduction)));
    EXPECT_TRUE(std::isnan(combine(1.0, nan, reduction)));
  }
}

}  // namespace
}  // namespace alignment::dist::detail
