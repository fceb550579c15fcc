#include "kernels/loss.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "tests/kernels/problem.hpp"

namespace alignment::kernels::testing {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

constexpr LossRule kNormalised{LogitNorm::kLayernorm}, kPlain{LogitNorm::kNone}, kLogarithms{LogitNorm::kLog, 8};
constexpr LossRule kRules[] = {kNormalised,
                               kPlain,
                               kLogarithms,
                               {LogitNorm::kLog, 0.5},
                               {LogitNorm::kLayernorm, 8, 0.1},
                               {LogitNorm::kNone, 8, 0.3},
                               {LogitNorm::kLog, 8, 0.1}};

std::string describe(const LossRule& rule) {
  const char* const names[] = {"layernorm", "none", "log"};
  return names[static_cast<std::size_t>(rule.norm)] +
         (" " + std::to_string(rule.scale) + " " + std::to_string(rule.smoothing));
}

struct Found {
  SampleLoss sample;
  std::vector<double> probabilities;
  std::vector<float> gradient;
};

/// The arrays lie between guards: distances of NaN, and numbers that must stay what they are.
Found loss_of(const std::vector<double>& distances, std::int32_t label, const LossRule& rule, double scale = 1) {
  constexpr std::size_t kGuard = 4;
  const std::size_t classes = distances.size();
  std::vector<double> guarded(classes + 2 * kGuard, std::nan("")), probabilities(guarded.size(), -7);
  std::vector<float> gradient(guarded.size(), -7);
  std::copy(distances.begin(), distances.end(), guarded.begin() + kGuard);
  const SampleLoss sample = cpu::sample_loss(guarded.data() + kGuard, static_cast<std::int64_t>(classes), label, rule,
                                             scale, probabilities.data() + kGuard, gradient.data() + kGuard);
  for (std::size_t k = 0; k < guarded.size(); ++k) {
    if (k >= kGuard && k < kGuard + classes) continue;
    EXPECT_EQ(probabilities[k], -7);
    EXPECT_EQ(gradient[k], -7);
  }
  const auto inner = [&](const auto& values) {
    return std::vector(values.data() + kGuard, values.data() + kGuard + classes);
  };
  return {sample, inner(probabilities), inner(gradient)};
}

TEST(Loss, ThreeClassesByHand) {
  // Distances 1, 2, 3: logits -1, -2, -3, mean -2, unbiased deviation 1, normalised 1, 0, -1.
  const double sum = std::exp(1.0) + 1 + std::exp(-1.0);
  for (const LossRule& rule : {kPlain, kNormalised}) {
    const Found found = loss_of({1, 2, 3}, 1, rule);
    EXPECT_NEAR(found.sample.loss, std::log(sum), 1e-15);
    EXPECT_EQ(found.sample.prediction, 0);
    EXPECT_NEAR(found.probabilities[0], std::exp(1.0) / sum, 1e-15);
    EXPECT_NEAR(found.probabilities[2], std::exp(-1.0) / sum, 1e-15);
  }
}

TEST(Loss, LogarithmsOfTwoClassesByHand) {
  // Logits -2 ln 1 = 0 and -2 ln 3: odds of 9 to 1.
  const Found found = loss_of({1, 3}, 1, {LogitNorm::kLog, 2});
  EXPECT_NEAR(found.sample.loss, std::log(10.0), 1e-15);
  EXPECT_NEAR(found.probabilities[0], 0.9, 1e-15);
  EXPECT_EQ(found.sample.prediction, 0);
  EXPECT_FLOAT_EQ(found.gradient[0], -2 * 0.9F / 1);
  EXPECT_FLOAT_EQ(found.gradient[1], 2 * 0.9F / 3);
}

TEST(Loss, SmoothedTargetsOfTwoClassesByHand) {
  // Odds of 9 to 1 for class 0; the target of class 1 is 0.8 + 0.1, that of class 0 is 0.1.
  const Found found = loss_of({1, 3}, 1, {LogitNorm::kLog, 2, 0.2});
  EXPECT_NEAR(found.sample.loss, 0.9 * std::log(10.0) + 0.1 * std::log(10.0 / 9), 1e-15);
  EXPECT_FLOAT_EQ(found.gradient[0], -2 * (0.9F - 0.1F) / 1);
  EXPECT_FLOAT_EQ(found.gradient[1], -2 * (0.1F - 0.9F) / 3);
}

TEST(Loss, LogarithmsDoNotSeeACommonFactor) {
  const std::vector<double> distances{3.5, 1.5, 2.25, 7, 4, 5, 6};
  for (const double factor : {1e-12, 1e9}) {
    std::vector<double> changed(distances);
    for (double& value : changed) value *= factor;
    const Found one = loss_of(distances, 3, kLogarithms), other = loss_of(changed, 3, kLogarithms);
    EXPECT_NEAR(one.sample.loss, other.sample.loss, 1e-12);
    for (std::size_t c = 0; c < distances.size(); ++c) {
      EXPECT_NEAR(one.gradient[c], other.gradient[c] * static_cast<float>(factor), 1e-6F * std::abs(one.gradient[c]));
    }
  }
}

/// A sample that lies on a centroid, and one that lies on all of them.
TEST(Loss, LogarithmsOfNothingAreLiftedToTheLeastThatCounts) {
  const Found nearest = loss_of({0, 3, 4}, 0, kLogarithms), wrong = loss_of({0, 3, 4}, 1, kLogarithms);
  EXPECT_NEAR(nearest.sample.loss, 0, 1e-40);
  EXPECT_NEAR(wrong.sample.loss, 8 * (std::log(3) - std::log(4e-6)), 1e-9);
  EXPECT_EQ(wrong.sample.prediction, 0);
  EXPECT_EQ(wrong.gradient[0], 0);
  EXPECT_FLOAT_EQ(wrong.gradient[1], 8.0F / 3);
  const Found all = loss_of({0, 0, 0, 0}, 2, kLogarithms);
  EXPECT_NEAR(all.sample.loss, std::log(4.0), 1e-15);
  for (const float value : all.gradient) EXPECT_EQ(value, 0);
}

TEST(Loss, EqualsTheReference) {
  std::mt19937 generator(6);
  for (const std::int64_t classes : {2, 3, 5, 16, 17, 400}) {
    for (const LossRule& rule : kRules) {
      for (const std::int64_t label : {std::int64_t{0}, classes / 2, classes - 1}) {
        const double scale = 1.0 / 48;
        std::vector<double> distances(static_cast<std::size_t>(classes)), gradient(distances.size());
        for (double& value : distances) value = std::uniform_real_distribution<double>(20, 50)(generator);
        const Found found = loss_of(distances, static_cast<std::int32_t>(label), rule, scale);
        const SampleLoss expected = reference::sample_loss(distances.data(), classes, static_cast<std::int32_t>(label),
                                                           rule, scale, gradient.data());
        // Sums of C numbers near 1, and logits below 64 in front of exp: f64 rounding stays far below these.
        EXPECT_NEAR(found.sample.loss, expected.loss, 1e-11) << "C=" << classes << " " << describe(rule);
        EXPECT_EQ(found.sample.prediction, expected.prediction);
        for (std::size_t c = 0; c < gradient.size(); ++c) {
          EXPECT_NEAR(static_cast<double>(found.gradient[c]), gradient[c],
                      kRoundoff * std::abs(gradient[c]) + 1e-12 * scale)
              << "C=" << classes << " " << describe(rule);
        }
      }
    }
  }
}

TEST(Loss, GradientIsTheDerivativeThroughTheNormalisation) {
  std::mt19937 generator(1);
  for (const LossRule& rule : kRules) {
    for (const std::size_t classes : {2U, 3U, 9U, 51U}) {
      std::vector<double> distances(classes);
      for (double& value : distances) value = std::normal_distribution<double>(50, 7)(generator);
      const auto label = static_cast<std::int32_t>(classes / 2);
      const std::vector<float> gradient = loss_of(distances, label, rule, 0.25).gradient;
      for (std::size_t c = 0; c < classes; ++c) {
        constexpr double kStep = 1e-4;
        std::vector<double> above(distances), below(distances);
        above[c] += kStep;
        below[c] -= kStep;
        const double difference = loss_of(above, label, rule).sample.loss - loss_of(below, label, rule).sample.loss;
        // Off by step^2/6 of a third derivative of order 1, and by the rounding of the gradient to f32.
        EXPECT_NEAR(static_cast<double>(gradient[c]), 0.25 * difference / (2 * kStep), 1e-8) << classes;
      }
    }
  }
}

TEST(Loss, NormalisedItDoesNotSeeShiftAndScale) {
  const std::vector<double> distances{3.5, 1.5, 2.25, 7, 4, 5, 6};
  std::vector<double> changed(distances);
  for (double& value : changed) value = 100 + 3 * value;
  EXPECT_NEAR(loss_of(distances, 3, kNormalised).sample.loss, loss_of(changed, 3, kNormalised).sample.loss, 1e-12);
  EXPECT_GT(std::abs(loss_of(distances, 3, kPlain).sample.loss - loss_of(changed, 3, kPlain).sample.loss), 0.1);
}

TEST(Loss, OnATieTheLowestClassIsPredicted) {
  std::vector<double> distances(300, 2.0);
  distances[70] = distances[201] = distances[299] = 1.0;
  for (const LossRule& rule : kRules) EXPECT_EQ(loss_of(distances, 0, rule).sample.prediction, 70);
}

TEST(Loss, EqualDistancesGiveTheUniformLossAndAFiniteGradient) {
  const std::vector<double> distances(5, 3.0);
  const Found found = loss_of(distances, 2, kNormalised);
  std::vector<double> gradient(5);
  static_cast<void>(reference::sample_loss(distances.data(), 5, 2, kNormalised, 1, gradient.data()));
  EXPECT_NEAR(found.sample.loss, std::log(5.0), 1e-15);
  EXPECT_EQ(found.sample.prediction, 0);
  for (std::size_t c = 0; c < 5; ++c)
    EXPECT_NEAR(static_cast<double>(found.gradient[c]), gradient[c], kRoundoff * std::abs(gradient[c]));
}

TEST(Loss, WhereItIsNotFiniteTheGradientIsNaNThroughout) {
  for (const double bad : {kInfinity, std::nan("")}) {
    for (const LossRule& rule : kRules) {
      const Found found = loss_of({1, bad, bad, 4}, 1, rule);
      EXPECT_FALSE(std::isfinite(found.sample.loss));
      EXPECT_GE(found.sample.prediction, 0);
      EXPECT_LT(found.sample.prediction, 4);
      for (const float value : found.gradient) EXPECT_TRUE(std::isnan(value));
    }
  }
}

TEST(Loss, ALogarithmOfNaNIsNotLifted) {
  EXPECT_FALSE(std::isfinite(loss_of({0, std::nan(""), 0}, 0, kLogarithms).sample.loss));
}

TEST(Loss, IsTheSameWhereNoGradientAndNoLabelAreAskedAbout) {
  const std::vector<double> distances{3.0, 1.5, 2.25, 7.0, 4.0};
  for (const LossRule& rule : kRules) {
    const Found whole = loss_of(distances, 3, rule);
    std::vector<double> probabilities(5), without_label(5);
    const SampleLoss sample = cpu::sample_loss(distances.data(), 5, 3, rule, 1, probabilities.data(), nullptr);
    cpu::class_probabilities(distances.data(), 5, rule, without_label.data());
    EXPECT_EQ(sample.loss, whole.sample.loss);
    EXPECT_EQ(sample.prediction, whole.sample.prediction);
    EXPECT_EQ(probabilities, whole.probabilities);
    EXPECT_EQ(without_label, whole.probabilities);
  }
}

}  // namespace
}  // namespace alignment::kernels::testing
