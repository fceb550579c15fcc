#include <algorithm>
#include <cmath>

#include "kernels/along_path.hpp"
#include "kernels/cuda/half_paths.cuh"
#include "kernels/cuda/matrix.cuh"
#include "kernels/workspace.hpp"

// A warp has one class, kMatrixRows of its centroid steps and a slice of the features. Tiles of the batch's columns
// pass by in shared memory, and for each the warp goes through the lists of its centroid steps (half_paths.cuh), 16
// cells at a time. ldmatrix brings any 16 columns of a tile into registers as a matrix of features by cells, there
// differences to the centroid are taken, and the product with the distance gradients of the 16 cells adds up their
// cells: column r of the product is the warp's centroid step r, so that all eight steps share one set of sums.
namespace dejavid::kernels::cuda {
namespace {

constexpr int kSide = kMatrixSide, kRows = kMatrixRows, kWarps = kMatrixWarps, kThreads = kMatrixThreads;
constexpr int kGroups = kMatrixSlice / kSide;  ///< of 16 features
// Two halves each.
constexpr unsigned kMagnitudeBits = 0x7fff7fffU, kOnes = 0x3c003c00U, kHalves = 0x38003800U, kLarge = 0x78007800U;
static_assert(kHalfPathQuantum == 0x1p-15F, "kLarge is 1 / kHalfPathQuantum");

/// A number is kept as its nearest half, and what is left of it times this as another.
constexpr float kRestFactor = 0x1p11F;

struct Inputs {
  const __half* columns;
  const std::uint8_t* cells;
  const std::int32_t* starts;
  const std::int32_t* offsets;
  const float* centroids;  ///< [C,K,F]
  const float* shifts;
  const float* scales;
  std::int64_t class_entries;
  std::int64_t stride;  ///< halves from one column to the next
  int total_steps, tile_columns, tiles;
  int classes, steps, chunks;  ///< chunks: of the centroid steps
  unsigned feature_dim;
  int first_class, class_end;  ///< of this launch
};

/// Which part of the work a warp has.
struct Part {
  int warp, lane;
  int c;          ///< class
  int chunk;      ///< of the centroid steps
  int first_row;  ///< centroid step
  int rows;       ///< at most kRows; 0 past the last class
  int slice;      ///< first feature
};

__device__ __forceinline__ Part part_of(const Inputs& inputs) {
  Part part;
  part.warp = static_cast<int>(threadIdx.x) / kWarp;
  part.lane = static_cast<int>(threadIdx.x) % kWarp;
  const int unit = static_cast<int>(blockIdx.x) * kWarps + part.warp;
  part.c = inputs.first_class + unit / inputs.chunks;
  part.chunk = unit % inputs.chunks;
  part.first_row = part.chunk * kRows;
  part.rows = part.c < inputs.class_end ? min(kRows, inputs.steps - part.first_row) : 0;
  part.slice = static_cast<int>(blockIdx.y) * kMatrixSlice;
  return part;
}

/// Starts copying a tile's slice of the features into shared memory.
template <int Groups>
__device__ __forceinline__ void copy_tile(const Inputs& inputs, const Part& part, int tile, __half* destination) {
  constexpr int kPiece = 8, kPieces = Groups * kSide / kPiece;  // of 16 bytes
  const int piece = static_cast<int>(threadIdx.x) % kPieces * kPiece;
  const int first = tile * inputs.tile_columns, count = min(inputs.tile_columns, inputs.total_steps - first);
  if (part.slice + piece < inputs.stride) {
    const __half* const source = inputs.columns + first * inputs.stride + part.slice + piece;
#pragma unroll 4
    for (int column = static_cast<int>(threadIdx.x) / kPieces; column < count; column += kThreads / kPieces) {
      __pipeline_memcpy_async(destination + column * kRowHalves + piece, source + column * inputs.stride, 16);
    }
  }
  __pipeline_commit();
}

/// Leads `visitor` through the tiles first_tile .. tile_end - 1. For each: start(), then of every centroid step r of
/// the warp that has cells there load(r) and, for 16 cells at a time, add(r, what ahead(entry) of their first entry
/// gave some time before, n, features), at last finish(tile). n is the number within the tile of one of the 16 cells
/// and `features` is where that cell's features begin, or the eighth of them, as ldmatrix wants a lane's address: of a
/// matrix of cells by features (ByCell), where the lane's cell is lane % 16, or of its transpose.
template <int Groups, bool ByCell, typename Visitor>
__device__ __forceinline__ void walk(const Inputs& inputs, const Part& part, int first_tile, int tile_end,
                                     __half* tiles, Visitor& visitor) {
  const int thread = static_cast<int>(threadIdx.x);
  const int buffer = (inputs.tile_columns + kZeroColumns) * kRowHalves;
  // What is never copied and yet read: the columns of zeros, and features past the last one's group.
  const int features_end = static_cast<int>(min(inputs.stride - part.slice, std::int64_t{Groups * kSide}));
  const int first_row = features_end < Groups * kSide ? 0 : inputs.tile_columns;
  for (int row = first_row + thread / kWarp; row < inputs.tile_columns + kZeroColumns; row += kWarps) {
    for (int f = (row < inputs.tile_columns ? features_end : 0) + part.lane; f < Groups * kSide; f += kWarp) {
      tiles[row * kRowHalves + f] = tiles[buffer + row * kRowHalves + f] = __float2half_rn(0.0F);
    }
  }
  // Rows of the matrices that this lane gives the address of.
  const int cell = ByCell ? part.lane % 16 : part.lane % 8 + part.lane / 16 * 8;
  const int half = (ByCell ? part.lane / 16 : part.lane / 8 % 2) * 8;
  const std::uint8_t* const list = inputs.cells + part.c * inputs.class_entries + cell;
  const auto start_of_lane = [&](int tile) {
    return inputs.starts[(static_cast<std::int64_t>(part.c) * inputs.tiles + tile) * (inputs.steps + 1) +
                         part.first_row + min(part.lane, part.rows)];
  };

  int start = 0;
  unsigned coming = 0;
  typename Visitor::Ahead ahead{};
  if (part.rows > 0) {
    start = start_of_lane(first_tile);
    const int first = __shfl_sync(kAllLanes, start, 0);
    coming = list[first];
    ahead = visitor.ahead(first);
  }
  copy_tile<Groups>(inputs, part, first_tile, tiles);
  for (int tile = first_tile; tile < tile_end; ++tile) {
    const int stage = (tile - first_tile) % 2 * buffer;
    __pipeline_wait_prior(0);
    __syncthreads();  // the tile is there, and nobody reads the other any more
    int next_start = 0;
    if (tile + 1 < tile_end) {
      copy_tile<Groups>(inputs, part, tile + 1, tiles + (buffer - stage));
      if (part.rows > 0) next_start = start_of_lane(tile + 1);
    }
    visitor.start();
    const __half* const features = tiles + stage + half;
    int at = __shfl_sync(kAllLanes, start, 0);
#pragma unroll 1
    for (int row = 0; row < part.rows; ++row) {
      const int end = __shfl_sync(kAllLanes, start, row + 1);
      if (at == end) continue;
      visitor.load(row);
#pragma unroll 1
      for (; at < end; at += kSide) {
        const unsigned now = coming;
        const typename Visitor::Ahead with = ahead;
        coming = list[at + kSide];
        ahead = visitor.ahead(at + kSide);
        visitor.add(row, with, static_cast<int>(now), features + static_cast<int>(now) * kRowHalves);
      }
    }
    visitor.finish(tile);
    start = next_start;
    if (part.rows > 0) {
      const int first = __shfl_sync(kAllLanes, start, 0);
      coming = list[first];
      ahead = visitor.ahead(first);
    }
  }
}

/// Calls `body` with the number of groups of features to compute that a block's slice has, as a constant.
template <typename Body>
__device__ __forceinline__ void with_groups(const Inputs& inputs, const Part& part, Body&& body) {
  const auto groups = (inputs.stride - part.slice) / kSide;
  if (groups > 4) {
    body(std::integral_constant<int, 8>());
  } else if (groups > 1) {
    body(std::integral_constant<int, 4>());
  } else {
    body(std::integral_constant<int, 1>());
  }
}

// ---------------------------------------------------------------------------------------------------------- distances

/// sum over cells of u'*|c' - m'|, in units of the class's factor.
template <int Groups>
struct DistanceVisitor {
  struct Ahead {};
  static constexpr auto kPairs = static_cast<std::size_t>(2 * Groups);

