#include "src/dejavid/cpu/adamw.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace alignment {
namespace {

TEST(AdamW, FollowsItsEquations) {
  constexpr double kDecay = 0.1, kRate = 0.01;
  std::mt19937 generator(1);
  std::normal_distribution<float> draw;
  std::vector<float> parameters(37), gradient(37);
  for (float& value : parameters) value = draw(generator);
  std::vector<double> expected(parameters.begin(), parameters.end()), first(37), second(37);

  AdamW optimizer(37, kDecay);
  for (int step = 1; step <= 5; ++step) {
    for (float& value : gradient) value = draw(generator) * 0.1F;
    optimizer.update(parameters, gradient, kRate, step);
    for (std::size_t k = 0; k < 37; ++k) {
      const auto g = static_cast<double>(gradient[k]);
      expected[k] *= 1 - kRate * kDecay;
      first[k] = 0.9 * first[k] + 0.1 * g;
      second[k] = 0.999 * second[k] + 0.001 * g * g;
      const double root = std::sqrt(second[k]) / std::sqrt(1 - std::pow(0.999, step)) + 1e-8;
      expected[k] -= kRate / (1 - std::pow(0.9, step)) * first[k] / root;
      // A handful of f32 operations a step on numbers of order 1.
      EXPECT_NEAR(static_cast<double>(parameters[k]), expected[k], 20 * 0x1p-24 * step * (1 + std::abs(expected[k])));
    }
  }
}

/// AdamW of parameter / unit - rest on the gradient times unit, folded back.
TEST(AdamW, StepsAreMeasuredInUnits) {
  constexpr double kDecay = 0.1, kRate = 0.01;
  const StepUnits units{{1e-6F, 1, 2e5F}, {0, -2, 3e5F}};
  constexpr std::size_t kCount = 3 * 3000;  // several parts
  std::mt19937 generator(2);
  std::normal_distribution<float> draw;
  std::vector<float> parameters(kCount), gradient(kCount);
  for (std::size_t k = 0; k < kCount; ++k) parameters[k] = draw(generator) * units.unit[k % 3];
  std::vector<float> one_thread = parameters;
  std::vector<double> expected(parameters.begin(), parameters.end()), first(kCount), second(kCount);

  AdamW optimizer(kCount, kDecay, units, 3), alone(kCount, kDecay, units, 1);
  for (int step = 1; step <= 3; ++step) {
    for (std::size_t k = 0; k < kCount; ++k) gradient[k] = draw(generator) / units.unit[k % 3];
    optimizer.update(parameters, gradient, kRate, step);
    alone.update(one_thread, gradient, kRate, step);
    for (std::size_t k = 0; k < kCount; ++k) {
      const auto unit = static_cast<double>(units.unit[k % 3]), rest = static_cast<double>(units.rest[k % 3]);
      const double g = static_cast<double>(gradient[k]) * unit;
      expected[k] -= kRate * kDecay * (expected[k] - rest);
      first[k] = 0.9 * first[k] + 0.1 * g;
      second[k] = 0.999 * second[k] + 0.001 * g * g;
      const double root = std::sqrt(second[k]) / std::sqrt(1 - std::pow(0.999, step)) + 1e-8;
      expected[k] -= unit * kRate / (1 - std::pow(0.9, step)) * first[k] / root;
      const double size = unit + std::abs(expected[k]) + std::abs(rest);
      ASSERT_NEAR(static_cast<double>(parameters[k]), expected[k], 20 * 0x1p-24 * step * size) << k;
    }
  }
  EXPECT_EQ(parameters, one_thread);
}

TEST(AdamW, GoesOnFromSavedMomentsAsIfUninterrupted) {
  std::vector<float> gradient{0.5F, -0.25F, 3}, straight{1, 2, 3};
  AdamW optimizer(3, 0);
  for (int step = 1; step <= 4; ++step) optimizer.update(straight, gradient, 0.1, step);

  std::vector<float> resumed{1, 2, 3};
  AdamW before(3, 0), after(3, 0);
  for (int step = 1; step <= 2; ++step) before.update(resumed, gradient, 0.1, step);
  after.first_moment() = before.first_moment();
  after.second_moment() = before.second_moment();
  for (int step = 3; step <= 4; ++step) after.update(resumed, gradient, 0.1, step);
  EXPECT_EQ(resumed, straight);
}

}  // namespace
}  // namespace alignment
