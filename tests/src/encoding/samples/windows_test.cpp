#include "src/encoding/samples/windows.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace alignment::encoding {
namespace {

using Frames = std::vector<std::int64_t>;

Frames window(const WindowPlan& plan, std::int64_t row, int of_row = 0) {
  const std::int64_t number = plan.window_of_row[static_cast<std::size_t>(row * plan.windows_of_a_row + of_row)];
  const auto first = plan.frame_of_window.begin() + number * plan.frames;
  return {first, first + plan.frames};
}

WindowRule multi(bool clamp = false) {
  WindowRule rule;
  rule.kind = WindowRule::Kind::kMulti;
  rule.clamp = clamp;
  return rule;
}

void expect_sound(const WindowPlan& plan, std::int64_t count, WindowRule::Kind kind = WindowRule::Kind::kFraction) {
  std::set<Frames> different;
  for (std::int64_t number = 0; number < plan.windows(); ++number) {
    const auto first = plan.frame_of_window.begin() + number * plan.frames;
    different.emplace(first, first + plan.frames);
  }
  EXPECT_EQ(static_cast<std::int64_t>(different.size()), plan.windows());
  ASSERT_EQ(std::ssize(plan.window_of_row), plan.rows() * plan.windows_of_a_row);
  for (const std::int64_t frame : plan.frame_of_window) {
    ASSERT_GE(frame, 0);
    ASSERT_LT(frame, count);
  }
  for (std::int64_t row = 0; row < plan.rows(); ++row) {
    const std::int64_t expected =
        kind == WindowRule::Kind::kMulti ? row : window(plan, row)[static_cast<std::size_t>(plan.frames / 2)];
    ASSERT_EQ(plan.middle_frame[static_cast<std::size_t>(row)], expected);
  }
}

TEST(Windows, OfAFractionAreSlicesOfOneGrid) {
  for (const std::int64_t n : {1, 2, 7, 15, 16, 40, 79, 80, 81, 89, 250, 300, 12'345}) {
    const WindowPlan plan = plan_windows({}, n);
    expect_sound(plan, n);
    ASSERT_EQ(plan.rows(), 33);
    for (std::int64_t i = 0; i < 33; ++i) {
      Frames expected;
      for (std::int64_t j = 0; j < 16; ++j) expected.push_back(n * (2 * i + j) / 80);
      ASSERT_EQ(window(plan, i), expected) << n << " " << i;
    }
  }
}

TEST(Windows, OfAFractionOfAShortVideoAreEncodedOnce) {
  EXPECT_EQ(plan_windows({}, 1).windows(), 1);
  EXPECT_EQ(plan_windows({}, 300).windows(), 33);
  EXPECT_EQ(window(plan_windows({}, 300), 32),
            (Frames{240, 243, 247, 251, 255, 258, 262, 266, 270, 273, 277, 281, 285, 288, 292, 296}));
}

TEST(Windows, OfAnyFractionFollowTheRationalNumbers) {
  // Divisors that do not divide each other: compared with fractions written out for the common denominator.
  for (const auto& [a, b, m] : {std::array{3, 7, 5}, std::array{4, 6, 1}, std::array{7, 3, 9}, std::array{1, 5, 4}}) {
    WindowRule rule;
    rule.width_divisor = a;
    rule.stride_divisor = b;
    rule.frames = m;
    for (const std::int64_t n : {1, 13, 100, 1001}) {
      const WindowPlan plan = plan_windows(rule, n);
      expect_sound(plan, n);
      // i/b + 1/a <= 1
      std::int64_t rows = 0;
      while (rows * a <= std::int64_t{a} * b - b) ++rows;
      ASSERT_EQ(plan.rows(), rows);
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < m; ++j) {
          // The largest f with f <= n(i/b + j/(am)).
          std::int64_t frame = 0;
          while ((frame + 1) * a * b * m <= n * (i * a * m + j * b)) ++frame;
          ASSERT_EQ(window(plan, i)[static_cast<std::size_t>(j)], frame);
        }
      }
    }
  }
  EXPECT_EQ(plan_windows({.width_divisor = 1, .stride_divisor = 5}, 100).rows(), 1);
}

TEST(Windows, OfAVideoWithoutAnEndInSightDoNotOverflow) {
  const std::int64_t n = INT64_MAX;
  const WindowPlan plan = plan_windows({}, n);
  EXPECT_EQ(window(plan, 0)[0], 0);
  // 79/80 of 2^63 - 1, by parts: (80 q + r) 79 / 80 = 79 q + 79 r / 80.
  EXPECT_EQ(window(plan, 32)[15], n / 80 * 79 + n % 80 * 79 / 80);
}

TEST(Windows, OfSeveralWidthsStayInside) {
  struct Count {
    std::int64_t frames, windows;
  };
  for (const auto& [n, windows] :
       {Count{1, 1}, Count{15, 1}, Count{16, 1}, Count{40, 35}, Count{89, 159}, Count{250, 642}}) {
    const WindowPlan plan = plan_windows(multi(), n);
    expect_sound(plan, n, WindowRule::Kind::kMulti);
    EXPECT_EQ(plan.rows(), n);
    EXPECT_EQ(plan.windows_of_a_row, 4);
    EXPECT_EQ(plan.windows(), windows) << n;
    const Frames widths{16, 32, 64, n};
    for (std::int64_t t = 0; t < n; ++t) {
      for (int w = 0; w < 4; ++w) {
        const std::int64_t extent = std::min(widths[static_cast<std::size_t>(w)], n);
        const std::int64_t start = std::max<std::int64_t>(0, std::min(t - extent / 2, n - extent));
        Frames expected;
        for (std::int64_t j = 0; j < 16; ++j) expected.push_back(start + j * extent / 16);
        ASSERT_EQ(window(plan, t, w), expected) << n << " " << t << " " << w;
      }
    }
  }
}

TEST(Windows, OfEqualFramesAreOneWhateverTheirWidths) {
  // 16 of 16 and 16 of 17 frames are the same ones; the 16 behind are not.
  EXPECT_EQ(plan_windows(multi(), 17).windows(), 2);
}

TEST(Windows, ThatLeaveTheVideoRepeatItsEnds) {
  const WindowPlan plan = plan_windows(multi(true), 250);
  expect_sound(plan, 250, WindowRule::Kind::kMulti);
  EXPECT_EQ(plan.windows(), 1000);
  EXPECT_EQ(window(plan, 0, 0), (Frames{0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(window(plan, 249, 1)[15], 249);
  EXPECT_EQ(window(plan, 249, 1)[0], 233);
  EXPECT_EQ(window(plan, 0, 3)[8], 0);
  EXPECT_EQ(window(plan, 0, 3)[15], 109);  // -125 + 15 * 250 / 16
  EXPECT_EQ(plan_windows(multi(true), 1).windows(), 1);
}

TEST(Windows, SayTheirRule) {
  EXPECT_EQ(to_text(WindowRule{}), "fraction a=5 b=40 m=16");
  EXPECT_EQ(to_text(multi()), "multi widths=16,32,64,video m=16 inside");
  EXPECT_EQ(to_text(multi(true)), "multi widths=16,32,64,video m=16 clamp");
}

}  // namespace
}  // namespace alignment::encoding
