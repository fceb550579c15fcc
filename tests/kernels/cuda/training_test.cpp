#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "kernels/loss.hpp"
#include "kernels/update.hpp"
#include "tests/kernels/device_problem.hpp"
#include "tests/kernels/update_problem.hpp"

namespace alignment::kernels::testing {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

using CudaLoss = OnDevice;
using CudaUpdate = OnDevice;

// ---- distances to losses

TEST_F(CudaLoss, DistancePartsAreAddedInOrderInDouble) {
  const std::int64_t parts = 7, count = 5, classes = 101;
  std::mt19937 generator(4);
  std::vector<float> numbers(static_cast<std::size_t>(parts * count * classes));
  for (float& value : numbers) value = static_cast<float>(std::lognormal_distribution<double>(0, 4)(generator));
  std::vector<double> expected(static_cast<std::size_t>(count * classes));
  for (std::size_t k = 0; k < numbers.size(); ++k) expected[k % expected.size()] += static_cast<double>(numbers[k]);
  DeviceArray<float> input(numbers);
  DeviceArray<double> distances(count * classes);
  cuda::add_distance_parts(input.data(), parts, count, classes, distances.data(), stream());
  EXPECT_TRUE(same_bits(distances.values(), expected));
}

constexpr LossRule kRules[] = {
    {LogitNorm::kLayernorm},         {LogitNorm::kNone},         {LogitNorm::kLog, 8},     {LogitNorm::kLog, 0.5},
    {LogitNorm::kLayernorm, 8, 0.1}, {LogitNorm::kNone, 8, 0.3}, {LogitNorm::kLog, 8, 0.1}};

struct Losses {
  std::vector<SampleLoss> losses;
  std::vector<float> gradient;
};

Losses losses_on_device(const std::vector<double>& distances, const std::vector<std::int32_t>& labels,
                        const LossRule& rule, double scale, cuda::Stream stream) {
  const auto count = static_cast<std::int64_t>(labels.size());
  const std::int64_t classes = static_cast<std::int64_t>(distances.size()) / count;
  DeviceArray<double> device_distances(distances);
  DeviceArray<std::int32_t> device_labels(labels);
  DeviceArray<SampleLoss> losses(count);
  DeviceArray<float> gradient(count * classes);
  cuda::sample_losses(device_distances.data(), device_labels.data(), count, classes, rule, scale, losses.data(),
                      gradient.data(), stream);
  return {losses.values(), gradient.values()};
}

TEST_F(CudaLoss, EqualsTheReference) {
  std::mt19937 generator(6);
  for (const std::int64_t classes : {2, 3, 31, 32, 33, 127, 128, 129, 1000}) {
    for (const LossRule& rule : kRules) {
      const std::int64_t count = 6;
      const double scale = 1.0 / 48;
      std::vector<double> distances(static_cast<std::size_t>(count * classes));
      for (double& value : distances) value = std::uniform_real_distribution<double>(20, 50)(generator);
      std::vector<std::int32_t> labels;
      for (std::int64_t b = 0; b < count; ++b)
        labels.push_back(static_cast<std::int32_t>(b == 0 ? 0 : b == 1 ? classes - 1 : b * 17 % classes));
      const Losses found = losses_on_device(distances, labels, rule, scale, stream());
      std::vector<double> gradient(static_cast<std::size_t>(classes));
      for (std::size_t b = 0; b < labels.size(); ++b) {
        const SampleLoss expected = reference::sample_loss(distances.data() + static_cast<std::int64_t>(b) * classes,
                                                           classes, labels[b], rule, scale, gradient.data());
        // Sums of C numbers near 1, and logits below 64 in front of exp: f64 rounding stays far below these.
        EXPECT_NEAR(found.losses[b].loss, expected.loss, 1e-11)
            << "C=" << classes << " rule " << static_cast<int>(rule.norm);
        EXPECT_EQ(found.losses[b].prediction, expected.prediction);
        for (std::size_t c = 0; c < gradient.size(); ++c) {
          EXPECT_NEAR(static_cast<double>(found.gradient[b * gradient.size() + c]), gradient[c],
                      kRoundoff * std::abs(gradient[c]) + 1e-12 * scale)
              << "C=" << classes << " rule " << static_cast<int>(rule.norm);
        }
      }
    }
  }
}

TEST_F(CudaLoss, GradientIsTheDerivativeOfTheLoss) {
  // By central differences: off by step^2 times the third derivative and by roundoff of the loss over the step.
  constexpr double kStep = 1e-5, kTolerance = 1e-8;
  const std::vector<double> distances{3.0, 1.5, 2.25, 7.0, 4.0};
  for (const LossRule& rule : kRules) {
    const Losses found = losses_on_device(distances, {2}, rule, 1.0, stream());
    for (std::size_t c = 0; c < distances.size(); ++c) {
      std::vector<double> above(distances), below(distances);
      above[c] += kStep;
      below[c] -= kStep;
      const double difference = losses_on_device(above, {2}, rule, 1.0, stream()).losses[0].loss -
                                losses_on_device(below, {2}, rule, 1.0, stream()).losses[0].loss;
      EXPECT_NEAR(static_cast<double>(found.gradient[c]), difference / (2 * kStep),
                  kTolerance + kRoundoff * std::max(1.0, std::abs(static_cast<double>(found.gradient[c]))));
    }
  }
}

TEST_F(CudaLoss, OnATieTheLowestClassIsPredicted) {
  std::vector<double> distances(300, 2.0);
  distances[70] = distances[201] = distances[299] = 1.0;
  for (const LossRule& rule : kRules)
    EXPECT_EQ(losses_on_device(distances, {0}, rule, 1.0, stream()).losses[0].prediction, 70);
}

TEST_F(CudaLoss, EqualDistancesGiveAFiniteGradient) {
  const std::vector<double> distances(4, 3.0);
  const Losses found = losses_on_device(distances, {1}, kRules[0], 1.0, stream());
  std::vector<double> gradient(4);
  const SampleLoss expected = reference::sample_loss(distances.data(), 4, 1, kRules[0], 1.0, gradient.data());
  EXPECT_NEAR(found.losses[0].loss, expected.loss, 1e-12);
  for (std::size_t c = 0; c < 4; ++c)
    EXPECT_NEAR(static_cast<double>(found.gradient[c]), gradient[c], kRoundoff * std::abs(gradient[c]));
}

TEST_F(CudaLoss, LogarithmsOfNothingAreThoseOfTheReference) {
  for (const std::vector<double>& distances : {std::vector<double>{0, 3, 4}, std::vector<double>{0, 0, 0}}) {
    const Losses found = losses_on_device(distances, {1}, {LogitNorm::kLog, 8}, 1.0, stream());
    std::vector<double> gradient(3);
    const SampleLoss expected =
        reference::sample_loss(distances.data(), 3, 1, {LogitNorm::kLog, 8}, 1.0, gradient.data());
    EXPECT_NEAR(found.losses[0].loss, expected.loss, 1e-12);
    EXPECT_EQ(found.losses[0].prediction, 0);
    for (std::size_t c = 0; c < 3; ++c) {  // what f32 cannot hold is 0
      EXPECT_NEAR(static_cast<double>(found.gradient[c]), gradient[c], kRoundoff * std::abs(gradient[c]) + 1e-44);
    }
  }
}

TEST_F(CudaLoss, ASampleThatIsNotFiniteMakesItsRowNaNAndNoOther) {
  for (const double bad : {kInfinity, std::nan("")}) {
    for (const LossRule& rule : kRules) {
      std::vector<double> distances{1, 2, 3, 4, 5, 6, 7, 8, 9};
      for (std::size_t c = 3; c < 6; ++c) distances[c] = bad;
      const Losses found = losses_on_device(distances, {0, 1, 2}, rule, 1.0, stream());
      EXPECT_FALSE(std::isfinite(found.losses[1].loss));
      EXPECT_GE(found.losses[1].prediction, 0);
      EXPECT_LT(found.losses[1].prediction, 3);
      for (std::size_t k = 0; k < 9; ++k) EXPECT_EQ(std::isnan(found.gradient[k]), k / 3 == 1) << k;
      EXPECT_TRUE(std::isfinite(found.losses[0].loss));
      EXPECT_TRUE(std::isfinite(found.losses[2].loss));
    }
  }
}

// ---- gradients to parameters

TEST_F(CudaUpdate, FindsWhatIsNotFinite) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (const std::int64_t count : {1, 255, 256, 257, 600000}) {
    std::vector<float> sums(static_cast<std::size_t>(count), std::numeric_limits<float>::max());
    const auto found = [&] {
      DeviceArray<float> input(sums);
      DeviceArray<std::int32_t> not_finite(std::vector<std::int32_t>{0});
      cuda::check_finite(input.data(), count, not_finite.data(), stream());
      return not_finite.values()[0];
    };
    EXPECT_EQ(found(), 0);
    for (const float bad : {nan, infinity, -infinity}) {
      for (const std::size_t at : {std::size_t{0}, sums.size() / 2, sums.size() - 1}) {
        const float kept = std::exchange(sums[at], bad);
        EXPECT_EQ(found(), 1) << bad << " at " << at << " of " << count;
        sums[at] = kept;
      }
    }
  }
  DeviceArray<float> finite(std::vector<float>{1});
  DeviceArray<std::int32_t> before(std::vector<std::int32_t>{1});
  cuda::check_finite(finite.data(), 1, before.data(), stream());
  EXPECT_EQ(before.values()[0], 1);  // it is the caller who clears it
}

