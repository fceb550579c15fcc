#include "kernels/search_precision.hpp"

#include <gtest/gtest.h>

#include "tests/kernels/device_problem.hpp"

namespace alignment::kernels::testing {
namespace {

using CudaSearchPrecision = OnDevice;

/// With the diagonal its best paths cost nothing, and all others something in every precision: each sample step is one
/// of the centroid steps, in their order.
Problem<float> clear_problem(std::int64_t classes, std::int64_t steps, std::int64_t feature_dim,
                             const std::vector<std::int64_t>& lengths) {
  Problem<float> problem(classes, steps, feature_dim, lengths, Numbers::kIntegers);
  for (std::size_t k = 0; k < problem.centroids().size(); ++k) {
    problem.centroids()[k] = static_cast<float>(static_cast<std::int64_t>(k) / feature_dim % steps * 8);
    problem.weights()[k] = 1;
  }
  const SamplesView<float> samples = problem.samples();
  for (std::int64_t b = 0; b < samples.count; ++b) {
    for (std::int64_t j = 0; j < samples.length(b); ++j) {
      const auto first = problem.features().begin() + (samples.offsets[b] + j) * feature_dim;
      std::fill(first, first + feature_dim, static_cast<float>(j * steps / samples.length(b) * 8));
    }
  }
  return problem;
}

TEST_F(CudaSearchPrecision, EveryOneFindsPathsThatNobodyCanMistake) {
  const Problem<float> problem = clear_problem(5, 6, 37, {6, 13, 40});
  const std::vector<std::int32_t> expected = problem.paths(true);
  for (const cuda::SearchPrecision& precision : cuda::search_precisions()) {
    for (const cuda::FeatureType type : kFeatureTypes) {
      DeviceProblem device(problem, type);
      const cuda::Samples samples = device.samples();
      DeviceArray<std::byte> memory(static_cast<std::int64_t>(precision.parameter_bytes(5, 6, 37)));
      const cuda::SearchParameters packed = precision.pack(device.parameters(), memory.data(), stream());
      DeviceArray<std::byte> workspace(
          static_cast<std::int64_t>(cuda::search_paths_workspace_bytes(packed, samples, true)));
      DeviceArray<std::int32_t> breakpoints(samples.count * 5 * 5);
      DeviceArray<double> distances(samples.count * 5);
      cuda::search_paths(packed, samples, true, breakpoints.data(), workspace.data(), stream(), distances.data());
      EXPECT_TRUE(same_bits(breakpoints.values(), expected)) << precision.name << " " << name_of(type);
      for (const double distance : distances.values()) EXPECT_EQ(distance, 0) << precision.name;
    }
  }
}

TEST_F(CudaSearchPrecision, NoneNeedsMoreMemoryThanF32) {
  for (const Shape& shape : device_shapes()) {
    cuda::Samples samples;
    samples.count = static_cast<std::int64_t>(shape.lengths.size());
    for (const std::int64_t length : shape.lengths) samples.total_steps += length;
    samples.feature_dim = shape.feature_dim;
    const PackedParameters plain{nullptr, shape.classes, shape.steps, shape.feature_dim};
    cuda::HalfPackedParameters half;
    half.classes = shape.classes, half.steps = shape.steps, half.feature_dim = shape.feature_dim;
    const cuda::QuantizedParameters quantized{nullptr, {}, shape.classes, shape.steps, shape.feature_dim};
    for (const bool diagonal : {false, true}) {
      const std::size_t most = cuda::search_paths_workspace_bytes(plain, samples, diagonal);
      EXPECT_LE(cuda::search_paths_workspace_bytes(half, samples, diagonal), most) << to_string(shape);
      EXPECT_LE(cuda::search_paths_workspace_bytes(quantized, samples, diagonal), most) << to_string(shape);
    }
  }
}

TEST_F(CudaSearchPrecision, NamesAreFoundAndOthersRefused) {
  for (const cuda::SearchPrecision& precision : cuda::search_precisions()) {
    EXPECT_EQ(&cuda::search_precision(precision.name), &precision);
  }
  EXPECT_EQ(cuda::search_precisions()[0].name, "f32");
  EXPECT_THROW(static_cast<void>(cuda::search_precision("f8")), std::logic_error);
}

}  // namespace
}  // namespace alignment::kernels::testing