  __half2 centroid[kPairs], weight[kPairs];  ///< features 2 (lane % 4) + {0, 1} of each group, and 8 further on
  const uint2* centroids;                    ///< [kRows][kGroups][4] the same, at lane % 4
  const uint2* weights;                      ///< [kRows][kGroups][2][4] of the halves and of what is left, at lane % 8
  float* column_sums;                        ///< [tile_columns] this warp's
  const std::int32_t* offsets;
  float* parts;  ///< [B,C] at the warp's class
  int classes, tile_columns, total_steps;
  int sample, samples_end;  ///< the first sample that is not complete, and the end of this block's
  int lane;
  bool has_class;
  float unit;
  float carried;  ///< of `sample`, if its columns began in a tile before

  __device__ __forceinline__ Ahead ahead(int) const { return {}; }
  __device__ __forceinline__ void start() {
    __syncwarp();  // the sums of the tile before have been read
    for (int column = lane; column < tile_columns; column += kWarp) column_sums[column] = 0.0F;
  }
  __device__ __forceinline__ void load(int row) {
#pragma unroll
    for (int group = 0; group < Groups; ++group) {
      const uint2 c = centroids[(row * kGroups + group) * 4], u = weights[(row * kGroups + group) * 8];
      centroid[2 * group] = halves_of(c.x);
      centroid[2 * group + 1] = halves_of(c.y);
      weight[2 * group] = halves_of(u.x);
      weight[2 * group + 1] = halves_of(u.y);
    }
    __syncwarp();  // a column's sum may have been another lane's for the centroid step before
  }
  __device__ __forceinline__ void add(int, const Ahead&, int number, const __half* features) {
    FloatFragment sums[2];  // of even and of odd groups, so that products need not wait for each other
#pragma unroll
    for (int k = 0; k < 4; ++k) sums[0].x[k] = sums[1].x[k] = 0.0F;
#pragma unroll
    for (int group = 0; group < Groups; ++group) {
      const HalfFragmentA m = load_matrices(features + group * kSide);
      HalfFragmentA absolute;
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        absolute.x[k] = bits_of(__hsub2(halves_of(m.x[k]), centroid[2 * group + k / 2])) & kMagnitudeBits;
      }
      // Even columns of B have the weights in f16, odd ones what is left of them. So have the product's for the sums.
      multiply_add(sums[group % 2], absolute, {{bits_of(weight[2 * group]), bits_of(weight[2 * group + 1])}});
    }
    const bool low = lane % 4 == 0;
    const int of_lane = low ? lane / 4 : lane / 4 + 8;
    const float first = low ? sums[0].x[0] + sums[1].x[0] : sums[0].x[2] + sums[1].x[2];
    const float rest = low ? sums[0].x[1] + sums[1].x[1] : sums[0].x[3] + sums[1].x[3];
    const float sum = fmaf(rest, 1.0F / kRestFactor, first);
    const int column = __shfl_sync(kAllLanes, number, of_lane);
    if (lane % 4 < 2 && column < tile_columns) column_sums[column] += sum;
  }