/// What the optimizer changes, on the host.
struct State {
  std::vector<float> centroids, log_weights, weights, centroid_first, centroid_second, log_weight_first,
      log_weight_second;
};

constexpr std::int64_t kClasses = 3, kPerClass = 200, kCount = kClasses * kPerClass;

State start_state() {
  State state;
  state.centroids = normals(kCount, 1);
  state.log_weights = normals(kCount, 2);
  for (const float value : state.log_weights) state.weights.push_back(std::exp(value));
  state.centroid_first = state.centroid_second = state.log_weight_first = state.log_weight_second =
      std::vector<float>(kCount, 0.0F);
  return state;
}

constexpr std::int64_t kFeatures = 8;  // so K = 25

/// `spread` empty: none.
State updated_on_device(const State& state, const std::vector<float>& gradient_sums, const UpdateRates& rates,
                        std::int32_t not_finite, cuda::Stream stream, const std::vector<float>& spread = {}) {
  DeviceArray<float> centroids(state.centroids), log_weights(state.log_weights), weights(state.weights);
  DeviceArray<float> centroid_first(state.centroid_first), centroid_second(state.centroid_second);
  DeviceArray<float> log_weight_first(state.log_weight_first), log_weight_second(state.log_weight_second);
  DeviceArray<float> sums(gradient_sums);
  DeviceArray<std::int32_t> flag(std::vector<std::int32_t>{not_finite});
  DeviceArray<float> units(spread.empty() ? std::vector<float>{1} : spread);
  cuda::update_parameters(sums.data(), kClasses, kPerClass / kFeatures, kFeatures,
                          {centroids.data(), centroid_first.data(), centroid_second.data()},
                          {log_weights.data(), log_weight_first.data(), log_weight_second.data()}, weights.data(),
                          spread.empty() ? nullptr : units.data(), rates, flag.data(), stream);
  return {centroids.values(),       log_weights.values(),      weights.values(),          centroid_first.values(),
          centroid_second.values(), log_weight_first.values(), log_weight_second.values()};
}

