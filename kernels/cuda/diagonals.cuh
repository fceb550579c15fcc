// A matrix by anti-diagonals, as kernels/cpu/simd/diagonals.inl has it: a block goes through them one after the other.
#pragma once

#include "kernels/cuda/device.cuh"
#include "kernels/matrices.hpp"

namespace alignment::kernels::cuda {

struct Diagonals {
  int rows, columns;

  template <typename Real>
  __device__ static Diagonals of(const MatricesView<Real>& matrices, std::int64_t b) {
    return {static_cast<int>(matrices.rows[b]), static_cast<int>(matrices.columns[b])};
  }
  __device__ int count() const { return rows + columns - 1; }
  __device__ std::int64_t cells() const { return static_cast<std::int64_t>(rows) * columns; }
  __device__ int first(int d) const { return d < columns ? 0 : d - columns + 1; }
  __device__ int last(int d) const { return d < rows ? d : rows - 1; }
  __device__ int length(int d) const { return last(d) - first(d) + 1; }
  /// Where cell (i, d - i) lies in the matrix.
  __device__ std::int64_t place(int d, int i) const { return static_cast<std::int64_t>(i) * (columns - 1) + d; }
};

/// Rows of one number before a diagonal's cells, the cells and one behind them, kCount of which a block rolls through.
struct RollingRows {
  double* memory;
  std::int64_t width;

  /// Row k; its diagonal's first cell is number 1.
  __device__ double* row(int k) const { return memory + k * width; }
};

/// Numbers of a row for matrices whose longest diagonal is that.
constexpr std::int64_t rolling_width(std::int64_t diagonal) {
  return diagonal + 2;
}

/// Bytes that `count` rows take of a block's shared memory, or 0 where they do not fit.
constexpr std::size_t shared_rolling_bytes(std::int64_t count, std::int64_t diagonal) {
  constexpr std::size_t kMost = 48 * 1024;
  const std::size_t bytes = static_cast<std::size_t>(count * rolling_width(diagonal)) * sizeof(double);
  return bytes <= kMost ? bytes : 0;
}

/// What a block rolls through: in shared memory, or its part of `elsewhere`.
__device__ __forceinline__ RollingRows rolling_rows(double* elsewhere, std::int64_t count, std::int64_t diagonal) {
  const std::int64_t width = rolling_width(diagonal);
  if (elsewhere == nullptr) return {dynamic_shared<double>(), width};
  return {elsewhere + static_cast<std::int64_t>(blockIdx.x) * count * width, width};
}

/// Fills all rows; the block must meet before they are used.
template <int kThreads>
__device__ __forceinline__ void fill_rows(const RollingRows& rows, std::int64_t count, double number) {
  for (std::int64_t k = threadIdx.x; k < count * rows.width; k += kThreads) rows.memory[k] = number;
}

}  // namespace alignment::kernels::cuda