  /// Adds up the columns of each sample, eight lanes a sample and always the same ones, wherever tiles begin.
  __device__ __forceinline__ void finish(int tile) {
    constexpr int kLanes = 8;
    __syncwarp();
    const int first_column = tile * tile_columns, column_end = min(first_column + tile_columns, total_steps);
    while (true) {
      const int mine = sample + lane / kLanes;
      const bool inside = mine < samples_end && offsets[mine] < column_end;
      const int begin = inside ? offsets[mine] : column_end, end = inside ? offsets[mine + 1] : column_end;
      float sum = begin < first_column ? carried : 0.0F;
      const int first = max(begin, first_column);
      for (int column = first + ((lane - (first - begin)) & (kLanes - 1)); column < min(end, column_end);
           column += kLanes) {
        sum += column_sums[column - first_column];
      }
      const bool complete = inside && end <= column_end;
      float total = sum;
#pragma unroll
      for (int mask = kLanes / 2; mask > 0; mask /= 2) total += __shfl_xor_sync(kAllLanes, total, mask);
      if (complete && has_class && lane % kLanes == 0) {
        parts[static_cast<std::int64_t>(mine) * classes] = total * unit;
      }
      const int completed = __popc(__ballot_sync(kAllLanes, complete)) / kLanes;
      sample += completed;
      if (completed < kWarp / kLanes) {
        carried = __shfl_sync(kAllLanes, sum, completed * kLanes + lane % kLanes);
        return;
      }
    }
  }
};

template <int Groups>
__device__ __forceinline__ void distances_of_slice(const Inputs& inputs, const Part& part,
                                                   const float* __restrict__ weights,
                                                   const float* __restrict__ weight_factors, int samples,
                                                   int samples_per_block, float* parts) {
  __half* const tiles = dynamic_shared<__half>();
  uint2* const block_centroids =
      reinterpret_cast<uint2*>(tiles + 2 * (inputs.tile_columns + kZeroColumns) * kRowHalves);
  uint2* const block_weights = block_centroids + kWarps * kRows * kGroups * 4;
  uint2* const own_centroids = block_centroids + part.warp * kRows * kGroups * 4;
  uint2* const own_weights = block_weights + part.warp * kRows * kGroups * 8;
  const float factor = part.rows > 0 ? weight_factors[part.c] : 1.0F;
  for (int row = 0; row < part.rows; ++row) {
    const std::int64_t first =
        (static_cast<std::int64_t>(part.c) * inputs.steps + part.first_row + row) * inputs.feature_dim;
    const auto centroid = [&](unsigned f) {
      return f < inputs.feature_dim ? packed_number(inputs.centroids[first + f], inputs.shifts[f], inputs.scales[f])
                                    : __float2half_rn(0.0F);
    };
    const auto weight = [&](unsigned f, bool rest) {
      const float value = f < inputs.feature_dim ? weights[first + f] / inputs.scales[f] * factor : 0.0F;
      const __half near = __float2half_rn(value);
      return rest ? __float2half_rn((value - __half2float(near)) * kRestFactor) : near;
    };
    for (int k = part.lane; k < Groups * 4; k += kWarp) {
      const auto f = static_cast<unsigned>(part.slice + k / 4 * kSide + k % 4 * 2);
      own_centroids[row * kGroups * 4 + k] = make_uint2(bits_of(__halves2half2(centroid(f), centroid(f + 1))),
                                                        bits_of(__halves2half2(centroid(f + 8), centroid(f + 9))));
      for (int rest = 0; rest < 2; ++rest) {
        own_weights[(row * kGroups + k / 4) * 8 + rest * 4 + k % 4] =
            make_uint2(bits_of(__halves2half2(weight(f, rest == 1), weight(f + 1, rest == 1))),
                       bits_of(__halves2half2(weight(f + 8, rest == 1), weight(f + 9, rest == 1))));
      }
    }
  }
  __syncwarp();

  DistanceVisitor<Groups> visitor;
  visitor.centroids = own_centroids + part.lane % 4;
  visitor.weights = own_weights + part.lane % 8;  // what is left for odd columns of B, which are lane / 4
  visitor.column_sums =
      reinterpret_cast<float*>(block_weights + kWarps * kRows * kGroups * 8) + part.warp * inputs.tile_columns;
  visitor.offsets = inputs.offsets;
  visitor.parts =
      parts +
      static_cast<std::int64_t>(static_cast<int>(blockIdx.y) * inputs.chunks + part.chunk) * samples * inputs.classes +
      part.c;
  visitor.classes = inputs.classes;
  visitor.tile_columns = inputs.tile_columns;
  visitor.total_steps = inputs.total_steps;
  visitor.sample = static_cast<int>(blockIdx.z) * samples_per_block;
  visitor.samples_end = min(visitor.sample + samples_per_block, samples);
  visitor.lane = part.lane;
  visitor.has_class = part.rows > 0;
  visitor.unit = 1.0F / factor;
  visitor.carried = 0.0F;
  walk<Groups, true>(inputs, part, inputs.offsets[visitor.sample] / inputs.tile_columns,
                     (inputs.offsets[visitor.samples_end] - 1) / inputs.tile_columns + 1, tiles, visitor);
}

/// A block has the samples blockIdx.z * samples_per_block .. of all whose tiles it goes through.
__global__ void __launch_bounds__(kThreads, 1)
    matrix_distance_kernel(const Inputs inputs, const float* __restrict__ weights,
                           const float* __restrict__ weight_factors, int samples, int samples_per_block,
                           float* __restrict__ parts) {
  const Part part = part_of(inputs);
  with_groups(inputs, part, [&](auto groups) {
    distances_of_slice<decltype(groups)::value>(inputs, part, weights, weight_factors, samples, samples_per_block,
                                                parts);
  });
}

constexpr int kFactorThreads = 256, kFactorRows = kFactorThreads / kWarp;

/// A block a class.
__global__ void __launch_bounds__(kFactorThreads)
    weight_factors_kernel(const float* __restrict__ weights, const float* __restrict__ scales, int steps,
                          unsigned feature_dim, float* __restrict__ weight_factors) {
  __shared__ float shared[kFactorThreads];
  const std::int64_t c = blockIdx.x;
  float largest = 0.0F;
  for (int i = 0; i < steps; ++i) {
    for (unsigned f = threadIdx.x; f < feature_dim; f += kFactorThreads) {
      largest = fmaxf(largest, weights[(c * steps + i) * feature_dim + f] / scales[f]);
    }
  }
  shared[threadIdx.x] = largest;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int t = 1; t < kFactorThreads; ++t) largest = fmaxf(largest, shared[t]);
  weight_factors[c] = factor_into_half(largest);
}

