// The layout of HalfPaths, which half_paths.cu writes and along_path_matrix.cu reads.
#pragma once

#include <cstdint>

#include "kernels/along_path.hpp"
#include "kernels/cuda/device.cuh"

namespace dejavid::kernels::cuda {

// A tile is tile_columns consecutive columns of the batch, whatever samples they are of; only the last has fewer. For
// every class, tile and centroid step there is a list of those columns of the tile that the step has on its paths to
// the samples: the number of a column within the tile, a byte each. A list is filled up to a multiple of 16 with the
// numbers tile_columns .. tile_columns + 7, which stand for columns of zeros. A tile's lists of one class follow each
// other, step by step.
//
// Lists are sorted so that each eight entries, which ldmatrix reads at once, have eight different remainders modulo 8
// wherever they can: in rows of kRowHalves they then lie in different banks of shared memory.

inline constexpr int kMatrixSide = 16;  ///< cells or features of one matrix
inline constexpr int kZeroColumns = 8;
inline constexpr int kMostTileColumns = 256 - kZeroColumns;  ///< an entry is a byte

/// Features that a block of the kernels along paths has, and centroid steps that a warp has.
inline constexpr int kMatrixSlice = 128, kMatrixRows = 8;
/// A column of a tile in shared memory, 16 bytes more than its features.
inline constexpr int kRowHalves = kMatrixSlice + 8, kRowBytes = kRowHalves * 2;
inline constexpr int kMatrixWarps = 12, kMatrixThreads = kMatrixWarps * kWarp;
/// What a block keeps of the parameters: of the gradient 4 bytes an element, of the distances 6.
inline constexpr int kBlockElements = kMatrixWarps * kMatrixRows * kMatrixSlice;
inline constexpr int kGradientParameterBytes = 4 * kBlockElements, kDistanceParameterBytes = 6 * kBlockElements;
/// What a block of the distances has beside parameters and tiles: a sum a column for each warp.
inline constexpr int kColumnSumBytes = kMatrixWarps * kMostTileColumns * 4;

[[nodiscard]] constexpr int tile_bytes(int tile_columns) {
  return (tile_columns + kZeroColumns) * kRowBytes;
}

/// Columns that a tile has on the current GPU, a multiple of 8: two tiles fit in a block's shared memory beside what
/// else is there.
[[nodiscard]] std::int64_t half_tile_columns();

/// Halves from one column of HalfPaths::columns to the next.
[[nodiscard]] constexpr std::int64_t half_path_stride(std::int64_t feature_dim) {
  return padded_to(feature_dim, kMatrixSide);
}

/// Entries of one class from the first list of tile `tile` on, where `first_sample` is the sample of the tile's first
/// column. A tile has its columns, one more a breakpoint of its samples, and what fills up its K lists.
[[nodiscard]] __host__ __device__ constexpr std::int64_t first_entry(std::int64_t tile, std::int64_t first_sample,
                                                                     std::int64_t tile_columns, std::int64_t steps) {
  const std::int64_t of_tile = tile_columns + (steps - 1) + kMatrixSide * steps + kMatrixSide;
  return (tile * of_tile + first_sample * (steps - 1) + kMatrixSide - 1) / kMatrixSide * kMatrixSide;
}

[[nodiscard]] constexpr std::int64_t tile_count(std::int64_t total_steps, std::int64_t tile_columns) {
  return divide_up(total_steps, tile_columns);
}

/// Entries of one class.
[[nodiscard]] constexpr std::int64_t entries_of_class(std::int64_t count, std::int64_t total_steps,
                                                      std::int64_t tile_columns, std::int64_t steps) {
  return first_entry(tile_count(total_steps, tile_columns), count, tile_columns, steps);
}

/// The sample that a column of the batch is of.
__device__ __forceinline__ int sample_of_column(const std::int32_t* offsets, int count, int column) {
  int low = 0, high = count;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (offsets[middle] <= column ? low : high) = middle;
  }
  return low;
}

/// The power of two that brings a positive number to at least 2^14 and below 2^15; 1 where there is none.
__device__ __forceinline__ float factor_into_half(float largest) {
  if (!(largest > 0.0F) || !isfinite(largest)) return 1.0F;
  int exponent = 0;
  frexpf(largest, &exponent);
  return ldexpf(1.0F, max(-126, min(126, 15 - exponent)));
}

/// x' of HalfPaths.
__device__ __forceinline__ __half packed_number(float value, float shift, float scale) {
  if (!isfinite(value)) return __float2half_rn(NAN);
  const float moved = fminf(fmaxf((value - shift) * scale, -kHalfPathLimit), kHalfPathLimit);
  return __float2half_rn(rintf(moved / kHalfPathQuantum) * kHalfPathQuantum);
}

}  // namespace dejavid::kernels::cuda