/// Twenty steps, each from the state that the GPU left; `spread` as in updated_on_device().
void follow_the_reference(const std::vector<float>& spread, cuda::Stream stream) {
  Units centroid_units, log_weight_units;
  for (const auto one : std::vector<double>(spread.begin(), spread.end())) {
    centroid_units.unit.push_back(one);
    centroid_units.rest.push_back(0);
    log_weight_units.unit.push_back(1);
    log_weight_units.rest.push_back(-std::log(one));
  }
  UpdateRates rates{.centroid_lr = 0.02, .log_weight_lr = 0.005, .weight_decay = 0.1};
  State state = start_state();
  for (rates.step = 1; rates.step <= 20; ++rates.step) {
    std::vector<float> sums = normals(2 * kCount, static_cast<unsigned>(100 + rates.step));
    sums[5] = 0.0F;    // never a gradient: only the decay
    sums[6] *= 1e-9F;  // around eps
    const State after = updated_on_device(state, sums, rates, 0, stream, spread);
    std::vector<double> centroid_gradient, log_weight_gradient;
    for (std::int64_t n = 0; n < kCount; ++n) {
      const std::int64_t slope = n / kPerClass * 2 * kPerClass + n % kPerClass;  // [C,2,K*F]
      const auto weight = static_cast<double>(state.weights[static_cast<std::size_t>(n)]);
      centroid_gradient.push_back(weight * static_cast<double>(sums[static_cast<std::size_t>(slope)]));
      log_weight_gradient.push_back(weight * static_cast<double>(sums[static_cast<std::size_t>(slope + kPerClass)]));
    }
    expect_adamw(state.centroids, state.centroid_first, state.centroid_second, centroid_gradient, rates.centroid_lr,
                 rates, after.centroids, after.centroid_first, after.centroid_second, centroid_units);
    expect_adamw(state.log_weights, state.log_weight_first, state.log_weight_second, log_weight_gradient,
                 rates.log_weight_lr, rates, after.log_weights, after.log_weight_first, after.log_weight_second,
                 log_weight_units);
    if (::testing::Test::HasFatalFailure()) return;
    for (std::size_t n = 0; n < after.weights.size(); ++n) {
      const double exact = std::exp(static_cast<double>(after.log_weights[n]));
      ASSERT_NEAR(static_cast<double>(after.weights[n]), exact, 4 * kRoundoff * exact);
    }
    state = after;
  }
}