// ----------------------------------------------------------------------------------------------------------- gradient

/// Of 16 halves, where the one of cell k lies: a lane finds the four that it has in a matrix B side by side.
__device__ __forceinline__ int place_in_fragment(int k) {
  return k % 8 / 2 * 4 + k / 8 * 2 + k % 2;
}

/// sum over samples and cells of g*|c' - m'| and of g*(sign(m' - c') + 1)/2, in units of the class's factor.
template <int Groups>
struct GradientVisitor {
  using Ahead = uint2;
  static constexpr auto kCount = static_cast<std::size_t>(Groups);

  FloatFragment above[kCount], magnitude[kCount];  ///< features by centroid steps
  FloatFragment total;                             ///< sum of g: each row the same
  __half2 centroid[2 * kCount];                    ///< features lane/4 and lane/4 + 8 of each group, twice each
  const uint2* centroids;                          ///< [kRows][kGroups][8] the same, at lane/4
  const __half* gradients;                         ///< the class's, as its lists, at this lane's four
  unsigned tie;                                    ///< what (sign(m' - c') + 1)/2 is at a tie, twice
  int lane;

  __device__ __forceinline__ Ahead ahead(int entry) const { return *reinterpret_cast<const uint2*>(gradients + entry); }
  __device__ __forceinline__ void start() {}
  __device__ __forceinline__ void load(int row) {
#pragma unroll
    for (int group = 0; group < Groups; ++group) {
      const uint2 pair = centroids[(row * kGroups + group) * 8];
      centroid[2 * group] = halves_of(pair.x);
      centroid[2 * group + 1] = halves_of(pair.y);
    }
  }
  __device__ __forceinline__ void add(int row, const Ahead& gradient, int, const __half* features) {
    const bool mine = lane / 4 == row;
    const HalfFragmentB b{{mine ? gradient.x : 0U, mine ? gradient.y : 0U}};
    multiply_add(total, {{kOnes, kOnes, kOnes, kOnes}}, b);
#pragma unroll
    for (int group = 0; group < Groups; ++group) {
      const HalfFragmentA m = load_matrices_transposed(features + group * kSide);
      HalfFragmentA absolute, positive;
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        const __half2 difference = __hsub2(halves_of(m.x[k]), centroid[2 * group + k % 2]);
        absolute.x[k] = bits_of(difference) & kMagnitudeBits;
        // A difference that is not 0 becomes at least 1 in magnitude.
        positive.x[k] = bits_of(__hfma2_sat(difference, halves_of(kLarge), halves_of(tie)));
      }
      multiply_add(magnitude[group], absolute, b);
      multiply_add(above[group], positive, b);
    }
  }
  __device__ __forceinline__ void finish(int) {}
};

