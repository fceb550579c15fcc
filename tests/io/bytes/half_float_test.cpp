#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "io/bytes/half_float.hpp"

namespace alignment::io {
namespace {

/// By the definition of the format, not by bit tricks.
double value_by_definition(std::uint32_t half) {
  const int exponent = static_cast<int>(half >> 10U & 31U);
  const int mantissa = static_cast<int>(half & 1023U);
  const double sign = (half & 0x8000U) != 0 ? -1 : 1;
  if (exponent == 31)
    return mantissa == 0 ? sign * std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

TEST(HalfFloat, WidensEveryPattern) {
  for (std::uint32_t half = 0; half < 65536; ++half) {
    const double expected = value_by_definition(half);
    const float widened = widen_half(static_cast<std::uint16_t>(half));
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(widened)) << half;
    } else {
      ASSERT_EQ(static_cast<double>(widened), expected) << half;
      ASSERT_EQ(std::signbit(widened), std::signbit(expected)) << half;
    }
  }
}

TEST(HalfFloat, NarrowsBackEveryPattern) {
  for (std::uint32_t half = 0; half < 65536; ++half) {
    const auto given = static_cast<std::uint16_t>(half);
    if (std::isnan(widen_half(given))) continue;
    ASSERT_EQ(narrow_to_half(widen_half(given)), given);
  }
}

/// Between two neighbours the nearer one wins, and halfway the even one.
TEST(HalfFloat, RoundsToNearestEven) {
  for (std::uint32_t half = 0; half < 0x7BFF; ++half) {
    const double low = value_by_definition(half), high = value_by_definition(half + 1);
    const auto middle = static_cast<float>((low + high) / 2);  // exact: one more bit than a half has
    const auto even = static_cast<std::uint16_t>(half % 2 == 0 ? half : half + 1);
    ASSERT_EQ(narrow_to_half(middle), even) << half;
    ASSERT_EQ(narrow_to_half(std::nextafter(middle, 0.0F)), half) << half;
    ASSERT_EQ(narrow_to_half(std::nextafter(middle, 1e9F)), half + 1) << half;
    ASSERT_EQ(narrow_to_half(-middle), even | 0x8000U) << half;
  }
}

TEST(HalfFloat, OverflowsWhereRoundingSaysSo) {
  EXPECT_EQ(narrow_to_half(65519.996F), 0x7BFF);
  EXPECT_EQ(narrow_to_half(65520.0F), 0x7C00);
  EXPECT_EQ(narrow_to_half(3e38F), 0x7C00);
  EXPECT_EQ(narrow_to_half(-std::numeric_limits<float>::infinity()), 0xFC00);
  EXPECT_TRUE(std::isnan(widen_half(narrow_to_half(std::nanf("")))));
  EXPECT_EQ(narrow_to_half(1e-30F), 0);
}

}  // namespace
}  // namespace alignment::io
