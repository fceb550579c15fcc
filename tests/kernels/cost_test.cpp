#include "kernels/cost.hpp"

#include <gtest/gtest.h>

#include "tests/kernels/problem.hpp"

namespace alignment::kernels::testing {
namespace {

/// Cost matrices by one variant, [sum of T, cost_stride].
Aligned<float> cost_by(const Problem<float>& problem, const Variant& variant) {
  const ParametersView<float> parameters = problem.parameters();
  Aligned<float> panels(packed_parameter_count(parameters.classes, parameters.steps, parameters.feature_dim));
  Aligned<float> cost(problem.samples().total_steps() * cost_stride(parameters.classes, parameters.steps));
  Blocks blocks(problem);
  cpu::cost_matrices(cpu::pack_parameters(parameters, panels.data(), 1), blocks.samples(), 0, problem.samples().count,
                     cost.data(), variant);
  return cost;
}

std::vector<double> reference_cost(const Problem<float>& problem) {
  const ParametersView<float> parameters = problem.parameters();
  std::vector<double> cost(
      static_cast<std::size_t>(problem.samples().total_steps() * cost_stride(parameters.classes, parameters.steps)));
  reference::cost_matrices(parameters, problem.samples(), cost.data());
  return cost;
}

TEST(Cost, ReferenceByHand) {
  // One class, K = 2, F = 2; one sample of 2 steps.
  const std::vector<double> centroids{1, 2, 3, 4}, weights{1, 10, 2, 20}, features{0, 0, 3, 5};
  const std::vector<std::int64_t> offsets{0, 2};
  std::vector<double> cost(static_cast<std::size_t>(2 * cost_stride(1, 2)));
  reference::cost_matrices(ParametersView<double>{centroids.data(), weights.data(), 1, 2, 2},
                           SamplesView<double>{features.data(), offsets.data(), 1, 2}, cost.data());
  const auto stride = static_cast<std::size_t>(cost_stride(1, 2));
  EXPECT_EQ(cost[0], 1 * 1 + 10 * 2);           // centroid step 0, sample step 0
  EXPECT_EQ(cost[1], 2 * 3 + 20 * 4);           // centroid step 1, sample step 0
  EXPECT_EQ(cost[stride], 1 * 2 + 10 * 3);      // centroid step 0, sample step 1
  EXPECT_EQ(cost[stride + 1], 2 * 0 + 20 * 1);  // centroid step 1, sample step 1
}

TEST(Cost, EveryVariantEqualsTheReferenceBitForBitOnIntegers) {
  for (const Shape& shape : shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kIntegers);
    const std::vector<double> expected = reference_cost(problem);
    for_each_variant([&](const Variant& variant) {
      Aligned<float> cost = cost_by(problem, variant);
      for (std::int64_t j = 0; j < problem.samples().total_steps(); ++j) {
        for (std::int64_t row = 0; row < shape.classes * shape.steps; ++row) {
          const std::int64_t at = j * cost_stride(shape.classes, shape.steps) + row;
          ASSERT_EQ(static_cast<double>(cost[at]), expected[static_cast<std::size_t>(at)])
              << variant.name << " " << to_string(shape) << " column " << j << " row " << row;
        }
      }
    });
  }
}

TEST(Cost, EveryVariantIsWithinTheRoundingBoundOnReals) {
  for (const Shape& shape : shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kReals);
    const std::vector<double> expected = reference_cost(problem);
    // Every term is positive. It passes through a subtraction, a product and at most F additions: each multiplies it by
    // at most 1 + roundoff.
    const std::int64_t operations = 2 + shape.feature_dim;
    const double bound = std::expm1(static_cast<double>(operations) * kRoundoff);
    for_each_variant([&](const Variant& variant) {
      Aligned<float> cost = cost_by(problem, variant);
      for (std::int64_t j = 0; j < problem.samples().total_steps(); ++j) {
        for (std::int64_t row = 0; row < shape.classes * shape.steps; ++row) {
          const std::int64_t at = j * cost_stride(shape.classes, shape.steps) + row;
          const double exact = expected[static_cast<std::size_t>(at)];
          ASSERT_NEAR(static_cast<double>(cost[at]), exact, bound * exact) << variant.name << " " << to_string(shape);
        }
      }
    });
  }
}

TEST(Cost, VariantsWithFusedMultiplyAddGiveTheSameBits) {
  for (const Shape& shape : shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kReals);
    std::vector<float> first;
    for_each_variant([&](const Variant& variant) {
      if (variant.name == "portable") return;
      Aligned<float> cost = cost_by(problem, variant);
      std::vector<float> elements;
      for (std::int64_t j = 0; j < problem.samples().total_steps(); ++j) {
        const float* const column = cost.data() + j * cost_stride(shape.classes, shape.steps);
        elements.insert(elements.end(), column, column + shape.classes * shape.steps);
      }
      if (first.empty()) first = elements;
      ASSERT_EQ(elements, first) << variant.name << " " << to_string(shape);
    });
  }
}

TEST(Cost, AnElementDoesNotDependOnTheSamplesBesideIt) {
  const Problem<float> problem(5, 8, 300, {3, 1, 14, 12, 7}, Numbers::kReals);
  const ParametersView<float> parameters = problem.parameters();
  const std::int64_t stride = cost_stride(parameters.classes, parameters.steps);
  Aligned<float> panels(packed_parameter_count(parameters.classes, parameters.steps, parameters.feature_dim));
  const PackedParameters packed = cpu::pack_parameters(parameters, panels.data(), 1);
  Blocks blocks(problem);
  for_each_variant([&](const Variant& variant) {
    Aligned<float> together = cost_by(problem, variant);
    for (std::int64_t b = 0; b < problem.samples().count; ++b) {
      const std::int64_t length = problem.samples().length(b);
      Aligned<float> cost(length * stride);
      cpu::cost_matrices(packed, blocks.samples(), b, 1, cost.data(), variant);
      for (std::int64_t j = 0; j < length; ++j) {
        for (std::int64_t row = 0; row < parameters.classes * parameters.steps; ++row) {
          const std::int64_t column = problem.samples().offsets[b] - problem.samples().offsets[0] + j;
          ASSERT_EQ(cost[j * stride + row], together[column * stride + row]) << variant.name;
        }
      }
    }
  });
}

TEST(Variants, TheTableHoldsThePortableOneLastAndChoosesASupportedOne) {
  EXPECT_EQ(variants().back().name, "portable");
  EXPECT_TRUE(variants().back().supported());
  EXPECT_TRUE(best_variant().supported());
  for (const Variant& variant : variants()) {
    if (variant.supported()) {
      EXPECT_EQ(variant.name, best_variant().name);
      break;
    }
  }
}

}  // namespace
}  // namespace alignment::kernels::testing
