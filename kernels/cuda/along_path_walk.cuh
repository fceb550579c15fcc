// How the kernels along paths in f32 lead a warp along its class's paths, through tiles of the samples in shared
// memory.
#pragma once

#include <climits>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/along_path.hpp"
#include "kernels/cuda/device.cuh"

// A warp has one class, some of its centroid steps and a slice of the features, four words of 4 bytes a lane;
// what belongs to the centroid steps stays in registers while samples pass by. A block's warps have neighbouring
// classes and share the samples' features, which asynchronous copies bring into shared memory a tile of sample steps
// ahead. Halves are made f32 there, once for all warps. A warp then goes along its path: where a centroid step starts
// with the column that the one before ended with, the column is still in registers, so that every column of a tile is
// read once. Reads from shared memory are the second limit next to issue.
namespace alignment::kernels::cuda {

/// Words of 4 bytes, numbers in f32, that a block's slice of a row has where a lane has `Words`.
template <int Words>
inline constexpr int kSlice = Words* kWarp;
/// A lane's words of a column.
template <int Words>
using LaneWords = std::conditional_t<Words == 4, float4, float2>;
inline constexpr int kWarps = 8, kThreads = kWarps * kWarp;
inline constexpr int kSampleChunk = kThreads / kWarps;  ///< samples whose columns are looked up together
inline constexpr int kBlocksAtOnce = 2;                 ///< on one multiprocessor
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
inline constexpr int kGradientBlocksAtOnce = 1;  ///< their shared memory has no room for two
#else
inline constexpr int kGradientBlocksAtOnce = kBlocksAtOnce;
#endif

/// Of halves fewer, for the sake of the place where they land.
template <typename Feature>
inline constexpr int kTileColumns = std::is_same_v<Feature, float> ? 64 : 48;
template <int Words, typename Feature>
inline constexpr int kTile = kTileColumns<Feature>* kSlice<Words>;

/// What both directions read.
template <typename Feature>
struct Inputs {
  const float* centroids;  ///< [C,K,F]
  const Feature* features;
  const std::int64_t* first_rows;  ///< nullptr: samples lie one after the other, as their columns do
  const std::int32_t* offsets;
  const std::int32_t* breakpoints;  ///< [B,C,K-1]
  int stride;                       ///< of features
  int classes, steps;
  unsigned feature_dim;
  int first_class, class_end;  ///< of this launch

