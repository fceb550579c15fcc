#include "src/lrprop/evaluation/logistic_regression.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/src/lrprop/evaluation/example_videos.hpp"

namespace alignment::lrprop {
namespace {

const StopFlag kGoOn = false;

/// Bisection for the root of a falling function.
template <typename Function>
double root_of(double low, double high, Function&& function) {
  for (int n = 0; n < 200; ++n) {
    const double middle = (low + high) / 2;
    (function(middle) > 0 ? low : high) = middle;
  }
  return low;
}

TEST(LogisticRegression, TwoFramesByHand) {
  // Frames -1 and 1 of phases 0 and 1. By symmetry W = (-w, w) and b = 0; p = 1 / (1 + exp(-2 w)) of the right phase;
  // the objective 2 log(1 + exp(-2 w)) + w^2 falls until 4 (1 - p) = 2 w.
  const auto sequences = sequences_of({line_video("a", io::Split::kTrain, {-1, 1}, {0, 1})});
  const LogisticRegression regression(pool(sequences), kGoOn);
  const double w = root_of(0, 10, [](double x) { return 4 * (1 - 1 / (1 + std::exp(-2 * x))) - 2 * x; });
  EXPECT_NEAR(regression.weights()[0], -w, 1e-8);
  EXPECT_NEAR(regression.weights()[1], w, 1e-8);
  EXPECT_EQ(regression.predict(pool(sequences)), (std::vector<std::int32_t>{0, 1}));
}

TEST(LogisticRegression, TheInterceptIsNotPenalised) {
  // The frames say nothing: three of four are of phase 1, however far they lie from 0.
  const auto sequences = sequences_of({line_video("a", io::Split::kTrain, {50, 50, 50, 50}, {1, 0, 1, 1})});
  const LogisticRegression regression(pool(sequences), kGoOn);
  EXPECT_NEAR(regression.weights()[0], 0, 1e-8);
  EXPECT_EQ(regression.predict(pool(sequences)), (std::vector<std::int32_t>{1, 1, 1, 1}));
}

/// The gradient of the mean objective at W, with the intercepts that make the phases as frequent as they are: at the
/// minimum it is 0. W is all that weights() tells.
double largest_gradient(const PooledFrames& frames, const std::vector<double>& weights) {
  const auto width = static_cast<std::size_t>(frames.width()), count = static_cast<std::size_t>(frames.count());
  const std::size_t classes = weights.size() / width;
  std::vector<double> rows(count * width), intercepts(classes);
  frames.read(0, frames.count(), rows.data());
  std::vector<double> gradient;
  for (int repeat = 0; repeat < 3000; ++repeat) {  // intercepts by iterative scaling
    gradient = weights;
    std::vector<double> expected(classes), observed(classes);
    for (std::size_t n = 0; n < count; ++n) {
      std::vector<double> p(classes);
      double sum = 0;
      for (std::size_t c = 0; c < classes; ++c) {
        double logit = intercepts[c];
        for (std::size_t e = 0; e < width; ++e) logit += weights[c * width + e] * rows[n * width + e];
        sum += p[c] = std::exp(logit);
      }
      for (std::size_t c = 0; c < classes; ++c) {
        const double own = frames.labels()[n] == static_cast<std::int32_t>(c) ? 1 : 0;
        expected[c] += p[c] / sum;
        observed[c] += own;
        for (std::size_t e = 0; e < width; ++e) gradient[c * width + e] += (p[c] / sum - own) * rows[n * width + e];
      }
    }
    for (std::size_t c = 0; c < classes; ++c) intercepts[c] += std::log(observed[c] / expected[c]);
  }
  double largest = 0;
  for (const double one : gradient) largest = std::max(largest, std::abs(one) / static_cast<double>(count));
  return largest;
}

TEST(LogisticRegression, EndsInTheMinimum) {
  for (const std::int32_t phases : {2, 4}) {
    ExampleVideos examples;
    examples.phases = phases;
    examples.width = 3;
    std::vector<EmbeddedVideo> videos;
    examples.add(videos, io::Split::kTrain, 2, 40);
    for (EmbeddedVideo& video : videos) {
      for (std::size_t n = 0; n < video.rows.size(); n += 3)
        video.rows[n] = 10 * video.rows[n] + 3;  // of its own scale
    }
    const auto sequences = sequences_of(videos);
    const LogisticRegression regression(pool(sequences), kGoOn);
    EXPECT_LT(largest_gradient(pool(sequences), regression.weights()), 1e-7) << phases;
    EXPECT_LT(regression.gradient(), 1e-7);
    const auto right = count_right(pool(sequences), regression.predict(pool(sequences)));
    EXPECT_GT(static_cast<double>(right) / static_cast<double>(pool(sequences).count()), 0.6);
  }
}

TEST(LogisticRegression, ASinglePhaseIsPredicted) {
  const auto sequences = sequences_of({line_video("a", io::Split::kTrain, {1, 2}, {3, 3})});
  EXPECT_EQ(LogisticRegression(pool(sequences), kGoOn).predict(pool(sequences)), (std::vector<std::int32_t>{3, 3}));
}

TEST(LogisticRegression, OfEquallyLikelyPhasesTheLowest) {
  const auto sequences = sequences_of({line_video("a", io::Split::kTrain, {1, 1}, {5, 2})});
  EXPECT_EQ(LogisticRegression(pool(sequences), kGoOn).predict(pool(sequences)), (std::vector<std::int32_t>{2, 2}));
}

TEST(LogisticRegression, CanBeStopped) {
  const auto sequences = sequences_of({line_video("a", io::Split::kTrain, {1, 2, 3}, {0, 1, 0})});
  const StopFlag stop = true;
  EXPECT_THROW(LogisticRegression(pool(sequences), stop), FitStopped);
}

}  // namespace
}  // namespace alignment::lrprop
