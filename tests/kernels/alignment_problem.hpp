#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kernels/alignment_variants.hpp"
#include "kernels/matrices.hpp"
#include "tests/kernels/problem.hpp"

namespace alignment::kernels::testing {

/// Calls `check(variant)` for every variant of the kernels of two sequences that this processor supports.
template <typename Check>
void for_each_alignment_variant(Check&& check) {
  for (const cpu::AlignmentVariant& variant : cpu::alignment_variants()) {
    if (variant.supported()) check(variant);
  }
}

using Extent = std::pair<std::int64_t, std::int64_t>;  // n, m

inline std::string to_string(const Extent& extent) {
  return std::to_string(extent.first) + "x" + std::to_string(extent.second);
}

/// A ragged batch of matrices, NaN before, between and behind them.
template <typename Real>
class RaggedMatrices {
 public:
  static constexpr std::int64_t kGuard = 3;

  RaggedMatrices(const std::vector<Extent>& extents, const std::function<double(std::size_t b)>& draw) {
    std::int64_t end = kGuard;
    for (const auto& [rows, columns] : extents) {
      offsets_.push_back(end);
      rows_.push_back(rows);
      columns_.push_back(columns);
      end += rows * columns + kGuard;
    }
    values_.assign(static_cast<std::size_t>(end), std::numeric_limits<Real>::quiet_NaN());
    for (std::size_t b = 0; b < extents.size(); ++b) {
      for (std::int64_t k = 0; k < rows_[b] * columns_[b]; ++k) {
        values_[static_cast<std::size_t>(offsets_[b] + k)] = static_cast<Real>(draw(b));
      }
    }
  }

  [[nodiscard]] MatricesView<Real> view() const {
    return {values_.data(), offsets_.data(), rows_.data(), columns_.data(), static_cast<std::int64_t>(rows_.size())};
  }
  [[nodiscard]] MatricesView<Real> one(std::int64_t b) const {
    return {values_.data(), offsets_.data() + b, rows_.data() + b, columns_.data() + b, 1};
  }
  std::vector<Real>& values() { return values_; }
  [[nodiscard]] const std::vector<std::int64_t>& offsets() const { return offsets_; }
  [[nodiscard]] const std::vector<std::int64_t>& rows() const { return rows_; }
  [[nodiscard]] const std::vector<std::int64_t>& columns() const { return columns_; }
  /// Cells that all paths have room for.
  [[nodiscard]] std::int64_t path_room() const {
    std::int64_t room = 0;
    for (std::size_t b = 0; b < rows_.size(); ++b) room += rows_[b] + columns_[b] - 1;
    return room;
  }

 private:
  std::vector<std::int64_t> offsets_, rows_, columns_;
  std::vector<Real> values_;
};

/// Sizes of one, around the vectors' lengths, around a block of diagonals, and lengths over 1,024.
inline const std::vector<Extent>& small_extents() {
  static const std::vector<Extent> kExtents{
      {1, 1},   {1, 2},   {2, 1},   {1, 40},  {40, 1},  {2, 2},  {3, 7},  {7, 3},   {8, 8},   {9, 8}, {15, 17},
      {16, 33}, {33, 31}, {80, 80}, {5, 200}, {200, 5}, {64, 9}, {31, 2}, {32, 32}, {77, 65}, {1, 1}, {120, 97}};
  return kExtents;
}
inline const std::vector<Extent>& long_extents() {
  static const std::vector<Extent> kExtents{{1500, 1300}, {5000, 40}, {40, 5000}, {1, 3000}, {1025, 1024}};
  return kExtents;
}

/// Calls visit(cells) for every path through [rows,columns] from (0,0), diagonal steps allowed.
inline void for_each_path(std::int64_t rows, std::int64_t columns,
                          const std::function<void(const std::vector<Extent>&)>& visit) {
  std::vector<Extent> cells;
  const std::function<void(std::int64_t, std::int64_t)> go = [&](std::int64_t i, std::int64_t j) {
    if (i >= rows || j >= columns) return;
    cells.emplace_back(i, j);
    if (i == rows - 1 && j == columns - 1) visit(cells);
    go(i + 1, j);
    go(i, j + 1);
    go(i + 1, j + 1);
    cells.pop_back();
  };
  go(0, 0);
}

}  // namespace alignment::kernels::testing