  /// Breakpoints of one path.
  __device__ __forceinline__ const std::int32_t* path(int sample, int c) const {
    const int path = sample * classes + c;  // fewer than 2^31 paths: their breakpoints would not fit in memory
    return breakpoints + static_cast<std::int64_t>(path) * (steps - 1);
  }
};

/// Which part of the work a block has, where a lane has `Words`.
template <int Words>
struct Part {
  int warp, lane;
  int c;                ///< this warp's class, maybe past the last
  int first_row;        ///< first of this warp's Rows centroid steps
  unsigned first_word;  ///< first of this lane
  int slice;            ///< first word of the block
  int first_sample, samples_end;
};

template <int Rows, int Words, typename Feature>
__device__ __forceinline__ Part<Words> part_of(const Inputs<Feature>& inputs, int samples, int samples_per_block,
                                               int slices) {
  Part<Words> part;
  part.warp = static_cast<int>(threadIdx.x) / kWarp;
  part.lane = static_cast<int>(threadIdx.x) % kWarp;
  part.c = inputs.first_class + static_cast<int>(blockIdx.x) * kWarps + part.warp;
  part.first_row = static_cast<int>(blockIdx.y) / slices * Rows;
  part.slice = static_cast<int>(blockIdx.y) % slices * kSlice<Words>;
  part.first_word = static_cast<unsigned>(part.slice + part.lane * Words);
  part.first_sample = static_cast<int>(blockIdx.z) * samples_per_block;
  part.samples_end = min(part.first_sample + samples_per_block, samples);
  return part;
}

/// Four numbers of row `row` of a [rows,F] array from this lane's first feature on; 0 beyond F or past the rows.
__device__ __forceinline__ float4 lane_parameters(const float* array, std::int64_t row, bool inside,
                                                  unsigned feature_dim, unsigned first_feature) {
  const float* const numbers = array + row * feature_dim + first_feature;
  const auto at = [&](unsigned k) { return inside && first_feature + k < feature_dim ? numbers[k] : 0.0F; };
  return make_float4(at(0), at(1), at(2), at(3));
}

__device__ __forceinline__ float4 four_of_halves(int low_bits, int high_bits) {
  const float2 low = __half22float2(*reinterpret_cast<const __half2*>(&low_bits));
  const float2 high = __half22float2(*reinterpret_cast<const __half2*>(&high_bits));
  return make_float4(low.x, low.y, high.x, high.y);
}

/// What a block has to know of a sample, in shared memory.
template <typename Feature>
struct alignas(16) SampleColumns {
  const Feature* source;  ///< the slice of column `first`
  int first, last;        ///< columns that some path of this block needs
  int tile_columns;       ///< of a tile: equal ones, so that none is a small rest
};

/// One tile of one sample's steps.
template <typename Feature>
struct Tile {
  const Feature* source;  ///< the slice of column `first`
  int first, last;        ///< columns, inclusive
  int sample_last;        ///< the sample's last column that is needed
};

/// How this thread brings its pieces, 16 bytes each, of tiles into shared memory: copy() and, once the copies are
/// there, land(). What lies beyond a row of features stays zero.
template <int Words, typename Feature>
struct TileCopy {
  static constexpr bool kLands = !std::is_same_v<Feature, float>;  ///< whether there is a place before the tile
  static constexpr int kOfPiece = 16 / static_cast<int>(sizeof(Feature)), kPieces = kSlice<Words> / kOfPiece;
  static constexpr int kColumnsAtOnce = kThreads / kPieces;
  static constexpr int kCopies = kTileColumns<Feature> / kColumnsAtOnce, kGroup = kCopies > 4 ? kCopies / 2 : kCopies;
  static constexpr std::size_t kLandingBytes = kLands ? kTile<Words, Feature> * sizeof(Feature) : 0;

  int first_column;  ///< of this thread in a tile; past every tile where the piece is past the end of a row
  unsigned source;   ///< of this thread's first piece after the tile's source
  int destination;   ///< the same in a tile in shared memory
  int step;          ///< from a source to this thread's next
  Feature* landing;  ///< where halves land, laid out as a tile

