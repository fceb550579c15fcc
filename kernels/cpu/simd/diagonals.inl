// A matrix by anti-diagonals: cell (i,j) is on diagonal d = i + j, whose cells follow each other by i. All cells of a
// diagonal depend only on the two before it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "kernels/cpu/simd/wide.inl"

namespace {

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

/// Numbers from one diagonal's row to the next in a block of diagonals d0 .. d0 + kWideLanes - 1; row k has the numbers
/// of diagonal d0 + k from row first(d0) of the matrix on.
inline std::int64_t block_stride(const Diagonals& diagonals) {
  return std::min(diagonals.rows, diagonals.columns + kWideLanes) + kWideLanes;
}

/// Calls body(i0, whole) for each tile of kWideLanes rows i0, i0 + 1, ... of a block; `whole`: all of its cells exist.
template <typename Body>
void for_each_tile(const Diagonals& diagonals, std::int64_t d0, const Body& body) {
  constexpr std::int64_t kLast = kWideLanes - 1;
  const std::int64_t end = std::min(diagonals.rows - 1, d0 + kLast);
  for (std::int64_t i0 = diagonals.first(d0); i0 <= end; i0 += kWideLanes) {
    body(i0, i0 + kLast < diagonals.rows && d0 - i0 - kLast >= 0 && d0 - i0 + kLast < diagonals.columns);
  }
}

/// Copies the matrix's cells on diagonals d0 .. d0 + kWideLanes - 1 into a block.
template <typename Real>
void gather_block(const Real* matrix, const Diagonals& diagonals, std::int64_t d0, double* block) {
  const std::int64_t columns = diagonals.columns, stride = block_stride(diagonals), first = diagonals.first(d0);
  for_each_tile(diagonals, d0, [&](std::int64_t i0, bool whole) {
    Wide tile[kWideLanes];
    if (whole) {
#pragma GCC unroll 8
      for (int l = 0; l < kWideLanes; ++l) tile[l] = load_wide(matrix + (i0 + l) * columns + d0 - i0 - l);
    } else {
      double cells[kWideLanes][kWideLanes] = {};
      for (std::int64_t l = 0; l < std::min<std::int64_t>(kWideLanes, diagonals.rows - i0); ++l) {
        const std::int64_t begin = d0 - i0 - l;
        const std::int64_t end = std::min<std::int64_t>(kWideLanes, columns - begin);
        for (std::int64_t k = std::max<std::int64_t>(0, -begin); k < end; ++k) {
          cells[l][k] = static_cast<double>(matrix[(i0 + l) * columns + begin + k]);
        }
      }
      for (int l = 0; l < kWideLanes; ++l) tile[l] = load_wide(cells[l]);
    }
    transpose(tile);
#pragma GCC unroll 8
    for (int k = 0; k < kWideLanes; ++k) store_to(block + k * stride + i0 - first, tile[k]);
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
  for_each_tile(diagonals, d0, [&](std::int64_t i0, bool whole) {
    Wide tile[kWideLanes];
#pragma GCC unroll 8
    for (int k = 0; k < kWideLanes; ++k) tile[k] = load_wide(block + k * stride + i0 - first);
    transpose(tile);
    if (whole) {
#pragma GCC unroll 8
      for (int l = 0; l < kWideLanes; ++l) store_real(matrix + (i0 + l) * columns + d0 - i0 - l, tile[l]);
      return;
    }
    Real cells[kWideLanes][kWideLanes];
    for (int l = 0; l < kWideLanes; ++l) store_real(cells[l], tile[l]);
    for (std::int64_t l = 0; l < std::min<std::int64_t>(kWideLanes, diagonals.rows - i0); ++l) {
      const std::int64_t begin = d0 - i0 - l;
      const std::int64_t end = std::min<std::int64_t>(kWideLanes, columns - begin);
      for (std::int64_t k = std::max<std::int64_t>(0, -begin); k < end; ++k) {
        matrix[(i0 + l) * columns + begin + k] = cells[l][k];
      }
    }
  });
}

}  // namespace
