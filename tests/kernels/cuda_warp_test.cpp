#include <gtest/gtest.h>

#include "tests/kernels/device_problem.hpp"

namespace alignment::kernels::testing {
namespace {

/// `own_distances`: where to put the paths' own distances [B,C], or nullptr.
std::vector<std::int32_t> paths_on_device(const Problem<float>& problem, cuda::FeatureType type, bool diagonal,
                                          cuda::Stream stream, std::int64_t first = 0, std::int64_t count = -1,
                                          std::vector<double>* own_distances = nullptr) {
  DeviceProblem device(problem, type, first, count);
  const ParametersView<float> parameters = device.parameters();
  const cuda::Samples samples = device.samples();
  DeviceArray<float> packed(cuda::packed_parameter_count(parameters.classes, parameters.steps, parameters.feature_dim));
  const PackedParameters panels = cuda::pack_parameters(parameters, packed.data(), stream);
  DeviceArray<std::byte> workspace(
      static_cast<std::int64_t>(cuda::search_paths_workspace_bytes(panels, samples, diagonal)));
  DeviceArray<std::int32_t> breakpoints(samples.count * parameters.classes * (parameters.steps - 1));
  DeviceArray<double> distances(samples.count * parameters.classes);
  cuda::search_paths(panels, samples, diagonal, breakpoints.data(), workspace.data(), stream,
                     own_distances != nullptr ? distances.data() : nullptr);
  if (own_distances != nullptr) *own_distances = distances.values();
  return breakpoints.values();
}

using CudaSearchPaths = OnDevice;
using CudaWarp = OnDevice;

TEST_F(CudaSearchPaths, EqualsTheReferenceOnIntegers) {
  for (const Shape& shape : device_shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kIntegers);
    for (const bool diagonal : {false, true}) {
      std::vector<std::int32_t> expected(problem.paths(diagonal).size());
      std::vector<double> smallest(static_cast<std::size_t>(problem.pair_count())), distances;
      reference::search_paths(problem.parameters(), problem.samples(), diagonal, expected.data(), smallest.data());
      for (const cuda::FeatureType type : kFeatureTypes) {
        EXPECT_TRUE(same_bits(paths_on_device(problem, type, diagonal, stream()), expected))
            << to_string(shape) << " diagonal " << diagonal << " " << name_of(type);
        EXPECT_TRUE(same_bits(paths_on_device(problem, type, diagonal, stream(), 0, -1, &distances), expected));
        EXPECT_TRUE(same_bits(distances, smallest)) << to_string(shape) << " diagonal " << diagonal;
      }
    }
  }
}

TEST_F(CudaSearchPaths, ManyTiesAreBrokenAsTheReferenceBreaksThem) {
  for (const std::int64_t steps : {6, 40}) {
    Problem<float> problem(19, steps, 4, {9, 1, 5, 20, 60}, Numbers::kIntegers);
    for (float& value : problem.features()) value = std::isnan(value) ? value : std::copysign(1.0F, value);
    for (float& value : problem.centroids()) value = std::copysign(1.0F, value);
    for (float& value : problem.weights()) value = 1;
    for (const bool diagonal : {false, true}) {
      EXPECT_TRUE(
          same_bits(paths_on_device(problem, cuda::FeatureType::kFloat32, diagonal, stream()), problem.paths(diagonal)))
          << "K=" << steps << " diagonal " << diagonal;
    }
  }
}

TEST_F(CudaSearchPaths, OnRealsFindsThePathsAndDistancesThatTheCpusFusedMultiplyAddFinds) {
  for (const Shape& shape : device_shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kReals);
    std::vector<double> expected(static_cast<std::size_t>(problem.pair_count())), distances;
    for (const bool diagonal : {false, true}) {
      const std::vector<std::int32_t> found =
          paths_on_device(problem, cuda::FeatureType::kFloat32, diagonal, stream(), 0, -1, &distances);
      for_each_fused_variant([&](const Variant& variant) {
        EXPECT_TRUE(same_bits(found, paths_by(problem, diagonal, 1, variant, expected.data())))
            << to_string(shape) << " diagonal " << diagonal << " " << variant.name;
        EXPECT_TRUE(same_bits(distances, expected)) << to_string(shape) << " diagonal " << diagonal;
      });
    }
  }
}

