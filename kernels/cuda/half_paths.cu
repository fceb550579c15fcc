#include "kernels/cuda/half_paths.cuh"

#include <algorithm>

#include "kernels/cost.hpp"
#include "kernels/workspace.hpp"

namespace dejavid::kernels::cuda {
namespace {

constexpr int kPackThreads = 128;
constexpr int kListWarps = 8, kListThreads = kListWarps * kWarp;

struct Arrays {
  __half* columns;
  std::uint8_t* cells;
  std::int32_t* starts;
};

Arrays carve(Workspace& workspace, const Samples& samples, std::int64_t classes, std::int64_t steps,
             std::int64_t tile_columns) {
  const std::int64_t tiles = tile_count(samples.total_steps, tile_columns);
  // Readers look 16 entries ahead.
  const std::int64_t entries =
      classes * entries_of_class(samples.count, samples.total_steps, tile_columns, steps) + kMatrixSide;
  return {workspace.request<__half>(samples.total_steps * half_path_stride(samples.feature_dim)),
          workspace.request<std::uint8_t>(entries), workspace.request<std::int32_t>(classes * tiles * (steps + 1))};
}

/// A block a column.
template <typename Feature>
__global__ void __launch_bounds__(kPackThreads)
    pack_columns_kernel(const Feature* __restrict__ features, const std::int64_t* __restrict__ first_rows,
                        const std::int32_t* __restrict__ offsets, int count, std::int64_t feature_dim,
                        std::int64_t row_stride, const float* __restrict__ shifts, const float* __restrict__ scales,
                        std::int64_t stride, __half* __restrict__ columns) {
  const std::int64_t column = blockIdx.x;
  const Feature* const row = features + row_of_column(first_rows, offsets, count, column) * row_stride;
  __half2* const packed = reinterpret_cast<__half2*>(columns + column * stride);
  const auto number = [&](std::int64_t f) {
    return f < feature_dim ? packed_number(feature_at(row, f), shifts[f], scales[f]) : __float2half_rn(0.0F);
  };
  for (std::int64_t pair = threadIdx.x; pair < stride / 2; pair += kPackThreads) {
    packed[pair] = __halves2half2(number(2 * pair), number(2 * pair + 1));
  }
}

/// Of eight numbers, bit n: whether first <= n <= last.
__device__ __forceinline__ unsigned bits_between(int first, int last) {
  const int low = max(first, 0), high = min(last, 7);
  return low <= high ? (2U << high) - (1U << low) : 0U;
}

/// A warp has a class and a tile. Lane l has the tile's columns 8 l .. 8 l + 7, of which it notes those on the paths.
__global__ void __launch_bounds__(kListThreads)
    list_cells_kernel(const std::int32_t* __restrict__ offsets, int count, int total_steps,
                      const std::int32_t* __restrict__ breakpoints, int classes, int steps, int tile_columns, int tiles,
                      std::int64_t class_entries, std::uint8_t* __restrict__ cells, std::int32_t* __restrict__ starts) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int class_blocks = divide_up(classes, kListWarps);
  const int tile = static_cast<int>(blockIdx.x) / class_blocks;
  const int c = static_cast<int>(blockIdx.x) % class_blocks * kListWarps + static_cast<int>(threadIdx.x) / kWarp;
  if (c >= classes) return;
  const int first_column = tile * tile_columns, column_end = min(first_column + tile_columns, total_steps);
  const int first_sample = sample_of_column(offsets, count, first_column);
  std::uint8_t* const list = cells + c * class_entries;
  std::int32_t* const start = starts + (static_cast<std::int64_t>(c) * tiles + tile) * (steps + 1);

