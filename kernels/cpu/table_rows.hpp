#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/alignment_variants.hpp"

/// What a table of a dynamic programme by anti-diagonals takes, whatever the instruction set.
namespace alignment::kernels::cpu {

/// Numbers of f64 in the longest vector.
inline constexpr std::int64_t kMostLanes = 8;

/// Numbers that the longest diagonal takes: one before its cells and a vector behind them.
[[nodiscard]] inline std::int64_t table_row(std::int64_t rows, std::int64_t columns) {
  return 1 + std::min(rows, columns) + kMostLanes;
}

/// Rows of that size that a soft-DTW rolls through, and one of what cannot be reached.
inline constexpr std::int64_t kRollingRows = 7;

/// Numbers that all diagonals take.
[[nodiscard]] inline std::int64_t table_count(std::int64_t rows, std::int64_t columns) {
  return rows * columns + (rows + columns - 1) * (1 + kMostLanes);
}

/// Bytes for a byte a cell and a vector behind each diagonal.
[[nodiscard]] inline std::int64_t step_count(std::int64_t rows, std::int64_t columns) {
  return rows * columns + (rows + columns - 1) * kMostLanes;
}

/// Diagonals that are copied out of a matrix together: of its rows whole cache lines.
inline constexpr std::int64_t kBlockDiagonals = 32;

/// Numbers of a row of such a block, see simd/diagonals.inl: every row of the matrix that has a cell in it.
[[nodiscard]] inline std::int64_t block_stride(std::int64_t rows, std::int64_t columns) {
  return std::min(rows, columns + kBlockDiagonals) + kMostLanes;
}
[[nodiscard]] inline std::int64_t block_count(std::int64_t rows, std::int64_t columns) {
  return kBlockDiagonals * block_stride(rows, columns);
}

/// Rows of a table that are computed together, see simd/dependent_dtw.inl: whole vectors on any instruction set.
inline constexpr std::int64_t kStripRows = 16;

/// Numbers of a row of such a strip, or of the row above it: kStripRows before its first column, and as many as steps
/// can go beyond the last.
[[nodiscard]] inline std::int64_t strip_stride(std::int64_t columns) {
  return kStripRows + columns + kPanelColumns + kStripRows + kMostLanes;
}

}  // namespace alignment::kernels::cpu
