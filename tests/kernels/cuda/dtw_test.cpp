#include "kernels/dtw.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "tests/kernels/device_matrices.hpp"

namespace alignment::kernels::testing {
namespace {

using CudaDtw = OnDevice;

/// Cells and costs of every path to the bit.
template <typename Real>
void expect_the_references_paths(const std::vector<Extent>& extents, const std::function<double(std::size_t)>& draw,
                                 cuda::Stream stream) {
  RaggedMatrices<Real> matrices(extents, draw);
  DeviceMatrices<Real> device(matrices);
  const cuda::Matrices<Real> view = device.view();
  DeviceArray<PathCell> cells(matrices.path_room());
  DeviceArray<std::int64_t> lengths(view.matrices.count);
  DeviceArray<double> costs(view.matrices.count);
  DeviceArray<std::byte> workspace(static_cast<std::int64_t>(cuda::dtw_paths_workspace_bytes(view)));
  cuda::dtw_paths(view, cells.data(), lengths.data(), costs.data(), workspace.data(), stream);
  const std::vector<PathCell> found = cells.values();
  const std::vector<std::int64_t> found_lengths = lengths.values();
  const std::vector<double> found_costs = costs.values();

  std::size_t first = 0;
  for (std::size_t b = 0; b < extents.size(); ++b) {
    const auto [rows, columns] = extents[b];
    std::vector<PathCell> expected(static_cast<std::size_t>(rows + columns - 1));
    double cost = 0;
    const std::int64_t count =
        reference::dtw_path(matrices.view().values + matrices.offsets()[b], rows, columns, expected.data(), &cost);
    EXPECT_EQ(found_lengths[b], count) << to_string(extents[b]);
    EXPECT_EQ(found_costs[b], cost) << to_string(extents[b]);
    for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) {
      ASSERT_TRUE(found[first + k].row == expected[k].row && found[first + k].column == expected[k].column)
          << to_string(extents[b]) << " cell " << k;
    }
    first += expected.size();
  }
}

TEST_F(CudaDtw, PathsAreTheReferencesOnFewIntegers) {
  std::mt19937 generator(1);
  for (const int most : {0, 1, 5}) {
    const auto draw = [&](std::size_t) { return std::uniform_int_distribution<int>(0, most)(generator); };
    expect_the_references_paths<float>(device_extents(), draw, stream());
    expect_the_references_paths<double>(device_extents(), draw, stream());
  }
}

TEST_F(CudaDtw, PathsAreTheReferencesOnRealsOfAnyLength) {
  std::mt19937 generator(2);
  const auto draw = [&](std::size_t) { return std::uniform_real_distribution<double>(0, 2)(generator); };
  expect_the_references_paths<float>(device_extents(), draw, stream());
  expect_the_references_paths<double>(long_device_extents(), draw, stream());
  expect_the_references_paths<double>({{2100, 2060}}, draw, stream());  // beyond shared memory
}

}  // namespace
}  // namespace alignment::kernels::testing