template <int Groups>
__device__ __forceinline__ void gradient_of_slice(const Inputs& inputs, const Part& part, const __half* gradients,
                                                  const float* gradient_factors, unsigned tie, int tiles_per_block,
                                                  float* sums) {
  __half* const tiles = dynamic_shared<__half>();
  uint2* const centroids = reinterpret_cast<uint2*>(tiles + 2 * (inputs.tile_columns + kZeroColumns) * kRowHalves) +
                           part.warp * kRows * kGroups * 8;
  for (int row = 0; row < part.rows; ++row) {
    const float* const numbers =
        inputs.centroids +
        (static_cast<std::int64_t>(part.c) * inputs.steps + part.first_row + row) * inputs.feature_dim;
    const auto number = [&](unsigned f) {
      const __half packed = f < inputs.feature_dim ? packed_number(numbers[f], inputs.shifts[f], inputs.scales[f])
                                                   : __float2half_rn(0.0F);
      return bits_of(__half2half2(packed));
    };
    for (int k = part.lane; k < Groups * 8; k += kWarp) {
      const auto f = static_cast<unsigned>(part.slice + k / 8 * kSide + k % 8);
      centroids[row * kGroups * 8 + k] = make_uint2(number(f), number(f + 8));
    }
  }
  __syncwarp();

  GradientVisitor<Groups> visitor;
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    visitor.total.x[k] = 0.0F;
#pragma unroll
    for (int group = 0; group < Groups; ++group) visitor.above[group].x[k] = visitor.magnitude[group].x[k] = 0.0F;
  }
  visitor.centroids = centroids + part.lane / 4;
  visitor.gradients = gradients + part.c * inputs.class_entries + part.lane % 4 * 4;
  visitor.tie = tie;
  visitor.lane = part.lane;
  const int first_tile = static_cast<int>(blockIdx.z) * tiles_per_block;
  walk<Groups, false>(inputs, part, first_tile, min(first_tile + tiles_per_block, inputs.tiles), tiles, visitor);
  if (part.rows == 0) return;

  const std::int64_t per_class = 2LL * inputs.steps * inputs.feature_dim;
  sums +=
      (static_cast<std::int64_t>(blockIdx.z) * (inputs.class_end - inputs.first_class) + part.c - inputs.first_class) *
      per_class;
  const float unit = 1.0F / gradient_factors[part.c];