  __device__ __forceinline__ TileCopy(const Inputs<Feature>& inputs, int slice, std::byte* landing_memory)
      : step(kColumnsAtOnce * inputs.stride), landing(reinterpret_cast<Feature*>(landing_memory)) {
    const int piece = static_cast<int>(threadIdx.x) % kPieces * kOfPiece;
    const int column = static_cast<int>(threadIdx.x) / kPieces;
    first_column = slice + piece < inputs.stride ? column : kTileColumns<Feature>;
    source = static_cast<unsigned>(column * inputs.stride + piece);
    destination = column * kSlice<Words> + piece;
  }
  /// Calls `body` with the numbers of this thread's pieces of `tile`.
  template <typename Body>
  __device__ __forceinline__ void for_pieces(const Tile<Feature>& tile, Body&& body) const {
    const int columns = tile.last - tile.first + 1 - first_column;
#pragma unroll
    for (int group = 0; group < kCopies; group += kGroup) {
      if (columns <= group * kColumnsAtOnce) break;
#pragma unroll
      for (int k = group; k < group + kGroup; ++k) body(k, k * kColumnsAtOnce < columns);
    }
  }
  __device__ __forceinline__ void copy(const Tile<Feature>& tile, float* tile_memory) const {
    const Feature* from = tile.source + source;
    for_pieces(tile, [&](int k, bool exists) {
      const int place = destination + k * kColumnsAtOnce * kSlice<Words>;
      void* to = tile_memory + place;
      if constexpr (kLands) to = landing + place;
      if (exists) __pipeline_memcpy_async(to, from, 16);
      from += step;
    });
    __pipeline_commit();
  }
  __device__ __forceinline__ void land(const Tile<Feature>& tile, float* tile_memory) const {
    if constexpr (kLands) {
      // Threads that store at once take turns with the halves of their pieces: else two of them would want one bank.
      const int second = static_cast<int>(threadIdx.x) / 4 % 2;
      for_pieces(tile, [&](int k, bool exists) {
        if (!exists) return;
        const int place = destination + k * kColumnsAtOnce * kSlice<Words>;
        const int4 bits = *reinterpret_cast<const int4*>(landing + place);
        float* const piece = tile_memory + place;
        *reinterpret_cast<float4*>(piece + 4 * second) =
            four_of_halves(second != 0 ? bits.z : bits.x, second != 0 ? bits.w : bits.y);
        *reinterpret_cast<float4*>(piece + 4 - 4 * second) =
            four_of_halves(second != 0 ? bits.x : bits.z, second != 0 ? bits.y : bits.w);
      });
    }
  }
};

/// What lies in shared memory behind the two tiles and the place where halves land.
template <typename Feature>
struct Lookup {
  SampleColumns<Feature> samples[kSampleChunk + 1];  ///< the last is read ahead and never used
  int rows[kWarps][kWarp];  ///< of each warp: what the present tile has of its rows, see row_in_tile()
};

template <int Words, typename Feature>
inline constexpr std::size_t kTileBytes = 2 * kTile<Words, Feature> * sizeof(float);
template <int Words, typename Feature>
inline constexpr std::size_t kSharedBytes = kTileBytes<Words, Feature> + TileCopy<Words, Feature>::kLandingBytes +
                                            sizeof(Lookup<Feature>);
static_assert(kSharedBytes<4, float> == 67616, "read by tests/machine_code/audit.py");
static_assert(kSharedBytes<4, __half> == 63520, "read by tests/machine_code/audit.py");

/// What a tile has of a row: negative for nothing, or else kPair for each pair of its cells after the first, with kOdd
/// a cell more, and kFresh where it does not start with the column that the row before in this tile ended with. The
/// numbers are such that each question is one instruction.
inline constexpr int kOdd = 2, kFresh = 4, kPair = 8;
__device__ __forceinline__ int row_in_tile(int more_cells, bool fresh) {
  return more_cells * (kPair / 2) - (more_cells & 1) * (kPair / 2 - kOdd) + (fresh ? kFresh : 0);
}
static_assert(-kPair / 2 - (kPair / 2 - kOdd) + kFresh < 0, "no cells, so -1 more, are a negative number");

/// A lane's share of a path: lane l < Rows has the row first_row + l.
template <int Rows, typename Feature>
class LaneOfPath {
 public:
  template <int Words>
  __device__ __forceinline__ LaneOfPath(const Inputs<Feature>& inputs, const Part<Words>& part, bool has_class) {
    const int row = part.first_row + part.lane;
    reads_ = has_class && part.lane <= Rows && row > 0 && row < inputs.steps;
    otherwise_ = has_class && row == 0 ? 0 : INT_MAX;
    per_sample_ = inputs.classes * (inputs.steps - 1);
    next_ = inputs.path(part.first_sample, part.c) + row - 1;
  }
  /// Starts to read the path to the next sample, from the first sample of the part on.
  __device__ __forceinline__ void read_next() {
    breakpoint_ = otherwise_;
    if (reads_) breakpoint_ = *next_;
    next_ += per_sample_;
  }

  /// What `tile` has of this lane's row: its cells are counted in `cells`. Returns the column of the tile that the
  /// path starts at.
  __device__ __forceinline__ int look_up(const Tile<Feature>& tile, int& row, int& cells) const {
    // A breakpoint b or ~b: the row before ends at column b, and this one starts there or, after ~b, at b + 1. The
    // rows past the path's end start past every tile.
    const int sign = breakpoint_ >> 31, before = breakpoint_ ^ sign;
    const int first = max(before - sign, tile.first);
    const int last = min(__shfl_down_sync(kAllLanes, before, 1), tile.last);
    cells = max(last - first + 1, 0);
    row = row_in_tile(cells - 1, first != before);
    return min(__shfl_sync(kAllLanes, first, 0), tile.last) - tile.first;
  }

