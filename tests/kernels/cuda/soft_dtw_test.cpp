#include "kernels/soft_dtw.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "tests/kernels/device_matrices.hpp"

namespace alignment::kernels::testing {
namespace {

using CudaSoftDtw = OnDevice;

/// Values within 1e-12, alignments within `tolerance` of the largest, which is 1, and a rounding of Real; bytes between
/// the matrices untouched.
template <typename Real>
void expect_the_references(const std::vector<Extent>& extents, double gamma,
                           const std::function<double(std::size_t)>& draw, double tolerance, cuda::Stream stream) {
  RaggedMatrices<Real> matrices(extents, draw);
  const auto count = static_cast<std::int64_t>(extents.size());
  std::vector<double> expected_values(extents.size());
  std::vector<Real> expected(matrices.values().size(), std::numeric_limits<Real>::quiet_NaN());
  reference::soft_dtw(matrices.view(), gamma, expected_values.data(), expected.data());

  DeviceMatrices<Real> device(matrices);
  const cuda::Matrices<Real> view = device.view();
  for (const bool with_alignments : {false, true}) {
    DeviceArray<double> values(count);
    DeviceArray<Real> alignments(static_cast<std::int64_t>(expected.size()));
    DeviceArray<std::byte> workspace(static_cast<std::int64_t>(cuda::soft_dtw_workspace_bytes(view, with_alignments)));
    cuda::soft_dtw(view, gamma, values.data(), with_alignments ? alignments.data() : nullptr, workspace.data(), stream);
    const std::vector<double> found_values = values.values();
    for (std::size_t b = 0; b < extents.size(); ++b) {
      EXPECT_NEAR(found_values[b], expected_values[b], 1e-12 * std::max(1.0, std::abs(expected_values[b])))
          << to_string(extents[b]);
    }
    if (!with_alignments) continue;
    const std::vector<Real> found = alignments.values();
    double largest_error = 0;
    for (std::size_t k = 0; k < found.size(); ++k) {
      ASSERT_EQ(std::isnan(found[k]), std::isnan(expected[k])) << k;
      if (!std::isnan(found[k]))
        largest_error =
            std::max(largest_error, std::abs(static_cast<double>(found[k]) - static_cast<double>(expected[k])));
    }
    EXPECT_LE(largest_error, tolerance + static_cast<double>(std::numeric_limits<Real>::epsilon())) << gamma;
  }
}

TEST_F(CudaSoftDtw, EqualsTheReference) {
  std::mt19937 generator(1);
  const auto reals = [&](std::size_t) { return std::uniform_real_distribution<double>(0, 2)(generator); };
  for (const double gamma : {1e-3, 0.1, 10.0}) {
    // A rounding of r, 2^-53 of 200, is 2e-11 of gamma 1e-3, for every step of a path.
    const double tolerance = gamma < 0.1 ? 1e-8 : 1e-10;
    expect_the_references<float>(device_extents(), gamma, reals, tolerance, stream());
    expect_the_references<double>(device_extents(), gamma, reals, tolerance, stream());
  }
}

TEST_F(CudaSoftDtw, EqualsTheReferenceAtAnyLength) {
  std::mt19937 generator(2);
  const auto reals = [&](std::size_t) { return std::uniform_real_distribution<double>(0, 2)(generator); };
  expect_the_references<float>(long_device_extents(), 0.1, reals, 1e-10, stream());  // 900: beyond shared memory
}

/// Exact ties and distances that gamma is nothing to.
TEST_F(CudaSoftDtw, EqualsTheReferenceOnIntegersOfAnySize) {
  std::mt19937 generator(3);
  for (const double unit : {1.0, 0x1p40}) {
    const auto integers = [&](std::size_t) { return unit * std::uniform_int_distribution<int>(0, 3)(generator); };
    expect_the_references<double>({{40, 50}, {1, 1}, {9, 9}}, 1e-3, integers, 1e-8, stream());
  }
}

}  // namespace
}  // namespace alignment::kernels::testing