#pragma unroll
  for (int group = 0; group < Groups; ++group) {
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const auto f = static_cast<unsigned>(part.slice + group * kSide + part.lane / 4 + k / 2 * 8);
      const int row = part.lane % 4 * 2 + k % 2;
      if (f >= inputs.feature_dim || row >= part.rows) continue;
      float* const sum = sums + static_cast<std::int64_t>(part.first_row + row) * inputs.feature_dim + f;
      sum[0] = (visitor.total.x[k % 2] - 2.0F * visitor.above[group].x[k]) * unit;
      sum[per_class / 2] = visitor.magnitude[group].x[k] * unit / inputs.scales[f];
    }
  }
}

/// `sums`: one [classes of the launch,2,K,F] for each part of the tiles (blockIdx.z).
__global__ void __launch_bounds__(kThreads, 1)
    matrix_gradient_kernel(const Inputs inputs, const __half* __restrict__ gradients,
                           const float* __restrict__ gradient_factors, unsigned tie, int tiles_per_block,
                           float* __restrict__ sums) {
  const Part part = part_of(inputs);
  with_groups(inputs, part, [&](auto groups) {
    gradient_of_slice<decltype(groups)::value>(inputs, part, gradients, gradient_factors, tie, tiles_per_block, sums);
  });
}

/// A block has 32 classes; its groups of 32 threads share the samples.
__global__ void __launch_bounds__(kFactorThreads)
    gradient_factors_kernel(const float* __restrict__ distance_gradient, int count, int classes, int first_class,
                            int class_end, float* __restrict__ gradient_factors) {
  __shared__ float shared[kFactorRows][kWarp];
  const int lane = static_cast<int>(threadIdx.x) % kWarp, group = static_cast<int>(threadIdx.x) / kWarp;
  const int c = first_class + static_cast<int>(blockIdx.x) * kWarp + lane;
  float largest = 0.0F;
  for (int sample = group; c < class_end && sample < count; sample += kFactorRows) {
    largest = fmaxf(largest, fabsf(distance_gradient[static_cast<std::int64_t>(sample) * classes + c]));
  }
  shared[group][lane] = largest;
  __syncthreads();
  if (group != 0 || c >= class_end) return;
  for (int g = 1; g < kFactorRows; ++g) largest = fmaxf(largest, shared[g][lane]);
  gradient_factors[c] = factor_into_half(largest);
}

constexpr int kPlaceWarps = 8, kPlaceThreads = kPlaceWarps * kWarp;

/// A warp has a class and a tile: the distance gradient of every entry of its lists.
__global__ void __launch_bounds__(kPlaceThreads)
    place_gradients_kernel(const Inputs inputs, int count, const float* __restrict__ distance_gradient,
                           const float* __restrict__ gradient_factors, __half* __restrict__ gradients) {
  __shared__ __half of_column[kPlaceWarps][kMostTileColumns + kZeroColumns];
  const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
  const int class_blocks = divide_up(inputs.class_end - inputs.first_class, kPlaceWarps);
  const int tile = static_cast<int>(blockIdx.x) / class_blocks;
  const int c = inputs.first_class + static_cast<int>(blockIdx.x) % class_blocks * kPlaceWarps + warp;
  if (c >= inputs.class_end) return;
  __half* const column_gradient = of_column[warp];
  const int first_column = tile * inputs.tile_columns;
  const int column_end = min(first_column + inputs.tile_columns, inputs.total_steps);
  const float factor = gradient_factors[c];
  for (int sample = sample_of_column(inputs.offsets, count, first_column);
       sample < count && inputs.offsets[sample] < column_end; ++sample) {
    const __half gradient =
        __float2half_rn(distance_gradient[static_cast<std::int64_t>(sample) * inputs.classes + c] * factor);
    const int end = min(inputs.offsets[sample + 1], column_end) - first_column;
    for (int column = max(inputs.offsets[sample] - first_column, 0) + lane; column < end; column += kWarp) {
      column_gradient[column] = gradient;
    }
  }
  if (lane < kZeroColumns) column_gradient[inputs.tile_columns + lane] = __float2half_rn(0.0F);
  __syncwarp();
  const std::int32_t* const starts =
      inputs.starts + (static_cast<std::int64_t>(c) * inputs.tiles + tile) * (inputs.steps + 1);
  const std::uint8_t* const list = inputs.cells + c * inputs.class_entries;
  __half* const placed = gradients + c * inputs.class_entries;
  for (int entry = starts[0] + lane; entry < starts[inputs.steps]; entry += kWarp) {
    placed[entry / kSide * kSide + place_in_fragment(entry % kSide)] = column_gradient[list[entry]];
  }
}

