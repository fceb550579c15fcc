#include "kernels/dtw.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

#include "tests/kernels/alignment_problem.hpp"

namespace alignment::kernels::testing {
namespace {

struct Path {
  std::vector<Extent> cells;
  double cost = 0;

  bool operator==(const Path&) const = default;
};

Path path_of(const PathCell* cells, std::int64_t count, double cost) {
  Path path{{}, cost};
  for (std::int64_t k = 0; k < count; ++k) path.cells.emplace_back(cells[k].row, cells[k].column);
  return path;
}

template <typename Real>
Path reference_path(const Real* distances, std::int64_t rows, std::int64_t columns) {
  std::vector<PathCell> cells(static_cast<std::size_t>(rows + columns - 1));
  double cost = 0;
  const std::int64_t count = reference::dtw_path(distances, rows, columns, cells.data(), &cost);
  return path_of(cells.data(), count, cost);
}

template <typename Real>
std::vector<Path> reference_paths(const MatricesView<Real>& matrices) {
  std::vector<Path> paths;
  for (std::int64_t b = 0; b < matrices.count; ++b)
    paths.push_back(reference_path(matrices.values + matrices.offsets[b], matrices.rows[b], matrices.columns[b]));
  return paths;
}

/// By the batch; cells between guards.
template <typename Real>
std::vector<Path> paths_by(const RaggedMatrices<Real>& matrices, int threads, const cpu::AlignmentVariant& variant) {
  const MatricesView<Real> view = matrices.view();
  const auto room = static_cast<std::size_t>(matrices.path_room());
  std::vector<PathCell> cells(room + 2, PathCell{-7, -7});
  std::vector<std::int64_t> lengths(static_cast<std::size_t>(view.count), -7);
  std::vector<double> costs(lengths.size(), std::nan(""));
  Aligned<std::byte> workspace(static_cast<std::int64_t>(cpu::dtw_paths_workspace_bytes(view, threads)));
  cpu::dtw_paths(view, cells.data() + 1, lengths.data(), costs.data(), workspace.data(), threads, variant);
  EXPECT_EQ(cells.front().row, -7);
  EXPECT_EQ(cells.back().row, -7);
  std::vector<Path> paths;
  const PathCell* first = cells.data() + 1;
  for (std::int64_t b = 0; b < view.count; ++b) {
    paths.push_back(path_of(first, lengths[static_cast<std::size_t>(b)], costs[static_cast<std::size_t>(b)]));
    first += view.rows[b] + view.columns[b] - 1;
  }
  return paths;
}

TEST(Dtw, TwoByThreeByHand) {
  const std::vector<double> distances{1, 1, 9,   // row 0
                                      9, 1, 1};  // row 1
  EXPECT_EQ(reference_path(distances.data(), 2, 3), (Path{{{0, 0}, {0, 1}, {1, 2}}, 3}));
}

TEST(Dtw, OnATieTheDiagonalWinsThenTheRowBeforeThenTheColumnBefore) {
  const std::vector<double> zeros(12, 0.0);
  EXPECT_EQ(reference_path(zeros.data(), 3, 4), (Path{{{0, 0}, {0, 1}, {1, 2}, {2, 3}}, 0}));
  const std::vector<double> crossed{0, 1,   // r: 0 1
                                    1, 0};  //    1 0, whose corner is 0: the diagonal
  EXPECT_EQ(reference_path(crossed.data(), 2, 2), (Path{{{0, 0}, {1, 1}}, 0}));
  // r(1,1) = 5 is dear; above and left of the last cell are equally small: the row before counts.
  const std::vector<double> sides{0, 1, 1,   // r: 0 1 2
                                  1, 5, 0,   //    1 5 1
                                  1, 0, 0};  //    2 1 ?
  EXPECT_EQ(reference_path(sides.data(), 3, 3), (Path{{{0, 0}, {0, 1}, {1, 2}, {2, 2}}, 1}));
}

TEST(Dtw, ReferenceFindsTheCheapestOfAllPaths) {
  std::mt19937 generator(3);
  for (std::int64_t rows = 1; rows <= 5; ++rows) {
    for (std::int64_t columns = 1; columns <= 5; ++columns) {
      std::vector<double> distances(static_cast<std::size_t>(rows * columns));
      for (double& value : distances) value = std::uniform_int_distribution<int>(0, 6)(generator);
      double smallest = std::numeric_limits<double>::infinity();
      const Path found = reference_path(distances.data(), rows, columns);
      bool among_them = false;
      for_each_path(rows, columns, [&](const std::vector<Extent>& cells) {
        double cost = 0;
        for (const auto& [i, j] : cells) cost += distances[static_cast<std::size_t>(i * columns + j)];
        smallest = std::min(smallest, cost);
        among_them = among_them || (cells == found.cells && cost == found.cost);
      });
      EXPECT_EQ(found.cost, smallest) << rows << "x" << columns;
      EXPECT_TRUE(among_them) << rows << "x" << columns;
    }
  }
}

template <typename Real>
class DtwPaths : public ::testing::Test {};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(DtwPaths, Reals);

template <typename Real>
void expect_the_references_paths(const std::vector<Extent>& extents, const std::function<double(std::size_t)>& draw) {
  const RaggedMatrices<Real> matrices(extents, draw);
  const std::vector<Path> expected = reference_paths(matrices.view());
  for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
    for (const int threads : {1, 3}) {
      const std::vector<Path> found = paths_by(matrices, threads, variant);
      for (std::size_t b = 0; b < extents.size(); ++b)
        EXPECT_EQ(found[b], expected[b]) << variant.name << " " << to_string(extents[b]);
    }
  });
}

TYPED_TEST(DtwPaths, AreTheReferencesOnFewIntegers) {
  std::mt19937 generator(4);
  for (const int most : {0, 1, 3, 100}) {  // 0: nothing but ties
    const auto draw = [&](std::size_t) { return std::uniform_int_distribution<int>(0, most)(generator); };
    expect_the_references_paths<TypeParam>(small_extents(), draw);
  }
}

TYPED_TEST(DtwPaths, AreTheReferencesOnRealsOfAnyLength) {
  std::mt19937 generator(5);
  const auto draw = [&](std::size_t) { return std::uniform_real_distribution<double>(0, 2)(generator); };
  expect_the_references_paths<TypeParam>(small_extents(), draw);
  expect_the_references_paths<TypeParam>(long_extents(), draw);
}

TYPED_TEST(DtwPaths, OfOneMatrixWithoutItsCost) {
  std::mt19937 generator(6);
  const RaggedMatrices<TypeParam> matrices({{37, 21}},
                                           [&](std::size_t) { return static_cast<double>(generator() % 4); });
  const MatricesView<TypeParam> view = matrices.view();
  const Path expected = reference_paths(view)[0];
  for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
    std::vector<PathCell> cells(37 + 21 - 1);
    Aligned<std::byte> workspace(static_cast<std::int64_t>(cpu::dtw_path_workspace_bytes(37, 21)));
    const std::int64_t count =
        cpu::dtw_path(view.values + view.offsets[0], 37, 21, cells.data(), nullptr, workspace.data(), variant);
    EXPECT_EQ(path_of(cells.data(), count, expected.cost), expected) << variant.name;
  });
}

}  // namespace
}  // namespace alignment::kernels::testing
