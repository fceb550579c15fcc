#include "src/encoding/encoders/motion.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>
#include <random>
#include <thread>

namespace alignment::encoding {
namespace {

constexpr int kFrames = 16, kSize = 96, kGrid = 4;
constexpr std::size_t kWindowBytes = std::size_t{kFrames} * kSize * kSize * 3, kFeatures = 144;

using Window = std::vector<std::uint8_t>;

std::size_t place(int t, int y, int x, int c) {
  return static_cast<std::size_t>(((t * kSize + y) * kSize + x) * 3 + c);
}

/// The formula of docs/reference/encoders.md, pixel by pixel in f64, a cell at a time.
std::vector<double> expected_row(const Window& window) {
  std::vector<double> row(kFeatures);
  const auto level = [&](int t, int y, int x, int c) { return static_cast<double>(window[place(t, y, x, c)]); };
  const auto luma = [&](int t, int y, int x) {
    return std::floor((77 * level(t, y, x, 0) + 150 * level(t, y, x, 1) + 29 * level(t, y, x, 2) + 128) / 256);
  };
  const auto root = [](double value) { return std::copysign(std::sqrt(std::abs(value)), value); };
  for (int cell = 0; cell < kGrid * kGrid; ++cell) {
    const int top = cell / kGrid * 24, left = cell % kGrid * 24;
    const auto over_cell = [&](const std::function<void(int, int)>& visit) {
      for (int y = top; y < top + 24; ++y) {
        for (int x = left; x < left + 24; ++x) visit(y, x);
      }
    };
    for (int c = 0; c < 3; ++c) {
      double all = 0, first = 0, last = 0;
      over_cell([&](int y, int x) {
        for (int t = 0; t < kFrames; ++t) all += level(t, y, x, c) / (24 * 24 * kFrames);
        for (int t = 0; t < 4; ++t) first += level(t, y, x, c) / (24 * 24 * 4);
        for (int t = 12; t < 16; ++t) last += level(t, y, x, c) / (24 * 24 * 4);
      });
      row[static_cast<std::size_t>(cell * 3 + c)] = (all - 127.5) / 127.5;
      row[static_cast<std::size_t>(64 + cell * 3 + c)] = root((last - first) / 255);
    }
    double change = 0, along = 0, down = 0, energy_along = 0, energy_down = 0;
    over_cell([&](int y, int x) {
      for (int t = 0; t + 1 < kFrames; ++t) {
        const double difference = luma(t + 1, y, x) - luma(t, y, x);
        change += std::abs(difference) / (24 * 24 * 15) / 255;
        if (y == 0 || x == 0 || y == kSize - 1 || x == kSize - 1) continue;
        const double slope_x = luma(t, y, x + 1) - luma(t, y, x - 1) + luma(t + 1, y, x + 1) - luma(t + 1, y, x - 1);
        const double slope_y = luma(t, y + 1, x) - luma(t, y - 1, x) + luma(t + 1, y + 1, x) - luma(t + 1, y - 1, x);
        const double time = 4 * difference;
        along += time * slope_x;
        down += time * slope_y;
        energy_along += time * time + slope_x * slope_x + 64;
        energy_down += time * time + slope_y * slope_y + 64;
      }
    });
    row[static_cast<std::size_t>(48 + cell)] = std::sqrt(change);
    row[static_cast<std::size_t>(112 + cell * 2)] = -2 * along / energy_along;
    row[static_cast<std::size_t>(112 + cell * 2 + 1)] = -2 * down / energy_down;
  }
  return row;
}

std::vector<float> encoded(const MotionEncoder& encoder, const Window& windows) {
  const auto batch = static_cast<std::int64_t>(windows.size() / kWindowBytes);
  std::vector<float> rows(static_cast<std::size_t>(batch) * kFeatures);
  encoder.encode(windows, batch, rows);
  return rows;
}

Window noise(unsigned seed, std::size_t windows) {
  std::mt19937 random(seed);
  Window window(kWindowBytes * windows);
  for (std::uint8_t& level : window) level = static_cast<std::uint8_t>(random());
  return window;
}

/// A soft spot on grey that moves by `speed` pixels a frame.
Window moving_spot(double speed_x, double speed_y) {
  Window window(kWindowBytes);
  for (int t = 0; t < kFrames; ++t) {
    for (int y = 0; y < kSize; ++y) {
      for (int x = 0; x < kSize; ++x) {
        const double dx = x - 48 - speed_x * (t - 7.5), dy = y - 48 - speed_y * (t - 7.5);
        const auto level = static_cast<std::uint8_t>(60 + 150 * std::exp(-(dx * dx + dy * dy) / 72));
        for (int c = 0; c < 3; ++c) window[place(t, y, x, c)] = level;
      }
    }
  }
  return window;
}

TEST(MotionEncoder, DescribesItself) {
  const EncoderDescription description = MotionEncoder().description();
  EXPECT_EQ(description.name, "motion");
  EXPECT_EQ(description.kind, EncoderKind::kClip);
  EXPECT_EQ(description.frames, kFrames);
  EXPECT_EQ(description.size, kSize);
  EXPECT_EQ(description.features, static_cast<std::int64_t>(kFeatures));
  EXPECT_EQ(description.logits, 0);
  EXPECT_EQ(description.digest.size(), 64U);
}

TEST(MotionEncoder, ComputesTheFormula) {
  const MotionEncoder encoder;
  Window black(kWindowBytes, 0), white(kWindowBytes, 255);
  for (const Window& window : {noise(1, 1), moving_spot(1, 0), moving_spot(-0.5, 2), black, white}) {
    const std::vector<double> expected = expected_row(window);
    const std::vector<float> row = encoded(encoder, window);
    for (std::size_t f = 0; f < kFeatures; ++f) {
      // The sums are exact: what is left is the rounding of the reference's and to f32, and its square root's.
      ASSERT_NEAR(row[f], expected[f], 1e-6) << f;
      ASSERT_LE(std::abs(row[f]), 1.0F) << f;
    }
  }
}

TEST(MotionEncoder, GivesTheSameBitsInAnyBatchAndThread) {
  const MotionEncoder encoder;
  const Window windows = noise(2, 3);
  const std::vector<float> together = encoded(encoder, windows);
  std::vector<std::vector<float>> rows(3);
  {
    std::vector<std::jthread> threads;
    for (std::size_t n = 0; n < rows.size(); ++n) {
      threads.emplace_back([&, n] {
        const auto begin = windows.begin() + static_cast<std::ptrdiff_t>(n * kWindowBytes);
        rows[n] = encoded(encoder, Window(begin, begin + kWindowBytes));
      });
    }
  }
  for (std::size_t n = 0; n < rows.size(); ++n) {
    EXPECT_TRUE(
        std::equal(rows[n].begin(), rows[n].end(), together.begin() + static_cast<std::ptrdiff_t>(n * kFeatures)));
  }
}

// Numbers that were computed on an x86-64 with this formula: another machine, compiler or optimisation must give these
// bits.
TEST(MotionEncoder, GivesTheseBits) {
  std::uint64_t digest = 14695981039346656037ULL;
  for (const float value : encoded(MotionEncoder(), noise(3, 1))) {
    digest = (digest ^ std::bit_cast<std::uint32_t>(value)) * 1099511628211ULL;  // FNV-1a, a word at a time
  }
  EXPECT_EQ(digest, 11601755218161814772ULL);
}

TEST(MotionEncoder, TellsWhichWayThingsMove) {
  const MotionEncoder encoder;
  struct Case {
    double x, y;
  };
  for (const Case& speed : {Case{0.7, 0}, Case{-0.7, 0}, Case{0, 0.7}, Case{0, -0.7}}) {
    const std::vector<float> row = encoded(encoder, moving_spot(speed.x, speed.y));
    for (const std::size_t cell : {5U, 6U, 9U, 10U}) {  // about the middle
      const float along = row[112 + 2 * cell], down = row[112 + 2 * cell + 1];
      EXPECT_GT(speed.x * along + speed.y * down, 0.1) << speed.x << " " << speed.y << " " << cell;
    }
  }
}

// Played backwards a window has the same colours and changes, and the opposite trend and direction: an average over a
// video that opens and closes a thing loses the order, its rows have it.
TEST(MotionEncoder, TellsForwardsFromBackwards) {
  const MotionEncoder encoder;
  const Window forwards = moving_spot(0.9, 0.4);
  Window backwards;
  for (int t = kFrames - 1; t >= 0; --t) {
    backwards.insert(backwards.end(), forwards.begin() + static_cast<std::ptrdiff_t>(place(t, 0, 0, 0)),
                     forwards.begin() + static_cast<std::ptrdiff_t>(place(t, 0, 0, 0) + kWindowBytes / kFrames));
  }
  const std::vector<float> one = encoded(encoder, forwards), other = encoded(encoder, backwards);
  for (std::size_t f = 0; f < 64; ++f) EXPECT_EQ(one[f], other[f]) << f;
  for (std::size_t f = 64; f < kFeatures; ++f) EXPECT_EQ(one[f], -other[f]) << f;
}

}  // namespace
}  // namespace alignment::encoding
