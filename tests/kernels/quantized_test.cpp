#include "kernels/quantized.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/kernels/problem.hpp"

namespace alignment::kernels::testing {
namespace {

/// A problem as the reference quantizes it.
struct Quantized {
  explicit Quantized(const Problem<float>& problem)
      : lows(static_cast<std::size_t>(problem.parameters().feature_dim)),
        inverse_steps(lows.size()),
        centroids(static_cast<std::size_t>(problem.element_count())),
        weights(centroids.size()) {
    const ParametersView<float> parameters = problem.parameters();
    const SamplesView<float> samples = problem.samples();
    reference::quantize_parameters(parameters, lows.data(), inverse_steps.data(), centroids.data(), weights.data());
    std::vector<std::uint8_t> step(lows.size());
    for (std::int64_t b = 0; b < samples.count; ++b) {
      for (std::int64_t c = 0; c < parameters.classes; ++c) {
        for (std::int64_t i = 0; i < parameters.steps; ++i) {
          for (std::int64_t j = 0; j < samples.length(b); ++j) {
            for (std::size_t f = 0; f < step.size(); ++f) {
              step[f] = quantize(samples.sample(b)[j * parameters.feature_dim + static_cast<std::int64_t>(f)], lows[f],
                                 inverse_steps[f]);
            }
            const std::int64_t row = (c * parameters.steps + i) * parameters.feature_dim;
            costs.push_back(reference::quantized_cost(centroids.data() + row, weights.data() + row, step.data(),
                                                      parameters.feature_dim));
          }
        }
      }
    }
  }

