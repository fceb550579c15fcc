#include "src/programs/dejavid_bench/validation.hpp"

#include <gtest/gtest.h>

#include "kernels/blocks.hpp"

namespace alignment::bench {
namespace {

using kernels::GradientCell;
using kernels::TieSign;
using kernels::Variant;

/// Larger than the cut in every direction, with a last block of features that is not whole.
const Shape kLarge{"", 51, 8, 1445, 33, 96};
const Shape kSmall{"", 3, 4, 40, 9, 5};

/// What the broken ones below are made of; its functions take part in theirs.
const Variant& sound() {
  return kernels::variants().back();
}

void expect_found(const Variant& broken, const std::string& operation) {
  for (const Shape& shape : {kLarge, kSmall}) {
    const auto disagreement = find_disagreement(broken, shape, 1);
    ASSERT_TRUE(disagreement) << operation << " " << to_string(shape);
    EXPECT_NE(disagreement->find("variant broken: " + operation + "["), std::string::npos) << *disagreement;
  }
}

Variant broken_variant() {
  Variant variant = sound();
  variant.name = "broken";
  return variant;
}

TEST(Validation, EveryVariantOfThisProcessorPasses) {
  for (const Variant& variant : kernels::variants()) {
    if (!variant.supported()) continue;
    for (const Shape& shape : {kLarge, kSmall, Shape{"", 2, 1, 1, 1, 1}, Shape{"", 174, 80, 6328, 150, 2}}) {
      for (const int threads : {1, 2}) {
        EXPECT_EQ(find_disagreement(variant, shape, threads), std::nullopt) << to_string(shape);
      }
    }
  }
}

TEST(Validation, FindsAWrongCost) {
  Variant broken = broken_variant();
  broken.cost = [](const float* packed, std::int64_t panels, const kernels::BlockedSamples& samples,
                   std::int64_t first_sample, std::int64_t count, float* cost, std::int64_t stride) {
    sound().cost(packed, panels, samples, first_sample, count, cost, stride);
    cost[(samples.offsets[first_sample + count] - samples.offsets[first_sample] - 1) * stride] += 1;
  };
  expect_found(broken, "cost");
}

TEST(Validation, EveryQuantizedVariantOfThisProcessorPasses) {
  for (const kernels::cpu::QuantizedVariant& variant : kernels::cpu::quantized_variants()) {
    if (!variant.supported()) continue;
    for (const Shape& shape : {kLarge, kSmall, Shape{"", 2, 1, 1, 1, 1}}) {
      for (const int threads : {1, 2}) {
        EXPECT_EQ(find_quantized_disagreement(variant, shape, threads), std::nullopt) << to_string(shape);
      }
    }
  }
}

TEST(Validation, FindsAPathThatIsNotTheCheapestInIntegers) {
  static const kernels::cpu::QuantizedVariant& sound_variant = kernels::cpu::quantized_variants().back();
  kernels::cpu::QuantizedVariant broken = sound_variant;
  broken.name = "broken";
  broken.cost = [](const std::int8_t* packed, std::int64_t first_panel, std::int64_t last_panel, std::int64_t groups,
                   const std::int8_t* sample, std::int64_t length, float* cost, std::int64_t stride) {
    sound_variant.cost(packed, first_panel, last_panel, groups, sample, length, cost, stride);
    if (first_panel > 0) return;
    for (std::int64_t j = 0; j < length; ++j) cost[stride * j] = 0;  // so that class 0 seems to stay in its first step
  };
  const auto disagreement = find_quantized_disagreement(broken, kLarge, 1);
  ASSERT_TRUE(disagreement);
  EXPECT_NE(disagreement->find("variant broken: search_paths_i8, sample 0 and class 0: "), std::string::npos)
      << *disagreement;
}

TEST(Validation, FindsAWrongPath) {
  Variant broken = broken_variant();
  broken.warp = [](const float* cost, std::int64_t stride, std::int64_t classes, std::int64_t steps,
                   std::int64_t length, bool diagonal, std::int32_t* breakpoints, double* distances, float* state,
                   std::int8_t* decisions) {
    sound().warp(cost, stride, classes, steps, length, diagonal, breakpoints, distances, state, decisions);
    breakpoints[classes * (steps - 1) - 1] ^= 1;
  };
  expect_found(broken, "search_paths");
}

TEST(Validation, FindsAWrongDistanceInTheLastFeatures) {
  Variant broken = broken_variant();
  broken.path_distance = [](const float* centroids, const float* weights, const float* sample,
                            const kernels::PathBlocks& blocks, const kernels::PathRow* rows, std::int64_t steps) {
    const double distance = sound().path_distance(centroids, weights, sample, blocks, rows, steps);
    return blocks.width < kernels::kBlockFeatures ? distance + 1 : distance;
  };
  expect_found(broken, "distances_along_paths");
}

TEST(Validation, FindsAWrongSlope) {
  Variant broken = broken_variant();
  broken.path_gradient = [](const float* centroids, const float* const* steps_of_run, std::int64_t width,
                            const GradientCell* cells, const std::int64_t* row_ends, std::int64_t steps,
                            TieSign tie_sign, float* slope_sum, float* magnitude_sum) {
    sound().path_gradient(centroids, steps_of_run, width, cells, row_ends, steps, tie_sign, slope_sum, magnitude_sum);
    slope_sum[0] += 1;
  };
  expect_found(broken, "gradient_along_paths");
}

TEST(Validation, FindsAWrongMagnitude) {
  Variant broken = broken_variant();
  broken.path_gradient = [](const float* centroids, const float* const* steps_of_run, std::int64_t width,
                            const GradientCell* cells, const std::int64_t* row_ends, std::int64_t steps,
                            TieSign tie_sign, float* slope_sum, float* magnitude_sum) {
    sound().path_gradient(centroids, steps_of_run, width, cells, row_ends, steps, tie_sign, slope_sum, magnitude_sum);
    magnitude_sum[(steps - 1) * width] += 1;
  };
  expect_found(broken, "gradient_along_paths");
}

}  // namespace
}  // namespace alignment::bench