 private:
  bool reads_;
  int otherwise_;  ///< breakpoint of a lane that has none to read
  int per_sample_;
  const std::int32_t* next_;
  int breakpoint_ = 0;
};

template <int Rows, int Words, typename Feature>
__device__ __forceinline__ void look_up_samples(const Inputs<Feature>& inputs, const Part<Words>& part,
                                                int first_sample, SampleColumns<Feature>* columns) {
  const int thread = static_cast<int>(threadIdx.x);  // a thread a sample and class
  const int sample = first_sample + thread / kWarps, c = part.c - part.warp + thread % kWarps;
  const bool has_sample = sample < part.samples_end;
  int first = INT_MAX, last = -1;
  if (has_sample && c < inputs.class_end) {
    const std::int32_t* const path = inputs.path(sample, c);
    const int length = inputs.offsets[sample + 1] - inputs.offsets[sample];
    first = columns_of(path, part.first_row, inputs.steps, length).first;
    last = columns_of(path, min(part.first_row + Rows, inputs.steps) - 1, inputs.steps, length).last;
  }
#pragma unroll
  for (int mask = kWarps / 2; mask > 0; mask /= 2) {
    first = min(first, __shfl_xor_sync(kAllLanes, first, mask));
    last = max(last, __shfl_xor_sync(kAllLanes, last, mask));
  }
  if (thread % kWarps == 0 && has_sample) {
    const std::int64_t row = inputs.first_rows != nullptr ? inputs.first_rows[sample] : inputs.offsets[sample];
    const int count = last - first + 1, tiles = divide_up(count, kTileColumns<Feature>);
    columns[thread / kWarps] = {inputs.features + (row + first) * inputs.stride + part.slice, first, last,
                                divide_up(count, tiles)};
  }
}

/// Leads `visitor` along the paths of this warp's class to the samples of `part`, in order: read_next() a sample ahead
/// and start(), then for every row the calls of row_cells(), for rows cut by a tile's end several times, then finish().
template <int Rows, int Words, typename Feature, typename Visitor>
__device__ __forceinline__ void walk(const Inputs<Feature>& inputs, const Part<Words>& part, Visitor& visitor) {
  constexpr int kColumn = kSlice<Words>, kOneTile = kTile<Words, Feature>;
  float* const tiles = dynamic_shared<float>();
  std::byte* const landing = dynamic_shared<std::byte>() + kTileBytes<Words, Feature>;
  Lookup<Feature>& lookup = *reinterpret_cast<Lookup<Feature>*>(landing + TileCopy<Words, Feature>::kLandingBytes);
  if (part.slice + kColumn > inputs.stride) {
    for (int k = static_cast<int>(threadIdx.x); k < 2 * kOneTile; k += kThreads) tiles[k] = 0.0F;
  }
  // The shuffle tells the compiler that it is the same for all lanes: branches on what lies there need no
  // reconvergence.
  int* const rows = lookup.rows[__shfl_sync(kAllLanes, part.warp, 0)];
  const TileCopy<Words, Feature> copies(inputs, part.slice, landing);
  LaneOfPath<Rows, Feature> path(inputs, part, part.c < inputs.class_end);
  const auto first_tile = [](const SampleColumns<Feature>& sample) {
    return Tile<Feature>{sample.source, sample.first, min(sample.first + sample.tile_columns - 1, sample.last),
                         sample.last};
  };

  for (int first_sample = part.first_sample; first_sample < part.samples_end; first_sample += kSampleChunk) {
    look_up_samples<Rows>(inputs, part, first_sample, lookup.samples);
    __syncthreads();

    // What a sample needs beside its features is read a sample ahead too.
    const SampleColumns<Feature>* sample = lookup.samples;
    Tile<Feature> now = first_tile(*sample);
    copies.copy(now, tiles);
    path.read_next();
    visitor.read_next();
    int stage = 0;  ///< where the present tile lies
    for (int left = min(kSampleChunk, part.samples_end - first_sample); left > 0;) {
      const bool ends = now.last == now.sample_last;
      Tile<Feature> next;
      if (ends) {
        --left;
        next = first_tile(*++sample);
      } else {
        const int columns = sample->tile_columns;
        next = {now.source + static_cast<std::int64_t>(columns) * inputs.stride, now.last + 1,
                min(now.last + columns, now.sample_last), now.sample_last};
      }
      __pipeline_wait_prior(0);
      copies.land(now, tiles + stage);
      __syncthreads();  // the tile is there, and nobody reads the other any more
      int lane_cells;
      const int start = path.look_up(now, rows[part.lane], lane_cells);
      visitor.start(lane_cells);
      if (left > 0) {
        copies.copy(next, tiles + (stage ^ kOneTile));
        if (ends) {
          path.read_next();
          visitor.read_next();
        }
      }
      __syncwarp();
      const float* column = tiles + stage + start * kColumn + part.lane * Words;
      LaneWords<Words> m{};
      int4 four;
#pragma unroll
      for (int i = 0; i < Rows; ++i) {
        if (i % 4 == 0) four = *reinterpret_cast<const int4*>(rows + i);
        const int row = i % 4 == 0 ? four.x : i % 4 == 1 ? four.y : i % 4 == 2 ? four.z : four.w;
        if (row >= 0) visitor.row(i, i == 0 || (row & kFresh) != 0, row, column, m);
      }
      if (ends) visitor.finish();
      now = next;
      stage ^= kOneTile;
    }
    __syncthreads();  // nobody reads this chunk's columns and tiles any more
  }
}

/// Goes along the cells of a row in a tile: the first or first two, then pairs. `column`: the next to be read; `m`: the
/// one before.
template <typename OfLane, typename Row>
__device__ __forceinline__ void row_cells(bool fresh, int row_in_tile, const float*& column, OfLane& m, Row& row) {
  constexpr int kColumn = kSlice<static_cast<int>(sizeof(OfLane) / sizeof(float))>;
  const auto load = [](const float* words) { return *reinterpret_cast<const OfLane*>(words); };
  const auto read = [&] {
    const OfLane words = load(column);
    column += kColumn;
    return words;
  };
  if (fresh) m = read();
  row.first(m);
  if ((row_in_tile & kOdd) != 0) {
    m = read();
    row.next(m);
  }
#pragma unroll 1
  for (; row_in_tile >= kPair; row_in_tile -= kPair) {
    const OfLane one = load(column);
    m = load(column + kColumn);
    column += 2 * kColumn;
    row.next(one);
    row.next(m);
  }
}

/// Parts that the samples of a gradient of `blocks` blocks are cut into, so that blocks come in nearly whole waves over
/// the GPU, which has room for `at_once`. Every part costs a pass over the sums.
inline std::int64_t gradient_parts(std::int64_t blocks, std::int64_t samples, std::int64_t at_once) {
  constexpr std::int64_t kMostParts = 8, kLeastSamples = 16;
  constexpr double kGoodShare = 0.85;
  std::int64_t best = 1;
  double best_share = 0;
  for (std::int64_t parts = 1; parts <= std::min(kMostParts, divide_up(samples, kLeastSamples)); ++parts) {
    const double share =
        static_cast<double>(blocks * parts) / static_cast<double>(divide_up(blocks * parts, at_once) * at_once);
    if (share > best_share) {
      best = parts;
      best_share = share;
    }
    if (share >= kGoodShare) break;
  }
  return best;
}

/// Samples that a block of distances takes, so that all blocks are done soonest: they run in waves over the GPU, which
/// has room for `at_once`, and each begins with loading its parameters, for about the time of `loading` samples.
inline std::int64_t samples_per_block(std::int64_t blocks, std::int64_t samples, std::int64_t at_once,
                                      std::int64_t loading) {
  constexpr std::int64_t kLeastSamples = 8;
  std::int64_t best = samples, least_time = std::numeric_limits<std::int64_t>::max();
  for (std::int64_t parts = 1; parts <= divide_up(samples, kLeastSamples); ++parts) {
    const std::int64_t each = divide_up(samples, parts);
    const std::int64_t time = divide_up(blocks * divide_up(samples, each), at_once) * (each + loading);
    if (time < least_time) {
      best = each;
      least_time = time;
    }
  }
  return best;
}

/// sums[n] = sum over parts of parts[part,n], in order.
void add_gradient_parts(const float* parts, std::int64_t part_count, std::int64_t count, float* sums, Stream stream);

}  // namespace alignment::kernels::cuda
