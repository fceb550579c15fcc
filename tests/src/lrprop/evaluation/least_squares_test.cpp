#include "src/lrprop/evaluation/least_squares.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "src/lrprop/evaluation/embedding.hpp"
#include "tests/src/lrprop/evaluation/example_videos.hpp"

namespace alignment::lrprop {
namespace {

/// Solves a symmetric system in long double, by elimination.
std::vector<long double> solve(std::vector<std::vector<long double>> matrix, std::vector<long double> right) {
  const std::size_t size = right.size();
  for (std::size_t pivot = 0; pivot < size; ++pivot) {
    for (std::size_t row = pivot + 1; row < size; ++row) {
      const long double factor = matrix[row][pivot] / matrix[pivot][pivot];
      for (std::size_t c = pivot; c < size; ++c) matrix[row][c] -= factor * matrix[pivot][c];
      right[row] -= factor * right[pivot];
    }
  }
  for (std::size_t row = size; row-- > 0;) {
    for (std::size_t c = row + 1; c < size; ++c) right[row] -= matrix[row][c] * right[c];
    right[row] /= matrix[row][row];
  }
  return right;
}

/// Coefficients, then the intercept, by the normal equations.
std::vector<long double> normal_equations(const std::vector<double>& rows, std::size_t width,
                                          const std::vector<double>& targets) {
  std::vector<std::vector<long double>> matrix(width + 1, std::vector<long double>(width + 1));
  std::vector<long double> right(width + 1);
  for (std::size_t n = 0; n < targets.size(); ++n) {
    std::vector<long double> row(rows.begin() + static_cast<long>(n * width),
                                 rows.begin() + static_cast<long>((n + 1) * width));
    row.push_back(1);
    for (std::size_t a = 0; a <= width; ++a) {
      for (std::size_t b = 0; b <= width; ++b) matrix[a][b] += row[a] * row[b];
      right[a] += row[a] * static_cast<long double>(targets[n]);
    }
  }
  return solve(matrix, right);
}

TEST(LeastSquares, AsTheNormalEquationsOverManyBlocks) {
  ExampleVideos examples;
  examples.width = 7;
  std::vector<EmbeddedVideo> videos;
  examples.add(videos, io::Split::kTrain, 5, 700);  // more than three blocks
  const auto sequences = sequences_of(videos);
  const PooledFrames frames = pool(sequences);
  std::vector<double> rows(static_cast<std::size_t>(frames.count() * 7)), targets, second;
  frames.read(0, frames.count(), rows.data());
  std::normal_distribution<double> normal;
  for (std::int64_t n = 0; n < frames.count(); ++n) {
    targets.push_back(normal(examples.generator));
    targets.push_back(3 - targets.back() + rows[static_cast<std::size_t>(7 * n + 2)]);
    second.push_back(targets.back());
  }
  const LeastSquares regression(frames, targets, 2);
  const std::vector<long double> expected = normal_equations(rows, 7, second);
  const std::vector<double> predictions = regression.predict(frames);
  for (std::size_t e = 0; e < 7; ++e) {
    EXPECT_NEAR(regression.coefficients()[7 + e], static_cast<double>(expected[e]), 1e-12);
  }
  for (std::size_t n = 0; n < second.size(); n += 97) {
    long double prediction = expected[7];
    for (std::size_t e = 0; e < 7; ++e) prediction += expected[e] * static_cast<long double>(rows[7 * n + e]);
    EXPECT_NEAR(predictions[2 * n + 1], static_cast<double>(prediction), 1e-12);
  }
}

TEST(LeastSquares, OfEquallyGoodCoefficientsTheSmallest) {
  // Both features are the same: y = 2 x is 1 x + 1 x. A third is constant and gets nothing.
  const EmbeddedVideo video{"a", io::Split::kTrain, 0, 3, {0, 0, 9, 1, 1, 9, 2, 2, 9, 5, 5, 9}, {0, 0, 0, 0}, {}};
  const auto sequences = sequences_of({video});
  const LeastSquares regression(pool(sequences), {1, 3, 5, 11}, 1);
  EXPECT_NEAR(regression.coefficients()[0], 1, 1e-12);
  EXPECT_NEAR(regression.coefficients()[1], 1, 1e-12);
  EXPECT_EQ(regression.coefficients()[2], 0);
}

TEST(LeastSquares, WhatOnlyRoundingTellsApartCountsAsTheSame) {
  // The third feature is the sum of the others, which rounding blurs; targets with noise would follow the blur.
  ExampleVideos examples;
  PreciseVideo video{"a", io::Split::kTrain, 0, 3, {}, {}};
  std::vector<double> targets;
  std::normal_distribution<double> normal;
  for (int n = 0; n < 500; ++n) {
    const double x = normal(examples.generator), y = normal(examples.generator) / 3;
    video.rows.insert(video.rows.end(), {x, y, x + y});
    video.frame_labels.push_back(0);
    targets.push_back(x + y + normal(examples.generator));
  }
  const Sequence<double> sequence(video);
  PooledFrames frames;
  frames.add(sequence);
  const std::vector<double> coefficients = LeastSquares(frames, targets, 1).coefficients();
  // Of smallest norm: without a part along (1, 1, -1).
  EXPECT_NEAR(coefficients[0] + coefficients[1], coefficients[2], 1e-12);
}

TEST(LeastSquares, FewerFramesThanFeatures) {
  const EmbeddedVideo video{"a", io::Split::kTrain, 0, 4, {1, 0, 0, 0, 0, 2, 0, 0}, {0, 0}, {}};
  const auto sequences = sequences_of({video});
  const std::vector<double> predictions = LeastSquares(pool(sequences), {3, 7}, 1).predict(pool(sequences));
  EXPECT_NEAR(predictions[0], 3, 1e-12);
  EXPECT_NEAR(predictions[1], 7, 1e-12);
}

TEST(LeastSquares, IdenticalFramesGiveTheMean) {
  const auto sequences =
      sequences_of({line_video("a", io::Split::kTrain, std::vector<float>(7, 0.1F), std::vector<std::int32_t>(7))});
  const LeastSquares regression(pool(sequences), {1, 2, 3, 4, 5, 6, 7}, 1);
  EXPECT_EQ(regression.coefficients(), std::vector<double>{0});
  EXPECT_EQ(regression.predict(pool(sequences)), std::vector<double>(7, 4.0));
}

TEST(LeastSquares, OneFrameIsEnough) {
  const auto sequences = sequences_of({line_video("a", io::Split::kTrain, {3}, {0})});
  EXPECT_EQ(LeastSquares(pool(sequences), {0.5}, 1).predict(pool(sequences)), std::vector<double>{0.5});
}

}  // namespace
}  // namespace alignment::lrprop
