#include "kernels/dependent_dtw.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

#include "kernels/dtw.hpp"
#include "tests/kernels/alignment_problem.hpp"

namespace alignment::kernels::testing {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// `count` steps of `width` features, NaN before and behind them.
class Sequence {
 public:
  Sequence(std::int64_t count, std::int64_t width, const std::function<float()>& draw)
      : count_(count), width_(width), numbers_(static_cast<std::size_t>(count * width + 2), std::nanf("")) {
    for (std::int64_t k = 1; k <= count * width; ++k) numbers_[static_cast<std::size_t>(k)] = draw();
  }
  [[nodiscard]] RowsView<float> view() const { return {numbers_.data() + 1, count_, width_}; }

 private:
  std::int64_t count_, width_;
  std::vector<float> numbers_;
};

Sequence of_numbers(std::int64_t count, std::int64_t width, const std::vector<float>& numbers) {
  return {count, width, [&, next = 0U]() mutable { return numbers[next++]; }};
}

cpu::DependentDtw dtw_by(const Sequence& a, const Sequence& b, double limit, const cpu::AlignmentVariant& variant) {
  const auto packed = [](const RowsView<float>& view, cpu::TableSide side) {
    Aligned<double> numbers(cpu::packed_sequence_count(view.count, view.width, side));
    cpu::pack_sequence(view, side, numbers.data());
    return numbers;
  };
  const RowsView<float> rows = a.view(), columns = b.view();
  Aligned<double> packed_rows = packed(rows, cpu::TableSide::kRows),
                  packed_columns = packed(columns, cpu::TableSide::kColumns);
  Aligned<std::byte> workspace(static_cast<std::int64_t>(cpu::dependent_dtw_workspace_bytes(columns.count)));
  return cpu::dependent_dtw({packed_rows.data(), rows.count, rows.width},
                            {packed_columns.data(), columns.count, columns.width}, limit, workspace.data(), variant);
}

TEST(DependentDtw, TwoByThreeByHand) {
  const Sequence a = of_numbers(2, 2, {0, 0, 3, 4}), b = of_numbers(3, 2, {0, 1, 0, 0, 3, 3});
  // D:  1  0 18    r: 1 1 19
  //    18 25  1      19 26 2
  EXPECT_EQ(reference::dependent_dtw(a.view(), b.view()), 2);
  for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
    const cpu::DependentDtw found = dtw_by(a, b, kInfinity, variant);
    EXPECT_EQ(found.cost, 2) << variant.name;
    EXPECT_EQ(found.cells, 6) << variant.name;
  });
}

TEST(DependentDtw, ReferenceIsDtwOnSquaredDistances) {
  std::mt19937 generator(7);
  const auto draw = [&] { return static_cast<float>(std::uniform_int_distribution<int>(-3, 3)(generator)); };
  for (const auto& [rows, columns] : small_extents()) {
    const Sequence a(rows, 3, draw), b(columns, 3, draw);
    std::vector<double> squares;
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) {
        double square = 0;
        for (int f = 0; f < 3; ++f) square += std::pow(a.view().row(i)[f] - b.view().row(j)[f], 2);
        squares.push_back(square);
      }
    }
    std::vector<PathCell> path(static_cast<std::size_t>(rows + columns - 1));
    double cost = 0;
    reference::dtw_path(squares.data(), rows, columns, path.data(), &cost);
    EXPECT_EQ(reference::dependent_dtw(a.view(), b.view()), cost) << to_string(Extent{rows, columns});
  }
}

void expect_the_references_costs(const std::vector<Extent>& extents, const std::function<float()>& draw) {
  for (const auto& [rows, columns] : extents) {
    for (const std::int64_t width : {1, 6, 26}) {
      const Sequence a(rows, width, draw), b(columns, width, draw);
      const double expected = reference::dependent_dtw(a.view(), b.view());
      for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
        const cpu::DependentDtw found = dtw_by(a, b, kInfinity, variant);
        EXPECT_EQ(found.cost, expected) << variant.name << " " << to_string(Extent{rows, columns}) << " F " << width;
        EXPECT_EQ(found.cells, rows * columns) << variant.name << " " << to_string(Extent{rows, columns});
      });
    }
  }
}

TEST(DependentDtw, IsTheReferenceOnFewIntegers) {
  std::mt19937 generator(8);
  expect_the_references_costs(small_extents(),
                              [&] { return static_cast<float>(std::uniform_int_distribution<int>(0, 2)(generator)); });
}

TEST(DependentDtw, IsTheReferenceOnRealsOfAnyLength) {
  std::mt19937 generator(9);
  const auto draw = [&] { return std::uniform_real_distribution<float>(-2, 2)(generator); };
  expect_the_references_costs(small_extents(), draw);
  expect_the_references_costs({{5000, 40}, {40, 5000}, {1, 3000}, {1025, 1024}}, draw);
}

TEST(DependentDtw, IsExactBelowTheLimitAndInfiniteOnceItCannotBe) {
  std::mt19937 generator(10);
  const auto draw = [&] { return std::uniform_real_distribution<float>(-2, 2)(generator); };
  for (const auto& [rows, columns] : small_extents()) {
    const Sequence a(rows, 5, draw), b(columns, 5, draw);
    const double cost = reference::dependent_dtw(a.view(), b.view());
    for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
      const double above = std::nextafter(cost, kInfinity);
      EXPECT_EQ(dtw_by(a, b, above, variant).cost, cost) << variant.name << " " << to_string(Extent{rows, columns});
      const double at_limit = dtw_by(a, b, cost, variant).cost;
      EXPECT_TRUE(at_limit == cost || at_limit == kInfinity) << variant.name << " " << to_string(Extent{rows, columns});
      const cpu::DependentDtw given_up = dtw_by(a, b, 0, variant);
      const std::int64_t first_rows = std::min<std::int64_t>(rows, 16);
      EXPECT_EQ(given_up.cells, first_rows * columns) << variant.name << " " << to_string(Extent{rows, columns});
      EXPECT_EQ(given_up.cost, rows > first_rows ? kInfinity : cost)
          << variant.name << " " << to_string(Extent{rows, columns});
    });
  }
}

TEST(DependentDtw, LimitIsStrict) {
  std::vector<float> numbers(20, 1);
  numbers[0] = 4;  // costs 9, all else nothing
  const Sequence a = of_numbers(20, 1, numbers), b = of_numbers(3, 1, {1, 1, 1});
  for_each_alignment_variant([&](const cpu::AlignmentVariant& variant) {
    EXPECT_EQ(dtw_by(a, b, std::nextafter(9.0, kInfinity), variant).cost, 9) << variant.name;
    EXPECT_EQ(dtw_by(a, b, 9, variant).cost, kInfinity) << variant.name;
  });
}

}  // namespace
}  // namespace alignment::kernels::testing
