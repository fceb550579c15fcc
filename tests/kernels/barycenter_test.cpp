#include "kernels/barycenter.hpp"

#include <gtest/gtest.h>

#include "kernels/workspace.hpp"
#include "tests/kernels/problem.hpp"

namespace alignment::kernels::testing {
namespace {

TEST(ResizeSample, KeepsEndPointsAndInterpolatesBetween) {
  const std::vector<float> sample{0, 10, 2, 20, 4, 30};  // T = 3, F = 2
  std::vector<float> resized(10);
  cpu::resize_sample(sample.data(), 3, 2, 5, resized.data());
  EXPECT_EQ(resized, (std::vector<float>{0, 10, 1, 15, 2, 20, 3, 25, 4, 30}));
  resized.resize(2);
  cpu::resize_sample(sample.data(), 3, 2, 1, resized.data());
  EXPECT_EQ(resized, (std::vector<float>{0, 10}));
  resized.resize(8);
  cpu::resize_sample(sample.data(), 1, 2, 4, resized.data());
  EXPECT_EQ(resized, (std::vector<float>{0, 10, 0, 10, 0, 10, 0, 10}));
}

TEST(ResizeSample, EqualsTheReference) {
  const Problem<float> problem(1, 1, 19, {1, 2, 7, 33, 100}, Numbers::kReals);
  for (std::int64_t b = 0; b < problem.samples().count; ++b) {
    for (const std::int64_t steps : {1, 2, 8, 33, 50}) {
      std::vector<float> found(static_cast<std::size_t>(steps * 19)), expected(found.size());
      cpu::resize_sample(problem.samples().sample(b), problem.samples().length(b), 19, steps, found.data());
      reference::resize_sample(problem.samples().sample(b), problem.samples().length(b), 19, steps, expected.data());
      for (std::size_t k = 0; k < found.size(); ++k) {
        // Both interpolate in f64 and round once; positions are at most 100, so f64 rounding shifts a value by far
        // less.
        EXPECT_NEAR(found[k], expected[k], 2 * kRoundoff * (1 + std::abs(static_cast<double>(expected[k]))));
      }
    }
  }
}

TEST(Barycenter, EachPathCellCountsOnce) {
  // K = 2, F = 1; sample a = (1, 2, 6) with the break at column 1, sample b = (4) whose only step lies in both rows.
  const std::vector<float> features{1, 2, 6, 4};
  const std::vector<std::int64_t> offsets{0, 3, 4};
  const std::vector<std::int32_t> breakpoints{1, 0};
  std::vector<float> centroid(2);
  std::vector<double> sums(1);
  cpu::barycenter({features.data(), offsets.data(), 2, 1}, breakpoints.data(), 2, centroid.data(), sums.data());
  EXPECT_EQ(centroid[0], static_cast<float>((1.0 + 2.0 + 4.0) / 3));
  EXPECT_EQ(centroid[1], static_cast<float>((2.0 + 6.0 + 4.0) / 3));
}

TEST(Barycenter, EqualsTheReference) {
  const Problem<float> problem(1, 6, 37, {6, 1, 19, 4}, Numbers::kReals);
  const std::vector<std::int32_t> paths = problem.paths(false);
  std::vector<float> found(static_cast<std::size_t>(6 * 37)), expected(found.size());
  std::vector<double> sums(37);
  cpu::barycenter(problem.samples(), paths.data(), 6, found.data(), sums.data());
  reference::barycenter(problem.samples(), paths.data(), 6, expected.data());
  EXPECT_EQ(found, expected);  // both add in f64, in the same order
}

TEST(Workspace, CountsAndCarvesTheSameArrays) {
  const auto carve = [](Workspace& workspace) {
    return std::pair{workspace.request<float>(3), workspace.request<double>(5)};
  };
  Workspace sizing(nullptr);
  EXPECT_EQ(carve(sizing).second, nullptr);
  EXPECT_EQ(sizing.required_bytes(), 128U);
  Aligned<std::byte> memory(static_cast<std::int64_t>(sizing.required_bytes()));
  Workspace arena(memory.data());
  const auto [first, second] = carve(arena);
  EXPECT_EQ(reinterpret_cast<std::byte*>(first), memory.data());
  EXPECT_EQ(reinterpret_cast<std::byte*>(second), memory.data() + 64);
  EXPECT_EQ(arena.required_bytes(), sizing.required_bytes());
}

TEST(Blocks, RowsAreFoundAgainAndPaddingIsZero) {
  for (const std::int64_t feature_dim : {1, 15, 16, 64, 65, 100, 128}) {
    std::vector<float> rows(static_cast<std::size_t>(3 * feature_dim));
    for (std::size_t k = 0; k < rows.size(); ++k) rows[k] = static_cast<float>(k + 1);
    Aligned<float> blocked(blocked_count(3, feature_dim));
    cpu::to_blocks(rows.data(), 3, feature_dim, blocked.data(), 2);
    for (std::int64_t row = 0; row < 3; ++row) {
      for (std::int64_t f = 0; f < padded_features(feature_dim); ++f) {
        const std::int64_t first = f / kBlockFeatures * kBlockFeatures;
        const float value = blocked[block_offset(3, feature_dim, first, row) + f - first];
        EXPECT_EQ(value, f < feature_dim ? rows[static_cast<std::size_t>(row * feature_dim + f)] : 0.0F);
      }
    }
  }
}

}  // namespace
}  // namespace alignment::kernels::testing