/// sums[n] = sum over parts of parts[part,n], in order.
__global__ void add_matrix_parts_kernel(const float* __restrict__ parts, int part_count, std::int64_t count,
                                        float* __restrict__ sums) {
  const std::int64_t n = global_thread();
  if (n >= count) return;
  float sum = parts[n];
  for (int part = 1; part < part_count; ++part) sum += parts[part * count + n];
  sums[n] = sum;
}

// --------------------------------------------------------------------------------------------------------------- host

std::int64_t slice_count(std::int64_t feature_dim) {
  return divide_up<std::int64_t>(feature_dim, kMatrixSlice);
}
std::int64_t chunk_count(std::int64_t steps) {
  return divide_up<std::int64_t>(steps, kRows);
}

Inputs inputs_of(const ParametersView<float>& parameters, const HalfPaths& paths, ClassRange range) {
  return {static_cast<const __half*>(paths.columns),
          paths.cells,
          paths.starts,
          paths.offsets,
          parameters.centroids,
          paths.shifts,
          paths.scales,
          entries_of_class(paths.count, paths.total_steps, paths.tile_columns, paths.steps),
          half_path_stride(paths.feature_dim),
          static_cast<int>(paths.total_steps),
          static_cast<int>(paths.tile_columns),
          static_cast<int>(tile_count(paths.total_steps, paths.tile_columns)),
          static_cast<int>(paths.classes),
          static_cast<int>(paths.steps),
          static_cast<int>(chunk_count(paths.steps)),
          static_cast<unsigned>(paths.feature_dim),
          static_cast<int>(range.first),
          static_cast<int>(range.first + range.count)};
}

/// Parts that a batch's tiles are cut into, of all classes' blocks: the fewest that make up nearly whole waves over the
/// GPU. Every part costs a pass over the sums.
std::int64_t part_count(std::int64_t tiles, std::int64_t classes, std::int64_t steps, std::int64_t feature_dim,
                        int processors) {
  constexpr std::int64_t kMostParts = 8, kLeastTiles = 2;
  constexpr double kGoodShare = 0.9;
  const std::int64_t blocks = divide_up<std::int64_t>(classes * chunk_count(steps), kWarps) * slice_count(feature_dim);
  std::int64_t best = 1;
  double best_share = 0;
  for (std::int64_t parts = 1; parts <= std::min(kMostParts, divide_up(tiles, kLeastTiles)); ++parts) {
    const double share = static_cast<double>(blocks * parts) /
                         static_cast<double>(divide_up<std::int64_t>(blocks * parts, processors) * processors);
    if (share > best_share) {
      best = parts;
      best_share = share;
    }
    if (share >= kGoodShare) break;
  }
  return best;
}

struct GradientArrays {
  float* factors;     ///< [C]
  __half* gradients;  ///< of every entry
  float* parts;       ///< [parts, C,2,K,F], where there are several
};

GradientArrays carve(Workspace& workspace, std::int64_t entries, std::int64_t parts, std::int64_t classes,
                     std::int64_t elements) {
  return {workspace.request<float>(classes), workspace.request<__half>(entries + kSide),  // readers look ahead
          workspace.request<float>(parts > 1 ? parts * elements : 0)};
}

std::int64_t gradient_elements(std::int64_t classes, std::int64_t steps, std::int64_t feature_dim) {
  return classes * 2 * steps * feature_dim;
}

}  // namespace

std::int64_t half_distance_parts(std::int64_t steps, std::int64_t feature_dim) {
  return slice_count(feature_dim) * chunk_count(steps);
}

std::size_t half_distance_workspace_bytes(std::int64_t classes) {
  Workspace sizing(nullptr);
  sizing.request<float>(classes);
  return sizing.required_bytes();
}

