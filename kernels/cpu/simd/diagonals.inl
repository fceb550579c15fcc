// A matrix by anti-diagonals: cell (i,j) is on diagonal d = i + j, whose cells follow each other by i. All cells of a
// diagonal depend only on the two before it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "kernels/cpu/simd/wide.inl"
#include "kernels/cpu/table_rows.hpp"

namespace {

using alignment::kernels::cpu::kBlockDiagonals;

struct Diagonals {
  std::int64_t rows, columns;

  [[nodiscard]] std::int64_t count() const { return rows + columns - 1; }
  [[nodiscard]] std::int64_t first(std::int64_t d) const { return std::max<std::int64_t>(0, d - columns + 1); }
  [[nodiscard]] std::int64_t last(std::int64_t d) const { return std::min(rows - 1, d); }
  [[nodiscard]] std::int64_t length(std::int64_t d) const { return last(d) - first(d) + 1; }
};

/// What lies before and behind a diagonal's cells in a row of the table cannot be reached.
inline void close_row(double* row, std::int64_t length) {
  row[-1] = row[length] = std::numeric_limits<double>::infinity();
}

/// Numbers from one diagonal's row to the next in a block of diagonals d0 .. d0 + kBlockDiagonals - 1; row k has the
/// numbers of diagonal d0 + k from row first(d0) of the matrix on.
inline std::int64_t block_stride(const Diagonals& diagonals) {
  return alignment::kernels::cpu::block_stride(diagonals.rows, diagonals.columns);
}

/// Calls body(i0, d, whole) for each tile of a block that has a cell: rows i0, i0 + 1, ... on diagonals d, d + 1, ...,
/// kWideLanes each; `whole`: all of its cells exist. Neighbours in a row of the matrix follow each other.
template <typename Body>
void for_each_tile(const Diagonals& diagonals, std::int64_t d0, const Body& body) {
  constexpr std::int64_t kLast = kWideLanes - 1;
  const std::int64_t end = diagonals.last(d0 + kBlockDiagonals - 1);
  for (std::int64_t i0 = diagonals.first(d0); i0 <= end; i0 += kWideLanes) {
    for (std::int64_t d = d0; d < d0 + kBlockDiagonals; d += kWideLanes) {
      const std::int64_t first_column = d - i0 - kLast, last_column = d - i0 + kLast;
      if (last_column < 0 || first_column >= diagonals.columns) continue;
      body(i0, d, i0 + kLast < diagonals.rows && first_column >= 0 && last_column < diagonals.columns);
    }
  }
}

/// The cells of row i on diagonals d .. d + kWideLanes that exist, counted from d.
struct Existing {
  std::int64_t begin, end;
};
inline Existing existing_cells(const Diagonals& diagonals, std::int64_t i, std::int64_t d) {
  if (i >= diagonals.rows) return {0, 0};
  return {std::max<std::int64_t>(0, i - d), std::min<std::int64_t>(kWideLanes, diagonals.columns + i - d)};
}

/// Asks for what the tiles after those of rows i0, i0 + 1, ... have of the matrix: its rows are too far apart for the
/// processor to foresee. None of the addresses need lie in the matrix.
template <bool kForWriting, typename Real>
void prefetch_tiles(const Real* matrix, const Diagonals& diagonals, std::int64_t i0, std::int64_t d0) {
  constexpr std::int64_t kLine = 64;
  constexpr auto kBytes = static_cast<std::int64_t>(sizeof(Real));
  for (std::int64_t i = i0 + kWideLanes; i < i0 + 2 * kWideLanes; ++i) {
    const char* const cells = reinterpret_cast<const char*>(matrix) + (i * (diagonals.columns - 1) + d0) * kBytes;
    for (std::int64_t byte = 0; byte <= kBlockDiagonals * kBytes; byte += kLine)
      __builtin_prefetch(cells + byte, kForWriting ? 1 : 0);
  }
}

/// Copies the matrix's cells on diagonals d0 .. d0 + kBlockDiagonals - 1 into a block.
template <typename Real>
void gather_block(const Real* matrix, const Diagonals& diagonals, std::int64_t d0, double* block) {
  const std::int64_t columns = diagonals.columns, stride = block_stride(diagonals), first = diagonals.first(d0);
  for_each_tile(diagonals, d0, [&](std::int64_t i0, std::int64_t d, bool whole) {
    if (d == d0) prefetch_tiles<false>(matrix, diagonals, i0, d0);
    Wide tile[kWideLanes];
    if (whole) {
#pragma GCC unroll 8
      for (int l = 0; l < kWideLanes; ++l) tile[l] = load_wide(matrix + (i0 + l) * (columns - 1) + d);
    } else {
      double cells[kWideLanes][kWideLanes] = {};
      for (std::int64_t l = 0; l < kWideLanes; ++l) {
        const auto [begin, end] = existing_cells(diagonals, i0 + l, d);
        for (std::int64_t k = begin; k < end; ++k) {
          cells[l][k] = static_cast<double>(matrix[(i0 + l) * (columns - 1) + d + k]);
        }
      }
      for (int l = 0; l < kWideLanes; ++l) tile[l] = load_wide(cells[l]);
    }
    transpose(tile);
#pragma GCC unroll 8
    for (int k = 0; k < kWideLanes; ++k) store_to(block + (d - d0 + k) * stride + i0 - first, tile[k]);
  });
}

inline void store_real(double* destination, Wide numbers) {
  store_to(destination, numbers);
}
inline void store_real(float* destination, Wide numbers) {
  store_to(destination, __builtin_convertvector(numbers, HalfOfFloats));
}

/// The other way.
template <typename Real>
void scatter_block(const double* block, const Diagonals& diagonals, std::int64_t d0, Real* matrix) {
  const std::int64_t columns = diagonals.columns, stride = block_stride(diagonals), first = diagonals.first(d0);
  for_each_tile(diagonals, d0, [&](std::int64_t i0, std::int64_t d, bool whole) {
    if (d == d0) prefetch_tiles<true>(matrix, diagonals, i0, d0);
    Wide tile[kWideLanes];
#pragma GCC unroll 8
    for (int k = 0; k < kWideLanes; ++k) tile[k] = load_wide(block + (d - d0 + k) * stride + i0 - first);
    transpose(tile);
    if (whole) {
#pragma GCC unroll 8
      for (int l = 0; l < kWideLanes; ++l) store_real(matrix + (i0 + l) * (columns - 1) + d, tile[l]);
      return;
    }
    Real cells[kWideLanes][kWideLanes];
    for (int l = 0; l < kWideLanes; ++l) store_real(cells[l], tile[l]);
    for (std::int64_t l = 0; l < kWideLanes; ++l) {
      const auto [begin, end] = existing_cells(diagonals, i0 + l, d);
      for (std::int64_t k = begin; k < end; ++k) matrix[(i0 + l) * (columns - 1) + d + k] = cells[l][k];
    }
  });
}

}  // namespace