TEST_F(CudaSearchPaths, ASampleDoesNotDependOnTheSamplesBesideIt) {
  const Problem<float> problem(6, 37, 21, {3, 50, 1, 8, 37}, Numbers::kReals);
  const std::vector<std::int32_t> together = paths_on_device(problem, cuda::FeatureType::kFloat32, true, stream());
  std::vector<std::int32_t> apart;
  for (const auto& [first, count] : {std::pair{0, 2}, {2, 1}, {3, 2}}) {
    const std::vector<std::int32_t> some =
        paths_on_device(problem, cuda::FeatureType::kFloat32, true, stream(), first, count);
    apart.insert(apart.end(), some.begin(), some.end());
  }
  EXPECT_TRUE(same_bits(apart, together));
}

TEST_F(CudaWarp, AloneFollowsTheRulesForTiesOnAnyCosts) {
  // Costs drawn from few values; NaN in the padding between the columns.
  std::mt19937 generator(5);
  std::uniform_int_distribution<int> draw(0, 3);
  for (const std::int64_t steps : {2, 3, 7, 8, 9, 16, 17, 31, 32, 33, 64, 65, 100}) {
    for (const bool diagonal : {false, true}) {
      const Problem<float> problem(3, steps, 1, {1, 2, 11, 40, 120}, Numbers::kIntegers);
      DeviceProblem device(problem, cuda::FeatureType::kFloat32);
      const cuda::Samples samples = device.samples();
      const std::int64_t stride = cuda::cost_stride(3, steps);
      std::vector<float> cost(static_cast<std::size_t>(samples.total_steps * stride), std::nanf(""));
      std::vector<std::int32_t> expected;
      std::vector<double> smallest;
      std::int64_t column = 0;
      for (std::int64_t b = 0; b < samples.count; ++b) {
        const std::int64_t length = problem.samples().length(b);
        for (std::int64_t c = 0; c < 3; ++c) {
          std::vector<double> matrix(static_cast<std::size_t>(steps * length));
          for (std::int64_t i = 0; i < steps; ++i) {
            for (std::int64_t j = 0; j < length; ++j) {
              const int value = draw(generator);
              matrix[static_cast<std::size_t>(i * length + j)] = value;
              cost[static_cast<std::size_t>((column + j) * stride + i * 3 + c)] = static_cast<float>(value);
            }
          }
          std::vector<std::int32_t> path(static_cast<std::size_t>(steps - 1));
          smallest.push_back(reference::warp(matrix.data(), steps, length, diagonal, path.data()));
          expected.insert(expected.end(), path.begin(), path.end());
        }
        column += length;
      }
      DeviceArray<float> device_cost(cost);
      DeviceArray<std::byte> workspace(
          static_cast<std::int64_t>(cuda::warp_workspace_bytes(3, steps, samples, diagonal)));
      DeviceArray<std::int32_t> breakpoints(static_cast<std::int64_t>(expected.size()));
      DeviceArray<double> distances(static_cast<std::int64_t>(smallest.size()));
      cuda::warp(device_cost.data(), 3, steps, samples, diagonal, breakpoints.data(), distances.data(),
                 workspace.data(), stream());
      EXPECT_TRUE(same_bits(breakpoints.values(), expected)) << "K=" << steps << " diagonal " << diagonal;
      EXPECT_TRUE(same_bits(distances.values(), smallest)) << "K=" << steps << " diagonal " << diagonal;
    }
  }
}

}  // namespace
}  // namespace alignment::kernels::testing
