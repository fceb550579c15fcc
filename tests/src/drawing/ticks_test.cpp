// Where an axis and a scale have numbers, and how they are spelt.
#include "src/drawing/ticks.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace alignment::drawing {
namespace {

TEST(Ticks, FramesAreMultiplesOfRoundNumbers) {
  EXPECT_EQ(frame_ticks(5, 10), (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(frame_ticks(1, 1), (std::vector<std::int64_t>{0}));
  EXPECT_EQ(frame_ticks(100, 6), (std::vector<std::int64_t>{0, 20, 40, 60, 80}));
  EXPECT_EQ(frame_ticks(5000, 4), (std::vector<std::int64_t>{0, 2000, 4000}));
  for (const std::int64_t most : {1, 2, 3, 7, 20}) {
    for (const std::int64_t count : {1, 2, 9, 10, 11, 99, 1001, 123456}) {
      const auto ticks = frame_ticks(count, most);
      EXPECT_LE(static_cast<std::int64_t>(ticks.size()), most);
      EXPECT_LT(ticks.back(), count);
    }
  }
}

TEST(Ticks, NumbersLieWithinTheScale) {
  EXPECT_EQ(number_ticks(0, 10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(number_ticks(3, 3, 5), (std::vector<double>{3}));
  for (const double high : {0.003, 1.0, 7.3, 123456.0}) {
    const auto ticks = number_ticks(high / 7, high, 6);
    EXPECT_GE(ticks.size(), 2U);
    EXPECT_LE(ticks.size(), 7U);
    EXPECT_GE(ticks.front(), high / 7 * (1 - 1e-6));
    EXPECT_LE(ticks.back(), high * (1 + 1e-6));
  }
}

TEST(Ticks, NumbersFurtherApartThanAStepAreNotWaitedFor) {
  for (const auto& [low, high] :
       {std::pair(1e16, 1e16 + 2), std::pair(-1e16 - 2, -1e16), std::pair(1e300, 1.0001e300), std::pair(0.0, 5e-324)}) {
    EXPECT_LE(number_ticks(low, high, 5).size(), 7U) << low;
  }
}

TEST(Ticks, NumbersAndSeconds) {
  EXPECT_EQ(number_text(0.5), "0.5");
  EXPECT_EQ(number_text(123456), "123456");
  EXPECT_EQ(number_text(9999.6), "10000");
  EXPECT_EQ(number_text(-2345678), "-2.346e+06");
  EXPECT_EQ(seconds_text(1.5), "1.50 s");
  EXPECT_EQ(seconds_text(61.25), "61.2 s");
}

}  // namespace
}  // namespace alignment::drawing