  std::vector<float> lows, inverse_steps;
  std::vector<std::uint8_t> centroids, weights;
  std::vector<std::int64_t> costs;  ///< [B,C,K,T], samples one after the other
};

/// Costs by a variant, as Quantized has them.
std::vector<std::int64_t> costs_by(const Problem<float>& problem, const cpu::QuantizedVariant& variant) {
  const ParametersView<float> parameters = problem.parameters();
  Blocks blocks(problem);
  const BlockedSamples samples = blocks.samples();
  Aligned<std::byte> memory(static_cast<std::int64_t>(
      cpu::quantized_parameter_bytes(parameters.classes, parameters.steps, parameters.feature_dim)));
  const cpu::QuantizedParameters quantized = cpu::quantize_parameters(parameters, memory.data(), 2);
  const std::int64_t stride = cost_stride(parameters.classes, parameters.steps);
  const std::int64_t panels = (parameters.classes * parameters.steps + kPanelRows - 1) / kPanelRows;
  std::vector<std::int64_t> costs;
  for (std::int64_t b = 0; b < samples.count; ++b) {
    const std::int64_t length = samples.length(b);
    std::vector<std::int8_t> sample(static_cast<std::size_t>(length * padded_features(parameters.feature_dim)), -1);
    variant.quantize_sample(samples.features[b], length, parameters.feature_dim, quantized.scale, sample.data());
    Aligned<float> columns(length * stride);
    variant.cost(quantized.data, 0, panels, quantized_groups(parameters.feature_dim), sample.data(), length,
                 columns.data(), stride);
    for (std::int64_t c = 0; c < parameters.classes; ++c) {
      for (std::int64_t i = 0; i < parameters.steps; ++i) {
        for (std::int64_t j = 0; j < length; ++j) {
          costs.push_back(static_cast<std::int64_t>(columns[j * stride + i * parameters.classes + c]));
        }
      }
    }
  }
  return costs;
}

TEST(Quantized, NumbersAreRoundedAndClamped) {
  // Steps of one half from -2 on.
  EXPECT_EQ(quantize(-2.0F, -2, 2), 0);
  EXPECT_EQ(quantize(-1.76F, -2, 2), 0);
  EXPECT_EQ(quantize(-1.74F, -2, 2), 1);
  EXPECT_EQ(quantize(61.5F, -2, 2), 127);
  EXPECT_EQ(quantize(61.0F, -2, 2), 126);
  EXPECT_EQ(quantize(1e30F, -2, 2), 127);
  EXPECT_EQ(quantize(-1e30F, -2, 2), 0);
  EXPECT_EQ(quantize(std::numeric_limits<float>::infinity(), -2, 2), 127);
  EXPECT_EQ(quantize(-std::numeric_limits<float>::infinity(), -2, 2), 0);
  EXPECT_EQ(quantize(std::nanf(""), -2, 2), 0);
}

TEST(Quantized, CentroidsSpanTheMiddleHalfOfTheRange) {
  Problem<float> problem(3, 4, 2, {1}, Numbers::kReals);
  for (std::size_t k = 0; k < 24; k += 2) problem.centroids()[k] = static_cast<float>(k) / 22;  // 0 .. 1
  for (std::size_t k = 1; k < 24; k += 2) problem.centroids()[k] = 7;
  const Quantized quantized(problem);
  EXPECT_EQ(quantized.lows[0], -0.5F);
  EXPECT_FLOAT_EQ(quantized.inverse_steps[0], 63.5F);
  EXPECT_EQ(quantized.centroids[0], 32);   // 31.75
  EXPECT_EQ(quantized.centroids[22], 95);  // 95.25
  EXPECT_EQ(quantized.inverse_steps[1], 0.0F);
  for (std::size_t k = 1; k < 24; k += 2) EXPECT_EQ(quantized.weights[k], 0) << "a feature in which all agree";
}

TEST(Quantized, WhatRoundingAWeightTakesGoesIntoTheNext) {
  Problem<float> problem(2, 2, 9, {1}, Numbers::kReals);
  for (std::size_t k = 0; k < problem.centroids().size(); ++k) problem.centroids()[k] = k < 18 ? 0.0F : 1.0F;
  for (std::size_t k = 0; k < problem.weights().size(); ++k) problem.weights()[k] = k % 9 == 0 ? 254.0F : 0.5F;
  const Quantized quantized(problem);  // 127, then a quarter a feature
  for (std::size_t row = 0; row < 4; ++row) {
    EXPECT_EQ(quantized.weights[row * 9], 127);
    int sum = 0;
    for (std::size_t f = 1; f < 9; ++f) sum += quantized.weights[row * 9 + f];
    EXPECT_EQ(sum, 2);
  }
}

TEST(Quantized, LargestCostFits) {
  EXPECT_LE(kMostQuantizedFeatures * kMostQuantized * kMostQuantized, std::numeric_limits<std::int32_t>::max());
  EXPECT_GT((kMostQuantizedFeatures + 1) * kMostQuantized * kMostQuantized, std::numeric_limits<std::int32_t>::max());
}

TEST(Quantized, EveryVariantHasTheReferencesCosts) {
  for (const Shape& shape : shapes()) {
    for (const Numbers numbers : {Numbers::kIntegers, Numbers::kReals}) {
      Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, numbers);
      for (std::size_t k = 0; k < problem.features().size(); k += 7) problem.features()[k] *= 1e6F;  // beyond the range
      const Quantized expected(problem);
      for (const std::int64_t cost : expected.costs) ASSERT_LT(cost, 1 << 24) << "f32 has it as it is";
      for_each_quantized_variant([&](const cpu::QuantizedVariant& variant) {
        EXPECT_EQ(costs_by(problem, variant), expected.costs) << variant.name << " " << to_string(shape);
      });
    }
  }
}

TEST(Quantized, EveryVariantAddsTheLargestProducts) {
  constexpr std::int64_t kGroups = 21, kLength = 13, kPanels = 3;
  for (const std::int8_t centroid : {std::int8_t{0}, std::int8_t{kMostQuantized}}) {
    Aligned<std::int8_t> packed(kPanels * kGroups * 2 * kPanelRows * kQuantizedGroup);
    Aligned<std::int8_t> sample(kGroups * kLength * kQuantizedGroup);
    for (std::int64_t k = 0; k < kPanels * kGroups * 2; ++k) {  // centroids and weights in turn
      std::fill_n(packed.data() + k * kPanelRows * kQuantizedGroup, kPanelRows * kQuantizedGroup,
                  k % 2 == 0 ? centroid : std::int8_t{kMostQuantized});
    }
    std::fill_n(sample.data(), kGroups * kLength * kQuantizedGroup,
                static_cast<std::int8_t>(kMostQuantized - centroid));
    for_each_quantized_variant([&](const cpu::QuantizedVariant& variant) {
      Aligned<float> cost(kLength * kPanels * kPanelRows);
      variant.cost(packed.data(), 0, kPanels, kGroups, sample.data(), kLength, cost.data(), kPanels * kPanelRows);
      for (std::int64_t k = 0; k < kLength * kPanels * kPanelRows; ++k) {
        ASSERT_EQ(cost[k], kGroups * kQuantizedGroup * kMostQuantized * kMostQuantized) << variant.name;
      }
    });
  }
}

TEST(Quantized, NumbersThatAreNoneAreQuantizedAlike) {
  Problem<float> problem(5, 3, 70, {6, 2}, Numbers::kReals);
  const float infinity = std::numeric_limits<float>::infinity();
  for (std::size_t k = 70; k < problem.features().size() - 70; k += 5) {
    problem.features()[k] = k % 3 == 0 ? infinity : (k % 3 == 1 ? -infinity : std::nanf(""));
  }
  const Quantized expected(problem);
  for_each_quantized_variant([&](const cpu::QuantizedVariant& variant) {
    EXPECT_EQ(costs_by(problem, variant), expected.costs) << variant.name;
  });
}

/// Checks that the path of one pair costs no more than the best one, but for rounding in the f32 dynamic programme.
void expect_cheapest(const std::int32_t* path, const std::int64_t* costs, std::int64_t steps, std::int64_t length,
                     bool diagonal, const std::string& where) {
  std::vector<double> matrix(costs, costs + steps * length);
  std::vector<std::int32_t> best_path(static_cast<std::size_t>(steps - 1));
  const double best = reference::warp(matrix.data(), steps, length, diagonal, best_path.data());
  double found = 0;
  for (std::int64_t i = 0; i < steps; ++i) {
    const auto [first, last] = row_columns(path, i, steps, length);
    ASSERT_LE(first, last) << where;
    for (std::int64_t j = first; j <= last; ++j) found += matrix[static_cast<std::size_t>(i * length + j)];
  }
  if (best < 0x1p24) {
    EXPECT_EQ(std::vector<std::int32_t>(path, path + steps - 1), best_path) << where;
  }
  EXPECT_LE(found, best * (1 + 2 * static_cast<double>(steps + length) * kRoundoff)) << where;
}

TEST(SearchQuantizedPaths, FindsTheCheapestPaths) {
  for (const Shape& shape : shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kReals);
    const Quantized expected(problem);
    for (const bool diagonal : {false, true}) {
      for_each_quantized_variant([&](const cpu::QuantizedVariant& variant) {
        for (const int threads : {1, 3}) {
          const std::vector<std::int32_t> paths = quantized_paths_by(problem, diagonal, threads, variant);
          const std::int64_t* costs = expected.costs.data();
          const std::int32_t* path = paths.data();
          for (const std::int64_t length : shape.lengths) {
            for (std::int64_t c = 0; c < shape.classes; ++c) {
              expect_cheapest(path, costs, shape.steps, length, diagonal,
                              std::string(variant.name) + " " + to_string(shape));
              costs += shape.steps * length;
              path += shape.steps - 1;
            }
          }
        }
      });
    }
  }
}

TEST(SearchQuantizedPaths, ManyFeaturesGiveNearlyThePathsOfF32) {
  const Problem<float> problem(8, 6, 600, {20, 31, 9, 14}, Numbers::kReals);
  std::vector<double> exact(static_cast<std::size_t>(problem.pair_count())), found(exact.size());
  std::vector<std::int32_t> best(exact.size() * 5);
  reference::search_paths(problem.parameters(), problem.samples(), false, best.data(), exact.data());
  const std::vector<std::int32_t> paths = quantized_paths_by(problem, false, 2, cpu::best_quantized_variant());
  reference::distances_along_paths(problem.parameters(), problem.samples(), paths.data(), found.data());
  // Rounding two numbers to steps of s is off by s/2 each at most; centroids of normal numbers span about eight times
  // their deviation here, so that s is an eighth of it, and errors of 600 features average out far below that.
  for (std::size_t pair = 0; pair < exact.size(); ++pair) EXPECT_LT(found[pair], exact[pair] * 1.01);
}

}  // namespace
}  // namespace alignment::kernels::testing
