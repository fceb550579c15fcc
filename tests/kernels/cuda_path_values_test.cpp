#include <gtest/gtest.h>

#include "kernels/barycenter.hpp"
#include "kernels/slope_intercept.hpp"
#include "tests/kernels/device_problem.hpp"

namespace alignment::kernels::testing {
namespace {

using CudaSlopeIntercept = OnDevice;
using CudaBarycenter = OnDevice;

struct SlopeIntercept {
  std::vector<float> slope, intercept;
};

SlopeIntercept slope_intercept_on_device(const Problem<float>& problem, cuda::FeatureType type,
                                         const std::vector<std::int32_t>& paths, TieSign tie_sign,
                                         cuda::Stream stream) {
  DeviceProblem device(problem, type);
  DeviceArray<std::int32_t> breakpoints(paths);
  const std::int64_t count = problem.samples().count * problem.element_count();
  DeviceArray<float> slope(count), intercept(count);
  cuda::slope_intercept(device.parameters(), device.samples(), breakpoints.data(), tie_sign, slope.data(),
                        intercept.data(), stream);
  return {slope.values(), intercept.values()};
}

TEST_F(CudaSlopeIntercept, EqualsTheReferenceBitForBitOnIntegers) {
  for (const Shape& shape : device_shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kIntegers);
    const auto count = static_cast<std::size_t>(problem.samples().count * problem.element_count());
    for (const bool diagonal : {false, true}) {
      const std::vector<std::int32_t> paths = problem.paths(diagonal);
      for (const TieSign tie_sign : {TieSign::kZero, TieSign::kMinusOne}) {
        std::vector<double> slope(count), intercept(count);
        reference::slope_intercept(problem.parameters(), problem.samples(), paths.data(), tie_sign, slope.data(),
                                   intercept.data());
        for (const cuda::FeatureType type : kFeatureTypes) {
          const SlopeIntercept found = slope_intercept_on_device(problem, type, paths, tie_sign, stream());
          for (std::size_t k = 0; k < count; ++k) {
            ASSERT_EQ(static_cast<double>(found.slope[k]), slope[k]) << to_string(shape) << " " << name_of(type);
            ASSERT_EQ(static_cast<double>(found.intercept[k]), intercept[k])
                << to_string(shape) << " " << name_of(type);
          }
        }
      }
    }
  }
}

TEST_F(CudaSlopeIntercept, IsWithinTheRoundingBoundOnReals) {
  Problem<float> problem(4, 6, 130, {12, 1, 70}, Numbers::kReals);
  const std::vector<std::int32_t> paths = problem.paths(false);
  const auto count = static_cast<std::size_t>(problem.samples().count * problem.element_count());
  std::vector<double> slope(count), intercept(count);
  reference::slope_intercept(problem.parameters(), problem.samples(), paths.data(), TieSign::kZero, slope.data(),
                             intercept.data());
  const SlopeIntercept found =
      slope_intercept_on_device(problem, cuda::FeatureType::kFloat32, paths, TieSign::kZero, stream());
  double largest = 0;
  for (const float value : problem.features())
    largest = std::isnan(value) ? largest : std::max<double>(largest, std::abs(value));
  for (std::size_t k = 0; k < count; ++k) {
    ASSERT_EQ(static_cast<double>(found.slope[k]), slope[k]);
    ASSERT_NEAR(static_cast<double>(found.intercept[k]), intercept[k], 70 * kRoundoff * 70 * largest);  // 70 additions
  }
}

TEST_F(CudaSlopeIntercept, ZerosOfEitherSignTie) {
  for (const float centroid : {0.0F, -0.0F}) {
    for (const float feature : {0.0F, -0.0F}) {
      Problem<float> problem(1, 1, 1, {1}, Numbers::kIntegers);
      problem.centroids()[0] = centroid;
      problem.features()[1] = feature;
      for (const cuda::FeatureType type : kFeatureTypes) {
        EXPECT_EQ(slope_intercept_on_device(problem, type, {}, TieSign::kZero, stream()).slope[0], 0.0F);
        EXPECT_EQ(slope_intercept_on_device(problem, type, {}, TieSign::kMinusOne, stream()).slope[0], -1.0F);
      }
    }
  }
}

TEST_F(CudaBarycenter, EqualsTheReferenceBitForBit) {
  const std::vector<Shape> shapes{
      {1, 6, 37, {6, 1, 19, 4}}, {1, 1, 1, {1}}, {1, 40, 129, {3, 64, 50}}, {1, 2, 300, {1100}}};
  for (const Shape& shape : shapes) {
    Problem<float> problem(1, shape.steps, shape.feature_dim, shape.lengths, Numbers::kReals);
    round_features(problem);
    for (const bool diagonal : {false, true}) {
      const std::vector<std::int32_t> paths = problem.paths(diagonal);
      std::vector<float> expected(static_cast<std::size_t>(problem.element_count()));
      reference::barycenter(problem.samples(), paths.data(), shape.steps, expected.data());
      for (const cuda::FeatureType type : kFeatureTypes) {
        DeviceProblem device(problem, type);
        DeviceArray<std::int32_t> breakpoints(paths);
        DeviceArray<float> centroid(problem.element_count());
        cuda::barycenter(device.samples(), breakpoints.data(), shape.steps, centroid.data(), stream());
        // Both add in f64, in the same order.
        EXPECT_TRUE(same_bits(centroid.values(), expected)) << to_string(shape) << " " << name_of(type);
      }
    }
  }
}

}  // namespace
}  // namespace alignment::kernels::testing
