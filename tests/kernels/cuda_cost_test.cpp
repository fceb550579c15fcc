#include <gtest/gtest.h>

#include <cstring>

#include "tests/kernels/device_problem.hpp"

namespace alignment::kernels::testing {
namespace {

/// Elements [sum of T, C*K] without the padding of the columns.
std::vector<float> cost_on_device(const Problem<float>& problem, cuda::FeatureType type, cuda::Stream stream,
                                  std::int64_t first = 0, std::int64_t count = -1) {
  DeviceProblem device(problem, type, first, count);
  const ParametersView<float> parameters = device.parameters();
  const cuda::Samples samples = device.samples();
  const std::int64_t rows = parameters.classes * parameters.steps;
  const std::int64_t stride = cuda::cost_stride(parameters.classes, parameters.steps);
  DeviceArray<float> packed(cuda::packed_parameter_count(parameters.classes, parameters.steps, parameters.feature_dim));
  DeviceArray<float> packed_samples(cuda::packed_sample_count(samples.total_steps, samples.feature_dim));
  DeviceArray<float> cost(samples.total_steps * stride);
  const PackedParameters panels = cuda::pack_parameters(parameters, packed.data(), stream);
  cuda::pack_samples(samples, packed_samples.data(), stream);
  cuda::cost_matrices(panels, packed_samples.data(), samples.total_steps, cost.data(), stream);
  const std::vector<float> padded = cost.values();
  std::vector<float> elements;
  for (std::int64_t j = 0; j < samples.total_steps; ++j)
    elements.insert(elements.end(), padded.begin() + j * stride, padded.begin() + j * stride + rows);
  return elements;
}

/// The same by one of the CPU's variants.
std::vector<float> cost_on_cpu(const Problem<float>& problem, const Variant& variant) {
  const ParametersView<float> parameters = problem.parameters();
  const std::int64_t rows = parameters.classes * parameters.steps;
  const std::int64_t stride = cost_stride(parameters.classes, parameters.steps);
  Aligned<float> panels(packed_parameter_count(parameters.classes, parameters.steps, parameters.feature_dim));
  Aligned<float> cost(problem.samples().total_steps() * stride);
  Blocks blocks(problem);
  cpu::cost_matrices(cpu::pack_parameters(parameters, panels.data(), 1), blocks.samples(), 0, problem.samples().count,
                     cost.data(), variant);
  std::vector<float> elements;
  for (std::int64_t j = 0; j < problem.samples().total_steps(); ++j)
    elements.insert(elements.end(), cost.data() + j * stride, cost.data() + j * stride + rows);
  return elements;
}

std::vector<double> reference_cost(const Problem<float>& problem) {
  const ParametersView<float> parameters = problem.parameters();
  const std::int64_t rows = parameters.classes * parameters.steps;
  const std::int64_t stride = cost_stride(parameters.classes, parameters.steps);
  std::vector<double> cost(static_cast<std::size_t>(problem.samples().total_steps() * stride));
  reference::cost_matrices(parameters, problem.samples(), cost.data());
  std::vector<double> elements;
  for (std::int64_t j = 0; j < problem.samples().total_steps(); ++j)
    elements.insert(elements.end(), cost.begin() + j * stride, cost.begin() + j * stride + rows);
  return elements;
}

using CudaFeatures = OnDevice;
using CudaCost = OnDevice;

TEST_F(CudaFeatures, ArePlacedAndPaddedWithZeros) {
  for (const cuda::FeatureType type : kFeatureTypes) {
    for (const std::int64_t feature_dim : {1, 7, 8, 9, 64, 100}) {
      const std::int64_t stride = cuda::feature_stride(feature_dim);
      EXPECT_EQ(stride % 8, 0);
      std::vector<float> rows(static_cast<std::size_t>(3 * feature_dim));
      for (std::size_t k = 0; k < rows.size(); ++k) rows[k] = 1.0F + static_cast<float>(k) * 0x1.234p-9F;
      DeviceArray<std::byte> plain(rows_of(type, rows));
      DeviceArray<std::byte> features(5 * stride * cuda::feature_bytes(type));
      cuda::place_features(plain.data(), 3, feature_dim, features.data(), type, 1, stream());
      const std::vector<std::byte> bytes = features.values();
      for (std::int64_t row = 0; row < 5; ++row) {
        for (std::int64_t f = 0; f < stride; ++f) {
          const std::int64_t at = row * stride + f;
          float found;
          __half found_half;
          if (type == cuda::FeatureType::kFloat32) {
            std::memcpy(&found, bytes.data() + at * 4, 4);
          } else {
            std::memcpy(&found_half, bytes.data() + at * 2, 2);
            found = __half2float(found_half);
          }
          if (row == 0 || row == 4) {
            ASSERT_TRUE(std::isnan(found)) << "row " << row << " was not to be touched";
          } else if (f >= feature_dim) {
            ASSERT_EQ(found, 0.0F);
          } else {
            const float value = rows[static_cast<std::size_t>((row - 1) * feature_dim + f)];
            ASSERT_EQ(found, type == cuda::FeatureType::kFloat32 ? value : __half2float(__float2half_rn(value)));
          }
        }
      }
    }
  }
}

TEST_F(CudaFeatures, WeightsAreTheExponentials) {
  std::vector<float> log_weights;
  for (int k = -2000; k <= 2000; ++k) log_weights.push_back(static_cast<float>(k) * 0.01F);
  DeviceArray<float> input(log_weights), output(static_cast<std::int64_t>(log_weights.size()));
  cuda::exponentiate(input.data(), static_cast<std::int64_t>(log_weights.size()), output.data(), stream());
  const std::vector<float> weights = output.values();
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const double exact = std::exp(static_cast<double>(log_weights[k]));
    EXPECT_NEAR(weights[k], exact, 4 * kRoundoff * exact);  // expf is within 2 units in the last place
  }
}

TEST_F(CudaCost, PackedParametersLieInPanelsPaddedWithZeros) {
  const Problem<float> problem(5, 14, 19, {3}, Numbers::kReals);  // 70 rows: two panels of a tile
  DeviceProblem device(problem, cuda::FeatureType::kFloat32);
  DeviceArray<float> packed(cuda::packed_parameter_count(5, 14, 19));
  const PackedParameters panels = cuda::pack_parameters(device.parameters(), packed.data(), stream());
  EXPECT_EQ(panels.data, packed.data());
  const std::vector<float> numbers = packed.values();
  const std::int64_t features = cuda::padded_to(19, cuda::kFeatureStage), width = cuda::kPanelWidth;
  ASSERT_EQ(static_cast<std::int64_t>(numbers.size()), 128 * features * 2);
  for (std::int64_t row = 0; row < 128; ++row) {
    for (std::int64_t f = 0; f < features; ++f) {
      const bool inside = row < 70 && f < 19;
      const auto element = static_cast<std::size_t>((row % 5 * 14 + row / 5) * 19 + f);
      const auto at = static_cast<std::size_t>((row / width * features + f) * 2 * width + row % width);
      ASSERT_EQ(numbers[at], inside ? problem.parameters().centroids[element] : 0.0F) << row << " " << f;
      ASSERT_EQ(numbers[at + width], inside ? problem.parameters().weights[element] : 0.0F) << row << " " << f;
    }
  }
}

TEST_F(CudaCost, EqualsTheReferenceBitForBitOnIntegers) {
  for (const Shape& shape : device_shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kIntegers);
    const std::vector<double> expected = reference_cost(problem);
    const std::vector<float> single(expected.begin(), expected.end());
    for (const cuda::FeatureType type : kFeatureTypes) {
      EXPECT_TRUE(same_bits(cost_on_device(problem, type, stream()), single))
          << to_string(shape) << " " << name_of(type);
    }
  }
}