TEST_F(CudaUpdate, FollowsTheReferenceStepByStep) {
  follow_the_reference({}, stream());
}

TEST_F(CudaUpdate, FollowsTheReferenceInUnitsOfTheSpread) {
  follow_the_reference({1, 1e-6F, 3e4F, 0.5F, 20, 1e-3F, 7, 0.1F}, stream());
}

TEST_F(CudaUpdate, AGroupWithoutLearningRateStaysAsItIs) {
  const State before = start_state();
  const std::vector<float> sums = normals(2 * kCount, 3);
  const State centroids_only = updated_on_device(before, sums, {.centroid_lr = 0.01}, 0, stream());
  EXPECT_FALSE(same_bits(centroids_only.centroids, before.centroids));
  EXPECT_TRUE(same_bits(centroids_only.log_weights, before.log_weights));
  EXPECT_TRUE(same_bits(centroids_only.weights, before.weights));
  EXPECT_TRUE(same_bits(centroids_only.log_weight_first, before.log_weight_first));
  EXPECT_TRUE(same_bits(centroids_only.log_weight_second, before.log_weight_second));
  const State log_weights_only = updated_on_device(before, sums, {.log_weight_lr = 0.01}, 0, stream());
  EXPECT_TRUE(same_bits(log_weights_only.centroids, before.centroids));
  EXPECT_TRUE(same_bits(log_weights_only.centroid_first, before.centroid_first));
  EXPECT_TRUE(same_bits(log_weights_only.centroid_second, before.centroid_second));
  EXPECT_FALSE(same_bits(log_weights_only.log_weights, before.log_weights));
  EXPECT_FALSE(same_bits(log_weights_only.weights, before.weights));
}

TEST_F(CudaUpdate, ChangesNothingWhereASumWasNotFinite) {
  const State before = start_state();
  const State after =
      updated_on_device(before, normals(2 * kCount, 3), {.centroid_lr = 0.01, .log_weight_lr = 0.01}, 1, stream());
  EXPECT_TRUE(same_bits(after.centroids, before.centroids));
  EXPECT_TRUE(same_bits(after.log_weights, before.log_weights));
  EXPECT_TRUE(same_bits(after.weights, before.weights));
  EXPECT_TRUE(same_bits(after.centroid_first, before.centroid_first));
  EXPECT_TRUE(same_bits(after.log_weight_second, before.log_weight_second));
}

}  // namespace
}  // namespace alignment::kernels::testing