void distances_along_paths(const ParametersView<float>& parameters, const HalfPaths& paths, float* parts,
                           std::byte* workspace, int processors, Stream stream) {
  const Inputs inputs = inputs_of(parameters, paths, {0, paths.classes});
  float* const factors = Workspace(workspace).request<float>(paths.classes);
  const std::int64_t wanted = part_count(inputs.tiles, paths.classes, paths.steps, paths.feature_dim, processors);
  const std::int64_t per_block = divide_up(paths.count, wanted);
  launch("weight_factors", weight_factors_kernel, grid(paths.classes), kFactorThreads, 0, stream, parameters.weights,
         paths.scales, inputs.steps, inputs.feature_dim, factors);
  launch("matrix_distances", matrix_distance_kernel,
         grid(divide_up<std::int64_t>(paths.classes * inputs.chunks, kWarps), slice_count(paths.feature_dim),
              divide_up(paths.count, per_block)),
         kThreads,
         static_cast<std::size_t>(2 * tile_bytes(inputs.tile_columns) + kDistanceParameterBytes +
                                  kWarps * inputs.tile_columns * static_cast<int>(sizeof(float))),
         stream, inputs, parameters.weights, static_cast<const float*>(factors), static_cast<int>(paths.count),
         static_cast<int>(per_block), parts);
}

std::size_t half_gradient_workspace_bytes(const Samples& samples, std::int64_t classes, std::int64_t steps,
                                          int processors) {
  const std::int64_t tile_columns = half_tile_columns();
  const std::int64_t tiles = tile_count(samples.total_steps, tile_columns);
  Workspace sizing(nullptr);
  carve(sizing, classes * entries_of_class(samples.count, samples.total_steps, tile_columns, steps),
        part_count(tiles, classes, steps, samples.feature_dim, processors), classes,
        gradient_elements(classes, steps, samples.feature_dim));
  return sizing.required_bytes();
}

void gradient_along_paths(const ParametersView<float>& parameters, const HalfPaths& paths,
                          const float* distance_gradient, TieSign tie_sign, ClassRange range, float* gradient_sums,
                          std::byte* workspace, int processors, Stream stream) {
  const Inputs inputs = inputs_of(parameters, paths, range);
  const std::int64_t classes = paths.classes, steps = paths.steps, feature_dim = paths.feature_dim;
  // As many for any range, so that sums do not depend on it.
  const std::int64_t wanted = part_count(inputs.tiles, classes, steps, feature_dim, processors);
  const std::int64_t tiles_per_block = divide_up<std::int64_t>(inputs.tiles, wanted);
  const std::int64_t parts = divide_up<std::int64_t>(inputs.tiles, tiles_per_block);
  const std::int64_t elements = gradient_elements(range.count, steps, feature_dim);
  Workspace arena(workspace);
  const GradientArrays arrays =
      carve(arena, classes * inputs.class_entries, wanted, classes, gradient_elements(classes, steps, feature_dim));
  float* const own_sums = gradient_sums + gradient_elements(range.first, steps, feature_dim);
  float* const part_sums = parts > 1 ? arrays.parts : own_sums;

  launch("gradient_factors", gradient_factors_kernel, grid(divide_up<std::int64_t>(range.count, kWarp)), kFactorThreads,
         0, stream, distance_gradient, static_cast<int>(paths.count), inputs.classes, inputs.first_class,
         inputs.class_end, arrays.factors);
  launch("place_gradients", place_gradients_kernel,
         grid(divide_up<std::int64_t>(range.count, kPlaceWarps) * inputs.tiles), kPlaceThreads, 0, stream, inputs,
         static_cast<int>(paths.count), distance_gradient, static_cast<const float*>(arrays.factors), arrays.gradients);
  launch("matrix_gradient", matrix_gradient_kernel,
         grid(divide_up<std::int64_t>(range.count * inputs.chunks, kWarps), slice_count(feature_dim), parts), kThreads,
         static_cast<std::size_t>(2 * tile_bytes(inputs.tile_columns) + kGradientParameterBytes), stream, inputs,
         static_cast<const __half*>(arrays.gradients), static_cast<const float*>(arrays.factors),
         tie_sign == TieSign::kZero ? kHalves : kOnes, static_cast<int>(tiles_per_block), part_sums);
  if (parts > 1) {
    launch("add_matrix_parts", add_matrix_parts_kernel, grid(divide_up<std::int64_t>(elements, 256)), 256, 0, stream,
           static_cast<const float*>(part_sums), static_cast<int>(parts), elements, own_sums);
  }
}

}  // namespace dejavid::kernels::cuda