  int at = static_cast<int>(first_entry(tile, first_sample, tile_columns, steps));
  for (int i = 0; i < steps; ++i) {
    if (lane == 0) start[i] = at;
    unsigned octet = 0;
    for (int sample = first_sample; sample < count && offsets[sample] < column_end; sample += kWarp) {
      const int mine = sample + lane;
      const bool inside = mine < count && offsets[mine] < column_end;
      Columns columns{1, 0};
      if (inside) {
        columns = columns_of(breakpoints + (static_cast<std::int64_t>(mine) * classes + c) * (steps - 1), i, steps,
                             offsets[mine + 1] - offsets[mine]);
        columns.first += offsets[mine] - first_column;
        columns.last = min(columns.last + offsets[mine], column_end - 1) - first_column;
      }
      const int samples = __popc(__ballot_sync(kAllLanes, inside));
      for (int k = 0; k < samples; ++k) {
        const int first = __shfl_sync(kAllLanes, columns.first, k), last = __shfl_sync(kAllLanes, columns.last, k);
        octet |= bits_between(first - 8 * lane, last - 8 * lane);
      }
    }

    // The n-th columns of all remainders follow the ones before. Lane n: how many are before them, and which
    // remainders have an n-th column.
    unsigned of_remainder[8];
    int total = 0, before = 0;
    unsigned remainders = 0;
#pragma unroll
    for (int r = 0; r < 8; ++r) {
      of_remainder[r] = __ballot_sync(kAllLanes, static_cast<int>(octet >> r & 1U));
      const int number = __popc(of_remainder[r]);
      total += number;
      before += min(number, lane);
      if (number > lane) remainders |= 1U << r;
    }
    const unsigned places = static_cast<unsigned>(before) << 8U | remainders;
#pragma unroll
    for (int r = 0; r < 8; ++r) {
      const int n = __popc(of_remainder[r] & ((1U << lane) - 1U));
      const unsigned place = __shfl_sync(kAllLanes, places, n);
      if ((octet >> r & 1U) == 0) continue;
      list[at + static_cast<int>(place >> 8U) + __popc(place & ((1U << r) - 1U))] =
          static_cast<std::uint8_t>(8 * lane + r);
    }
    const int padded = divide_up(total, kMatrixSide) * kMatrixSide;
    if (lane < padded - total) {
      list[at + total + lane] = static_cast<std::uint8_t>(tile_columns + (total + lane) % kZeroColumns);
    }
    at += padded;
  }
  if (lane == 0) start[steps] = at;
}

}  // namespace

std::int64_t half_tile_columns() {
  int device = 0, bytes = 0;
  check(cudaGetDevice(&device), "half_paths", nullptr);
  check(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "half_paths", nullptr);
  const int columns = (bytes - kDistanceParameterBytes - kColumnSumBytes) / (2 * kRowBytes) - kZeroColumns;
  return std::clamp(columns / 8 * 8, 8, kMostTileColumns);
}

std::size_t half_paths_bytes(const Samples& samples, std::int64_t classes, std::int64_t steps) {
  Workspace sizing(nullptr);
  carve(sizing, samples, classes, steps, half_tile_columns());
  return sizing.required_bytes();
}

HalfPaths prepare_half_paths(const HalfPackedParameters& scaling, const Samples& samples,
                             const std::int32_t* breakpoints, std::byte* packed, Stream stream) {
  Workspace arena(packed);
  const std::int64_t classes = scaling.classes, steps = scaling.steps, tile_columns = half_tile_columns();
  const Arrays arrays = carve(arena, samples, classes, steps, tile_columns);
  const std::int64_t tiles = tile_count(samples.total_steps, tile_columns);
  with_feature_type(samples.type, [&](auto* type) {
    using Feature = std::remove_cv_t<std::remove_pointer_t<decltype(type)>>;
    launch("pack_columns", pack_columns_kernel<Feature>, grid(samples.total_steps), kPackThreads, 0, stream,
           static_cast<const Feature*>(samples.features), samples.first_rows, samples.offsets,
           static_cast<int>(samples.count), samples.feature_dim, feature_stride(samples.feature_dim), scaling.shifts,
           scaling.scales, half_path_stride(samples.feature_dim), arrays.columns);
  });
  launch("list_cells", list_cells_kernel, grid(divide_up<std::int64_t>(classes, kListWarps) * tiles), kListThreads, 0,
         stream, samples.offsets, static_cast<int>(samples.count), static_cast<int>(samples.total_steps), breakpoints,
         static_cast<int>(classes), static_cast<int>(steps), static_cast<int>(tile_columns), static_cast<int>(tiles),
         entries_of_class(samples.count, samples.total_steps, tile_columns, steps), arrays.cells, arrays.starts);
  return {arrays.columns, arrays.cells,  arrays.starts,       samples.offsets, scaling.shifts, scaling.scales,
          tile_columns,   samples.count, samples.total_steps, classes,         steps,          samples.feature_dim};
}

}  // namespace dejavid::kernels::cuda
