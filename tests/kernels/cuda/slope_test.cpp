#include "kernels/slope.hpp"

#include <gtest/gtest.h>

#include "tests/kernels/device_problem.hpp"

namespace alignment::kernels::testing {
namespace {

using CudaSlope = OnDevice;

/// Around every length at which the window grows, and the shortest.
constexpr std::int64_t kLengths[] = {1, 2, 3, 11, 12, 13, 23, 24, 25, 35, 36, 37, 59, 60, 61, 84, 130};

TEST_F(CudaSlope, HasTheBitsOfTheCpuFromRowsOfBothTypes) {
  constexpr std::int64_t kBefore = 2, kAfter = 3;  // rows that are another's
  for (const cuda::FeatureType type : kFeatureTypes) {
    for (const std::int64_t feature_dim : {1, 2, 3, 4, 17, 64}) {
      for (const std::int64_t length : kLengths) {
        Problem<float> problem(1, 1, feature_dim, {length}, Numbers::kReals);
        if (type == cuda::FeatureType::kFloat16) round_features(problem);
        const float* const rows = problem.samples().sample(0);
        const std::vector<float> sample(rows, rows + length * feature_dim);
        std::vector<float> slopes(2 * sample.size());
        cpu::append_slopes(sample.data(), length, feature_dim, slopes.data());

        const std::int64_t stride = cuda::feature_stride(2 * feature_dim),
                           numbers = (kBefore + length + kAfter) * stride;
        std::vector<float> expected(static_cast<std::size_t>(numbers), -7.0F);
        DeviceArray<float> features(expected);
        for (std::int64_t t = 0; t < length; ++t) {
          for (std::int64_t column = 0; column < stride; ++column) {
            expected[static_cast<std::size_t>((kBefore + t) * stride + column)] =
                column < 2 * feature_dim ? slopes[static_cast<std::size_t>(2 * t * feature_dim + column)] : 0.0F;
          }
        }
        // The rows of another sample right behind: NaN, which no slope may see.
        std::vector<std::byte> plain = rows_of(type, sample);
        plain.insert(plain.end(), static_cast<std::size_t>(feature_dim * cuda::feature_bytes(type)), std::byte{0xff});
        DeviceArray<std::byte> staged(plain);
        cuda::place_with_slopes(staged.data(), type, length, feature_dim, features.data(), kBefore, stream());
        ASSERT_TRUE(same_bits(features.values(), expected)) << name_of(type) << " T=" << length << " F=" << feature_dim;
      }
    }
  }
}

/// Of halves as large as they get, and of ones that are subnormal: the difference is f32's.
TEST_F(CudaSlope, HalvesAreWidenedBeforeTheyAreSubtracted) {
  const std::vector<float> sample{-65504, 0x1p-24F, 65504, 0x1p-23F, 1, 0};  // T = 3, F = 2
  std::vector<float> slopes(12);
  cpu::append_slopes(sample.data(), 3, 2, slopes.data());
  EXPECT_EQ(slopes[2], 65504.0F);
  EXPECT_EQ(slopes[3], 0x1p-25F);
  DeviceArray<std::byte> staged(rows_of(cuda::FeatureType::kFloat16, sample));
  DeviceArray<float> features(3 * cuda::feature_stride(4));
  cuda::place_with_slopes(staged.data(), cuda::FeatureType::kFloat16, 3, 2, features.data(), 0, stream());
  const std::vector<float> found = features.values();
  for (std::size_t n = 0; n < slopes.size(); ++n) {
    EXPECT_EQ(found[n / 4 * static_cast<std::size_t>(cuda::feature_stride(4)) + n % 4], slopes[n]) << n;
  }
}

}  // namespace
}  // namespace alignment::kernels::testing