TEST_F(CudaCost, IsWithinTheRoundingBoundOnReals) {
  for (const Shape& shape : device_shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kReals);
    const std::vector<double> expected = reference_cost(problem);
    // Every term is positive. It passes through a subtraction and at most F fused multiply-adds.
    const double bound = std::expm1(static_cast<double>(1 + shape.feature_dim) * kRoundoff);
    const std::vector<float> found = cost_on_device(problem, cuda::FeatureType::kFloat32, stream());
    for (std::size_t k = 0; k < found.size(); ++k)
      ASSERT_NEAR(static_cast<double>(found[k]), expected[k], bound * expected[k]) << to_string(shape);
  }
}

TEST_F(CudaCost, GivesTheBitsOfTheCpusFusedMultiplyAdd) {
  for (const Shape& shape : device_shapes()) {
    Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kReals);
    for_each_fused_variant([&](const Variant& variant) {
      EXPECT_TRUE(
          same_bits(cost_on_device(problem, cuda::FeatureType::kFloat32, stream()), cost_on_cpu(problem, variant)))
          << to_string(shape) << " " << variant.name;
    });
    round_features(problem);
    const std::vector<float> half = cost_on_device(problem, cuda::FeatureType::kFloat16, stream());
    EXPECT_TRUE(same_bits(half, cost_on_device(problem, cuda::FeatureType::kFloat32, stream()))) << to_string(shape);
  }
}

TEST_F(CudaCost, LargeTilesGiveTheSameBitsAsSmallOnes) {
  // 8 x 16 tiles of 128 x 128 elements together; each sample alone takes small tiles.
  std::vector<std::int64_t> lengths(30, 65);
  lengths.push_back(7);
  const Problem<float> problem(125, 8, 5, lengths, Numbers::kReals);
  const std::vector<float> together = cost_on_device(problem, cuda::FeatureType::kFloat32, stream());
  std::vector<float> apart;
  for (std::int64_t b = 0; b < problem.samples().count; ++b) {
    const std::vector<float> alone = cost_on_device(problem, cuda::FeatureType::kFloat32, stream(), b, 1);
    apart.insert(apart.end(), alone.begin(), alone.end());
  }
  EXPECT_TRUE(same_bits(together, apart));
  for (const float value : together) ASSERT_TRUE(std::isfinite(value));
}

}  // namespace
}  // namespace alignment::kernels::testing
