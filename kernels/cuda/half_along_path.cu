#include <algorithm>
#include <climits>

#include "kernels/cost.hpp"
#include "kernels/cuda/along_path_walk.cuh"
#include "kernels/cuda/bulk_copy.cuh"
#include "kernels/cuda/matrix.cuh"
#include "kernels/workspace.hpp"

// The kernels along paths with two features to an instruction. What a row's cells add up to in one tile, at most 64
// terms, is summed in f16; then it goes to sums in f32, with weights and distance gradients in f32.
//
// A warp has some centroid steps of a class and a slice of the features, or half of one. Samples lie packed slice by
// slice, so that a tile, up to 64 columns of a sample, is one piece of memory, which one bulk copy brings. A block's
// warps share a ring of tiles; each goes along its own path at its own pace, and whoever is the last to leave a tile
// starts the copy of the one that takes its place: no barrier stops the block. What a path does to a tile is worked out
// once for all slices and both directions, and comes with the tile.
namespace alignment::kernels::cuda {
namespace {

/// Centroid steps of a warp. Of a class with more, some have few of a sample's cells and some have many, and a ring's
/// warps wait for the one that has most: so there are as many as registers allow.
constexpr int kRows = 8;
constexpr int kStages = 4;  ///< tiles of a block's ring
constexpr int kTileColumnsMost = 64;
static_assert(kTileColumnsMost == kHalfPathCells, "the error bounds of along_path.hpp hold for a tile's columns");
static_assert(kTileColumnsMost * 2 * kHalfPathLimit < 65504.0F, "a row's sum in one tile is finite");

/// Warps of a block, of which one is on a multiprocessor at once.
constexpr int kRingWarps = 16, kRingThreads = kRingWarps * kWarp;
/// Words, of two halves each, of a lane, where slices are whole: a lane of the gradient, which sums twice as much, has
/// half of them.
constexpr int kDistanceWords = 4, kGradientWords = 2;

/// How features are cut into slices: whole ones first, and narrow ones, whose lanes have one word, where what is left
/// is no more than half of a whole one.
constexpr int kWhole = 2 * kDistanceWords * kWarp, kNarrow = 2 * kWarp;  ///< features
struct Slices {
  std::int64_t whole, narrow;
  [[nodiscard]] constexpr std::int64_t count() const { return whole + narrow; }
  [[nodiscard]] constexpr std::int64_t features() const { return whole * kWhole + narrow * kNarrow; }
};

constexpr Slices slices_of(std::int64_t feature_dim) {
  const std::int64_t whole = feature_dim / kWhole, left = feature_dim % kWhole;
  if (2 * left > kWhole) return {whole + 1, 0};
  return {whole, divide_up<std::int64_t>(left, kNarrow)};
}

/// The first feature of slice number `slice`, padding counted in.
__host__ __device__ constexpr std::int64_t slice_start(std::int64_t slice, std::int64_t whole) {
  return slice < whole ? slice * kWhole : whole * kWhole + (slice - whole) * kNarrow;
}

std::int64_t chunk_count(std::int64_t steps) {
  return divide_up<std::int64_t>(steps, kRows);
}

// ------------------------------------------------------------------------------------------------------------ packing

/// x' of HalfPaths but for its rounding to f16.
__device__ __forceinline__ float packed_number(float value, float shift, float scale) {
  if (!isfinite(value)) return NAN;
  const float moved = fminf(fmaxf((value - shift) * scale, -kHalfPathLimit), kHalfPathLimit);
  return rintf(moved / kHalfPathQuantum) * kHalfPathQuantum;
}

constexpr int kPackThreads = 128;
constexpr int kPackColumns = 8;  ///< of a block
constexpr int kPiece = 8;        ///< features of a thread: 16 bytes

template <typename Number>
struct alignas(16) Sixteen {
  Number at[16 / sizeof(Number)];
};

/// A thread a piece of kPackColumns columns.
template <typename Feature>
__global__ void __launch_bounds__(kPackThreads)
    pack_columns_kernel(const Feature* __restrict__ features, const std::int64_t* __restrict__ first_rows,
                        const std::int32_t* __restrict__ offsets, int count, std::int64_t total_steps,
                        std::int64_t feature_dim, std::int64_t row_stride, const float* __restrict__ shifts,
                        const float* __restrict__ scales, std::int64_t whole, std::int64_t padded_features,
                        __half* __restrict__ columns) {
  __shared__ std::int64_t rows[kPackColumns];
  const std::int64_t first_column = static_cast<std::int64_t>(blockIdx.x) * kPackColumns;
  const int column_count = static_cast<int>(min(total_steps - first_column, std::int64_t{kPackColumns}));
  if (static_cast<int>(threadIdx.x) < column_count) {
    rows[threadIdx.x] = row_of_column(first_rows, offsets, count, first_column + threadIdx.x);
  }
  __syncthreads();
  const std::int64_t first = (static_cast<std::int64_t>(blockIdx.y) * kPackThreads + threadIdx.x) * kPiece;
  if (first >= padded_features) return;
  float shift[kPiece], scale[kPiece];
#pragma unroll
  for (int k = 0; k < kPiece; ++k) {
    // Beyond F the rows are zero, and so is what this makes of them.
    shift[k] = first + k < feature_dim ? shifts[first + k] : 0.0F;
    scale[k] = first + k < feature_dim ? scales[first + k] : 0.0F;
  }
  // Whole slices are several narrow ones wide, so that a feature's place in its slice is the same counted from 0.
  const std::int64_t width = first < whole * kWhole ? kWhole : kNarrow;
  __half* const packed = columns + (first - first % width) * total_steps + first % width;
  for (int column = 0; column < column_count; ++column) {
    constexpr int kOfLoad = 16 / static_cast<int>(sizeof(Feature));
    Sixteen<Feature> read[kPiece / kOfLoad] = {};
    if (first < row_stride) {
#pragma unroll
      for (int k = 0; k < kPiece / kOfLoad; ++k) {
        read[k] =
            *reinterpret_cast<const Sixteen<Feature>*>(features + rows[column] * row_stride + first + k * kOfLoad);
      }
    }
    Sixteen<__half2> piece;
#pragma unroll
    for (int k = 0; k < kPiece; k += 2) {
      piece.at[k / 2] = __floats2half2_rn(
          packed_number(feature_at(read[k / kOfLoad].at, k % kOfLoad), shift[k], scale[k]),
          packed_number(feature_at(read[(k + 1) / kOfLoad].at, (k + 1) % kOfLoad), shift[k + 1], scale[k + 1]));
    }
    *reinterpret_cast<Sixteen<__half2>*>(packed + (first_column + column) * width) = piece;
  }
}

// ------------------------------------------------------------------------------------------------------------- routes

// What a tile has of a row: its cells after the first, and kFresh where it does not start with the column that the
// warp's row before ended with. Negative where it has none. The first of a warp's rows also says at which of the tile's
// columns the warp's path starts, whether the sample ends with this tile, and whether the tile has cells of all rows.
constexpr int kMoreCells = 63, kFresh = 64, kEnds = 128, kComplete = 256, kStartShift = 16;
static_assert(kTileColumnsMost - 1 <= kMoreCells);

/// A warp's rows in a tile.
struct alignas(16) Route {
  int rows[kRows];

  /// Rows `first` to `first` + 3.
  [[nodiscard]] __device__ __forceinline__ int4 four(int first) const {
    return *reinterpret_cast<const int4*>(rows + first);
  }
};
__device__ __forceinline__ int row_of(const int4& four, int row) {
  return row % 4 == 0 ? four.x : row % 4 == 1 ? four.y : row % 4 == 2 ? four.z : four.w;
}

/// A tile of a sample.
struct alignas(16) Tile {
  int first_column;  ///< of the batch
  int columns;
  int row;     ///< of HalfPaths::routes
  int sample;  ///< it is the tile's
};

/// Tiles of a sample.
__host__ __device__ constexpr int tile_count(int length) {
  return (length + kTileColumnsMost - 1) / kTileColumnsMost;
}
/// Rows of routes: samples have theirs one after the other, at offsets / 64 + sample, which leaves some unused.
std::int64_t route_rows(const Samples& samples) {
  return samples.total_steps / kTileColumnsMost + samples.count;
}
/// A row: the tile that comes kStages later, then the routes of all items. An item is kRows steps of a class.
__host__ __device__ constexpr std::int64_t route_row_bytes(std::int64_t items) {
  return static_cast<std::int64_t>(sizeof(Tile)) + items * static_cast<std::int64_t>(sizeof(Route));
}

/// Tile number `tile` of a sample; it has as many columns as the sample's others, or one more.
__device__ __forceinline__ Tile tile_of(const std::int32_t* offsets, int sample, int tile) {
  const int first = offsets[sample], length = offsets[sample + 1] - first;
  const int tiles = tile_count(length), each = length / tiles, larger = length % tiles;
  return {first + tile * each + min(tile, larger), each + (tile < larger ? 1 : 0),
          first / kTileColumnsMost + sample + tile, sample};
}

/// The tile that comes `ahead` after tile number `tile` of `sample`; of sample `count` where there is none.
__device__ __forceinline__ Tile tile_ahead(const std::int32_t* offsets, int count, int sample, int tile, int ahead) {
  tile += ahead;
  while (sample < count) {
    const int tiles = tile_count(offsets[sample + 1] - offsets[sample]);
    if (tile < tiles) return tile_of(offsets, sample, tile);
    tile -= tiles;
    ++sample;
  }
  return {0, 0, 0, count};
}

constexpr int kRouteThreads = 128;

/// A thread a sample and item.
__global__ void __launch_bounds__(kRouteThreads)
    routes_kernel(const std::int32_t* __restrict__ breakpoints, const std::int32_t* __restrict__ offsets, int count,
                  int classes, int steps, int chunks, int item_blocks, std::byte* __restrict__ routes) {
  const int items = classes * chunks, sample = static_cast<int>(blockIdx.x) / item_blocks;
  const int item = static_cast<int>(blockIdx.x) % item_blocks * kRouteThreads + static_cast<int>(threadIdx.x);
  if (item >= items) return;
  const int length = offsets[sample + 1] - offsets[sample], tiles = tile_count(length);
  const int first_row = item % chunks * kRows;
  const std::int32_t* const path =
      breakpoints + (static_cast<std::int64_t>(sample) * classes + item / chunks) * (steps - 1);
  Columns columns[kRows];
#pragma unroll
  for (int i = 0; i < kRows; ++i) columns[i] = columns_of(path, first_row + i, steps, length);
  for (int t = 0; t < tiles; ++t) {
    const Tile tile = tile_of(offsets, sample, t);
    const int first = tile.first_column - offsets[sample], last = first + tile.columns - 1;
    Route route;
    int start = -1, held = -1;  // held: the column that the row before ended with, where that is in this tile
    bool complete = true;
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const int from = max(columns[i].first, first), more = min(columns[i].last, last) - from;
      route.rows[i] = more < 0 ? INT_MIN : more | (from == held ? 0 : kFresh);
      if (more >= 0) held = from + more;
      if (more >= 0 && start < 0) start = from - first;
      complete = complete && more >= 0;
    }
    route.rows[0] |= max(start, 0) << kStartShift | (t == tiles - 1 ? kEnds : 0) | (complete ? kComplete : 0);
    auto* const ahead = reinterpret_cast<Tile*>(routes + tile.row * route_row_bytes(items));
    reinterpret_cast<Route*>(ahead + 1)[item] = route;
    if (item == 0) *ahead = tile_ahead(offsets, count, sample, t, kStages);
  }
}

// ---------------------------------------------------------------------------------------------------------- both ways

/// A lane's words, of two halves each. Kept as whole words: halves that are kept between branches take a register each.
template <int Words>
struct alignas(4 * Words) Halves {
  unsigned words[static_cast<std::size_t>(Words)];
  [[nodiscard]] __device__ __forceinline__ __half2 pair(int k) const { return halves_of(words[k]); }
  __device__ __forceinline__ void set(int k, __half2 pair) { words[k] = bits_of(pair); }
};

/// Numbers of a lane.
template <int Words>
constexpr std::size_t kNumbers = 2 * static_cast<std::size_t>(Words);

/// What both directions read.
struct HalfInputs {
  const float *centroids, *shifts, *scales;
  const __half* columns;
  const std::byte* routes;
  const std::int32_t* offsets;
  std::int64_t total_steps;
  int classes, steps, chunks;
  unsigned feature_dim;
  int first_item, items_end;  ///< of this launch
  int whole_slices;
  int samples, samples_per_block;
};

/// A block's ring of tiles in shared memory.
struct Ring {
  std::byte tiles[kStages][kTileColumnsMost * kWhole * sizeof(__half)];
  Route routes[kStages][kRingWarps];
  Tile ahead[kStages];  ///< what follows in the same place
  Barrier arrived[kStages];
  unsigned left[kStages];  ///< warps that are done with a tile
};

/// What a warp does, where a slice has `Slice` features and a lane `Words`.
template <int Slice, int Words>
struct WarpPart {
  static constexpr int kOfItem = Slice / (2 * Words * kWarp);  ///< warps that share an item
  static constexpr int kItems = kRingWarps / kOfItem;          ///< items of a block
  int slice, part_of_slice;
  int first_item, items;  ///< of the block
  int c, first_row;       ///< of the warp
  int first_sample, samples_end;
  int warp, lane;
  unsigned first_feature;  ///< of the lane

  __device__ __forceinline__ explicit WarpPart(const HalfInputs& inputs) {
    // The shuffle tells the compiler that it is the same for all lanes: branches on what depends on it need no
    // reconvergence.
    warp = __shfl_sync(kAllLanes, static_cast<int>(threadIdx.x) / kWarp, 0);
    lane = static_cast<int>(threadIdx.x) % kWarp;
    slice = static_cast<int>(blockIdx.y);
    part_of_slice = warp % kOfItem;
    first_item = inputs.first_item + static_cast<int>(blockIdx.x) * kItems;
    items = min(kItems, inputs.items_end - first_item);
    const int item = first_item + warp / kOfItem;
    c = item / inputs.chunks;
    first_row = item % inputs.chunks * kRows;
    first_sample = static_cast<int>(blockIdx.z) * inputs.samples_per_block;
    samples_end = min(first_sample + inputs.samples_per_block, inputs.samples);
    first_feature = static_cast<unsigned>(static_cast<int>(slice_start(slice, inputs.whole_slices)) +
                                          (part_of_slice * kWarp + lane) * 2 * Words);
  }
  [[nodiscard]] __device__ __forceinline__ int warps() const { return items * kOfItem; }
  [[nodiscard]] __device__ __forceinline__ bool has_item() const { return warp < warps(); }
};

/// By a whole warp: starts to bring a tile.
template <int Slice, int Words>
__device__ __forceinline__ void bring(const HalfInputs& inputs, const WarpPart<Slice, Words>& part, const Tile& tile,
                                      Ring& ring, int stage) {
  const unsigned tile_bytes = static_cast<unsigned>(tile.columns) * Slice * sizeof(__half);
  const unsigned route_bytes = static_cast<unsigned>(part.items) * sizeof(Route);
  const __half* const columns = inputs.columns + slice_start(part.slice, inputs.whole_slices) * inputs.total_steps +
                                static_cast<std::int64_t>(tile.first_column) * Slice;
  const std::byte* const row = inputs.routes + tile.row * route_row_bytes(inputs.classes * inputs.chunks);
  Barrier& arrived = ring.arrived[stage];
  announce(arrived, tile_bytes + route_bytes + static_cast<unsigned>(sizeof(Tile)));
  copy(ring.tiles[stage], columns, tile_bytes, arrived);
  copy(ring.routes[stage], row + sizeof(Tile) + static_cast<std::size_t>(part.first_item) * sizeof(Route), route_bytes,
       arrived);
  copy(&ring.ahead[stage], row, sizeof(Tile), arrived);
  arrive(arrived);
}

/// By a whole block: starts the ring and brings its first tiles, once nobody uses its memory for anything else.
template <int Slice, int Words>
__device__ __forceinline__ void start_ring(const HalfInputs& inputs, const WarpPart<Slice, Words>& part, Ring& ring) {
  order_before_copies();
  __syncthreads();
  if (part.warp == 0) {
    if (part.lane == 0) {
      for (int stage = 0; stage < kStages; ++stage) {
        start(ring.arrived[stage]);
        ring.left[stage] = 0;
      }
    }
    __syncwarp();
#pragma unroll 1
    for (int stage = 0; stage < kStages; ++stage) {
      const Tile tile = tile_ahead(inputs.offsets, part.samples_end, part.first_sample, 0, stage);
      if (tile.sample < part.samples_end) bring(inputs, part, tile, ring, stage);
    }
  }
  __syncthreads();
}

/// Goes along the cells of a row in a tile. `column`: the next to be read; `m`: the one before.
template <int Slice, int Words, typename Row>
__device__ __forceinline__ void row_cells(int of_row, const std::byte*& column, Halves<Words>& m, Row& row) {
  constexpr int kColumn = Slice * static_cast<int>(sizeof(__half));
  const auto load = [&](int ahead) { return *reinterpret_cast<const Halves<Words>*>(column + ahead * kColumn); };
  if ((of_row & kFresh) != 0) {
    m = load(0);
    column += kColumn;
  }
  row.first(m);
  if ((of_row & kMoreCells) == 0) return;
  if ((of_row & 1) != 0) {
    m = load(0);
    column += kColumn;
    row.next(m);
  }
  if ((of_row & 2) != 0) {
    const Halves<Words> one = load(0);
    m = load(1);
    column += 2 * kColumn;
    row.next(one, m);
  }
#pragma unroll 1
  for (int more = of_row & kMoreCells; more >= 4; more -= 4) {
    const Halves<Words> one = load(0), two = load(1), three = load(2);
    m = load(3);
    column += 4 * kColumn;
    row.next(one, two, three, m);
  }
}

/// Leads `visitor` along the paths of this warp's class to the samples of `part`, in order: start() at a tile, row()
/// for each row that it has cells of, and finish() at a sample's end.
template <int Slice, int Words, typename Visitor>
__device__ __forceinline__ void walk(const HalfInputs& inputs, const WarpPart<Slice, Words>& part, Ring& ring,
                                     Visitor& visitor) {
  int stage = 0;
  unsigned phase = 0;
  for (int left = part.samples_end - part.first_sample; left > 0;) {
    wait(ring.arrived[stage], phase);
    const Route& route = ring.routes[stage][part.warp / part.kOfItem];
    visitor.start(route.rows[threadIdx.x % kRows]);
    int4 four = route.four(0);
    const int of_tile = four.x, start = (of_tile & INT_MAX) >> kStartShift;
    const std::byte* column = ring.tiles[stage] + start * (Slice * static_cast<int>(sizeof(__half))) +
                              (part.part_of_slice * kWarp + part.lane) * static_cast<int>(sizeof(Halves<Words>));
    Halves<Words> m{};
    if ((of_tile & kComplete) != 0) {  // without a branch between rows, their instructions can overlap
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        if (i > 0 && i % 4 == 0) four = route.four(i);
        visitor.row(i, row_of(four, i), column, m);
      }
    } else {
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        if (i > 0 && i % 4 == 0) four = route.four(i);
        if (row_of(four, i) >= 0) visitor.row(i, row_of(four, i), column, m);
      }
    }
    if (last_of(static_cast<unsigned>(part.warps()), ring.left[stage])) {
      const Tile ahead = ring.ahead[stage];
      __syncwarp();  // all lanes have read what is overwritten
      if (ahead.sample < part.samples_end) bring(inputs, part, ahead, ring, stage);
    }
    if ((of_tile & kEnds) != 0) {
      visitor.finish();
      --left;
    }
    if (++stage == kStages) {
      stage = 0;
      ++phase;
    }
  }
}

/// Neighbouring words change places. Centroid steps lie so in shared memory: what is subtracted from each other then
/// comes into registers of different banks, which are read in one clock.
template <int Words>
__device__ __forceinline__ Halves<Words> swapped(const Halves<Words>& halves) {
  Halves<Words> result;
#pragma unroll
  for (int k = 0; k < Words; ++k) result.words[k] = halves.words[Words == 1 ? k : k ^ 1];
  return result;
}

template <int Count>
struct alignas(4 * Count) Floats {
  float at[static_cast<std::size_t>(Count)];
};

/// A lane's features, and what arrays have of them. No load waits for a branch: beyond F, and where there is no such
/// centroid step, the last ones that there are are read and not used. Numbers go through shared memory, `places`
/// kRingThreads apart, a few steps at a time: else registers run out.
template <int Words>
struct LaneFeatures {
  unsigned feature_dim, first;
  float scale[kNumbers<Words>];

  __device__ __forceinline__ LaneFeatures(const HalfInputs& inputs, unsigned first_feature)
      : feature_dim(inputs.feature_dim), first(first_feature) {
#pragma unroll
    for (unsigned k = 0; k < 2 * Words; ++k) scale[k] = inputs.scales[place(k)];
  }
  [[nodiscard]] __device__ __forceinline__ unsigned place(unsigned k) const {
    return min(first + k, feature_dim - 1);
  }
  [[nodiscard]] __device__ __forceinline__ bool has(unsigned k) const {
    return first + k < feature_dim;
  }
  /// Exact: scales are powers of two from 2^-100 to 2^100.
  [[nodiscard]] __device__ __forceinline__ float inverse_scale(unsigned k) const {
    return __uint_as_float((254U << 23U) - __float_as_uint(scale[k]));
  }

  /// Packs kRows centroid steps from row `first_row` on as samples are; 0 beyond F and from step `rows` on.
  __device__ __forceinline__ void pack(const HalfInputs& inputs, std::int64_t first_row, int rows,
                                       Halves<Words>* places) const {
    float shift[kNumbers<Words>];
#pragma unroll
    for (unsigned k = 0; k < 2 * Words; ++k) shift[k] = inputs.shifts[place(k)];
#pragma unroll 2
    for (int i = 0; i < kRows; ++i) {
      const float* const row = inputs.centroids + (first_row + min(i, rows - 1)) * feature_dim;
      float numbers[kNumbers<Words>];
#pragma unroll
      for (unsigned k = 0; k < 2 * Words; ++k) numbers[k] = row[place(k)];
      const auto at = [&](unsigned k) {
        const float number = packed_number(numbers[k], shift[k], scale[k]);
        return i < rows && has(k) ? number : 0.0F;
      };
      Halves<Words> halves;
#pragma unroll
      for (unsigned k = 0; k < Words; ++k) halves.set(static_cast<int>(k), __floats2half2_rn(at(2 * k), at(2 * k + 1)));
      places[i * kRingThreads] = swapped(halves);
    }
  }

  /// Reads u / scale of kRows steps, the same way.
  __device__ __forceinline__ void read_weights(const float* weights, std::int64_t first_row, int rows, void* memory,
                                               float (&of_rows)[kRows][kNumbers<Words>]) const {
    constexpr unsigned kAtOnce = Words == 1 ? 2 : 4;
    auto* const places = static_cast<Floats<kAtOnce>*>(memory) + threadIdx.x;
#pragma unroll
    for (unsigned from = 0; from < 2 * Words; from += kAtOnce) {
#pragma unroll 4
      for (int i = 0; i < kRows; ++i) {
        const float* const row = weights + (first_row + min(i, rows - 1)) * feature_dim;
        Floats<kAtOnce> some;
#pragma unroll
        for (unsigned k = 0; k < kAtOnce; ++k) {
          const float weight = row[place(from + k)] * inverse_scale(from + k);
          some.at[k] = i < rows && has(from + k) ? weight : 0.0F;
        }
        places[i * kRingThreads] = some;
      }
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        const Floats<kAtOnce> some = places[i * kRingThreads];
#pragma unroll
        for (unsigned k = 0; k < kAtOnce; ++k) of_rows[i][from + k] = some.at[k];
      }
    }
  }
};

/// sum over a row's cells of |c - m|, but for its sign.
template <int Words>
struct AbsoluteRow {
  const Halves<Words>& c;
  Halves<Words> absolute;

  [[nodiscard]] __device__ __forceinline__ __half2 of(int k, const Halves<Words>& m) const {
    return __habs2(__hsub2(c.pair(k), m.pair(k)));
  }
  __device__ __forceinline__ void first(const Halves<Words>& m) {
#pragma unroll
    for (int k = 0; k < Words; ++k) absolute.set(k, __hsub2(c.pair(k), m.pair(k)));
  }
  __device__ __forceinline__ void next(const Halves<Words>& m) {
#pragma unroll
    for (int k = 0; k < Words; ++k) absolute.set(k, __hadd2(__habs2(absolute.pair(k)), of(k, m)));
  }
  // Several are added up first: fewer instructions wait for each other.
  __device__ __forceinline__ void next(const Halves<Words>& one, const Halves<Words>& two) {
#pragma unroll
    for (int k = 0; k < Words; ++k) {
      absolute.set(k, __hadd2(__habs2(absolute.pair(k)), __hadd2(of(k, one), of(k, two))));
    }
  }
  __device__ __forceinline__ void next(const Halves<Words>& one, const Halves<Words>& two, const Halves<Words>& three,
                                       const Halves<Words>& four) {
#pragma unroll
    for (int k = 0; k < Words; ++k) {
      const __half2 sum = __hadd2(__hadd2(of(k, one), of(k, two)), __hadd2(of(k, three), of(k, four)));
      absolute.set(k, __hadd2(__habs2(absolute.pair(k)), sum));
    }
  }
};

// ----------------------------------------------------------------------------------------------------------- distances

constexpr int kTotals = 8;  ///< samples whose distances are written together

/// In shared memory.
struct DistanceMemory {
  Ring ring;
  float totals[kRingWarps][kTotals * kWarp];  ///< lanes' sums for some samples
};
static_assert(sizeof(DistanceMemory) == 149616, "read by tests/machine_code/audit.py");

template <int Slice, int Words>
struct HalfDistanceVisitor {
  Halves<Words> centroid[kRows];
  float weight[kRows][kNumbers<Words>];  ///< u / scale
  const HalfInputs& inputs;
  const WarpPart<Slice, Words>& warp_part;
  float* parts;
  float* totals;  ///< this warp's
  float2 sum = {};
  int sample = warp_part.first_sample, kept = 0;  ///< the first of `totals`, and of how many there are

  __device__ __forceinline__ void start(int) {}
  __device__ __forceinline__ void row(int i, int of_row, const std::byte*& column, Halves<Words>& m) {
    AbsoluteRow<Words> row{centroid[i], {}};
    row_cells<Slice>(of_row, column, m, row);
#pragma unroll
    for (int k = 0; k < Words; ++k) {
      const float2 absolute = __half22float2(__habs2(row.absolute.pair(k)));
      sum.x = fmaf(weight[i][2 * k], absolute.x, sum.x);
      sum.y = fmaf(weight[i][2 * k + 1], absolute.y, sum.y);
    }
  }
  __device__ __forceinline__ void finish() {
    totals[kept * kWarp + warp_part.lane] = sum.x + sum.y;
    sum = make_float2(0.0F, 0.0F);
    if (++kept == kTotals) write();
  }
  /// Adds up what lanes have, a few lanes for a sample.
  __device__ __forceinline__ void write() {
    constexpr int kLanes = kWarp / kTotals, kEach = kWarp / kLanes;
    const int lane = warp_part.lane, of_sample = lane / kLanes;
    __syncwarp();
    float total = 0.0F;
#pragma unroll
    for (int k = 0; k < kEach; k += 4) {
      const float4 four = *reinterpret_cast<const float4*>(totals + lane * kEach + k);
      total += (four.x + four.y) + (four.z + four.w);
    }
#pragma unroll
    for (int mask = kLanes / 2; mask > 0; mask /= 2) total += __shfl_xor_sync(kAllLanes, total, mask);
    if (lane % kLanes == 0 && of_sample < kept) {
      const std::int64_t part_number = warp_part.slice * inputs.chunks + warp_part.first_row / kRows;
      const std::int64_t pair = (part_number * inputs.samples + sample + of_sample) * inputs.classes + warp_part.c;
      parts[pair] = total;
    }
    sample += kept;
    kept = 0;
    __syncwarp();
  }
};

template <int Slice, int Words>
__device__ __forceinline__ void half_distances(const HalfInputs& inputs, const float* weights, float* parts) {
  const WarpPart<Slice, Words> part(inputs);
  auto& memory = *dynamic_shared<DistanceMemory>();
  HalfDistanceVisitor<Slice, Words> visitor{{}, {}, inputs, part, parts, memory.totals[part.warp]};
  if (part.has_item()) {
    const LaneFeatures<Words> features(inputs, part.first_feature);
    const std::int64_t first_row = static_cast<std::int64_t>(part.c) * inputs.steps + part.first_row;
    const int rows = inputs.steps - part.first_row;
    constexpr std::size_t kPlaces = kRows * kRingThreads * 16;  // bytes at most
    static_assert(sizeof(memory.ring.tiles) >= 2 * kPlaces && kStages % 2 == 0);
    auto* const places = reinterpret_cast<Halves<Words>*>(memory.ring.tiles) + threadIdx.x;
    features.pack(inputs, first_row, rows, places);
    features.read_weights(weights, first_row, rows, memory.ring.tiles + kStages / 2, visitor.weight);
#pragma unroll
    for (int i = 0; i < kRows; ++i) visitor.centroid[i] = swapped(places[i * kRingThreads]);
  }
  start_ring(inputs, part, memory.ring);
  if (!part.has_item()) return;
  walk(inputs, part, memory.ring, visitor);
  visitor.write();
}

__global__ void __launch_bounds__(kRingThreads, 1)
    half_distance_kernel(const HalfInputs inputs, const float* __restrict__ weights, float* __restrict__ parts) {
  if (static_cast<int>(blockIdx.y) < inputs.whole_slices) {
    half_distances<kWhole, kDistanceWords>(inputs, weights, parts);
  } else {
    half_distances<kNarrow, 1>(inputs, weights, parts);
  }
}

// ------------------------------------------------------------------------------------------------------------ gradient

/// In shared memory.
struct GradientMemory {
  Ring ring;
  Halves<kGradientWords> centroids[kRows * kRingThreads];  ///< of each thread, kRingThreads apart: registers are short
};
static_assert(sizeof(GradientMemory) == 166000, "read by tests/machine_code/audit.py");

/// What a row's cells add to the sums; see GradientVisitor of along_path.cu for the parts of a slope.
template <int Words>
struct HalfGradientRow {
  const Halves<Words>& c;
  __half2 tie;  ///< what a tie counts
  Halves<Words> absolute, positive;

  struct Cells {
    __half2 absolute, positive;
  };
  /// The sign is [c > m], or at a tie what that counts: the least difference that is not 0 is kHalfPathQuantum.
  [[nodiscard]] __device__ __forceinline__ Cells of(int k, const Halves<Words>& m) const {
    const __half2 difference = __hsub2(c.pair(k), m.pair(k));
    return {difference, __hfma2_sat(difference, __float2half2_rn(1.0F / kHalfPathQuantum), tie)};
  }
  [[nodiscard]] __device__ __forceinline__ static Cells sum(const Cells& one, const Cells& two) {
    return {__hadd2(__habs2(one.absolute), __habs2(two.absolute)), __hadd2(one.positive, two.positive)};
  }
  __device__ __forceinline__ void add(int k, const Cells& cells) {
    const Cells all = sum({absolute.pair(k), positive.pair(k)}, cells);
    absolute.set(k, all.absolute);
    positive.set(k, all.positive);
  }
  __device__ __forceinline__ void first(const Halves<Words>& m) {
#pragma unroll
    for (int k = 0; k < Words; ++k) {
      const Cells cell = of(k, m);
      absolute.set(k, cell.absolute);
      positive.set(k, cell.positive);
    }
  }
  __device__ __forceinline__ void next(const Halves<Words>& m) {
#pragma unroll
    for (int k = 0; k < Words; ++k) add(k, of(k, m));
  }
  __device__ __forceinline__ void next(const Halves<Words>& one, const Halves<Words>& two) {
#pragma unroll
    for (int k = 0; k < Words; ++k) add(k, sum(of(k, one), of(k, two)));
  }
  __device__ __forceinline__ void next(const Halves<Words>& one, const Halves<Words>& two, const Halves<Words>& three,
                                       const Halves<Words>& four) {
#pragma unroll
    for (int k = 0; k < Words; ++k) add(k, sum(sum(of(k, one), of(k, two)), sum(of(k, three), of(k, four))));
  }
};

/// slope = sum over samples of g*S and magnitude = sum of g*A, a row's cells first.
template <int Slice, int Words>
struct HalfGradientVisitor {
  const Halves<Words>* centroid;  ///< this thread's [kRows], kRingThreads apart
  float positive[kRows][kNumbers<Words>], magnitude[kRows][kNumbers<Words>];
  const float* distance_gradient;  ///< of the next sample, or the last, at this warp's class
  int classes, left;               ///< left: samples from the next on
  __half2 tie;
  float gradient, next_gradient;
  float counts;  ///< sum of g*n of this lane's row

  /// The gradient of the next sample is read at every tile of the present one: a load that hangs on no branch is not
  /// waited for before it is used.
  __device__ __forceinline__ void start(int of_lane_row) {
    next_gradient = *distance_gradient;
    const int cells = of_lane_row >= 0 ? (of_lane_row & kMoreCells) + 1 : 0;
    counts = fmaf(gradient, static_cast<float>(cells), counts);
  }
  __device__ __forceinline__ void row(int i, int of_row, const std::byte*& column, Halves<Words>& m) {
    const Halves<Words> c = swapped(centroid[i * kRingThreads]);
    HalfGradientRow<Words> row{c, tie, {}, {}};
    row_cells<Slice>(of_row, column, m, row);
#pragma unroll
    for (int k = 0; k < Words; ++k) {
      const float2 positives = __half22float2(row.positive.pair(k));
      const float2 absolutes = __half22float2(__habs2(row.absolute.pair(k)));
      positive[i][2 * k] = fmaf(gradient, positives.x, positive[i][2 * k]);
      positive[i][2 * k + 1] = fmaf(gradient, positives.y, positive[i][2 * k + 1]);
      magnitude[i][2 * k] = fmaf(gradient, absolutes.x, magnitude[i][2 * k]);
      magnitude[i][2 * k + 1] = fmaf(gradient, absolutes.y, magnitude[i][2 * k + 1]);
    }
  }
  __device__ __forceinline__ void finish() {
    gradient = next_gradient;
    distance_gradient += --left > 0 ? classes : 0;
  }
};

template <int Slice, int Words>
__device__ __forceinline__ void half_gradient(const HalfInputs& inputs, const float* distance_gradient, float tie,
                                              float* sums) {
  const WarpPart<Slice, Words> part(inputs);
  if (part.items <= 0) return;  // blocks of narrow slices have more items
  auto& memory = *dynamic_shared<GradientMemory>();
  HalfGradientVisitor<Slice, Words> visitor;
  const LaneFeatures<Words> features(inputs, part.first_feature);
  if (part.has_item()) {
    visitor.classes = inputs.classes;
    visitor.left = part.samples_end - part.first_sample;
    visitor.tie = __float2half2_rn(tie);
    // Not of part.c: what the compiler knows to be the same for all lanes it moves on at once, waiting for the load.
    const int item = part.first_item + static_cast<int>(threadIdx.x) / kWarp / part.kOfItem;
    visitor.distance_gradient =
        distance_gradient + static_cast<std::int64_t>(part.first_sample) * inputs.classes + item / inputs.chunks;
    visitor.counts = 0.0F;
    visitor.next_gradient = *visitor.distance_gradient;
    visitor.finish();
    Halves<Words>* const places = reinterpret_cast<Halves<Words>*>(memory.centroids) + threadIdx.x;
    visitor.centroid = places;
    features.pack(inputs, static_cast<std::int64_t>(part.c) * inputs.steps + part.first_row,
                  inputs.steps - part.first_row, places);
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
#pragma unroll
      for (int k = 0; k < 2 * Words; ++k) visitor.positive[i][k] = visitor.magnitude[i][k] = 0.0F;
    }
  }
  start_ring(inputs, part, memory.ring);
  if (!part.has_item()) return;
  walk(inputs, part, memory.ring, visitor);

  const std::int64_t per_class = 2LL * inputs.steps * inputs.feature_dim;
  const int first_class = inputs.first_item / inputs.chunks, class_end = inputs.items_end / inputs.chunks;
  sums += (static_cast<std::int64_t>(blockIdx.z) * (class_end - first_class) + part.c - first_class) * per_class;
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    if (part.first_row + i >= inputs.steps) break;
    float* const row = sums + static_cast<std::int64_t>(part.first_row + i) * inputs.feature_dim;
    const float counts = __shfl_sync(kAllLanes, visitor.counts, i);
#pragma unroll
    for (unsigned k = 0; k < 2 * Words; ++k) {
      if (!features.has(k)) break;
      row[features.first + k] = fmaf(2.0F, visitor.positive[i][k], -counts);
      row[per_class / 2 + features.first + k] = visitor.magnitude[i][k] * features.inverse_scale(k);
    }
  }
}

/// `sums`: one [classes of the launch,2,K,F] for each part of the samples (blockIdx.z). `tie`: what a tie counts.
__global__ void __launch_bounds__(kRingThreads, 1)
    half_gradient_kernel(const HalfInputs inputs, const float* __restrict__ distance_gradient, float tie,
                         float* __restrict__ sums) {
  if (static_cast<int>(blockIdx.y) < inputs.whole_slices) {
    half_gradient<kWhole, kGradientWords>(inputs, distance_gradient, tie, sums);
  } else {
    half_gradient<kNarrow, 1>(inputs, distance_gradient, tie, sums);
  }
}

// ---- launches -----------------------------------------------------------------------------------------------

HalfInputs inputs_of(const ParametersView<float>& parameters, const HalfPaths& paths, ClassRange range,
                     std::int64_t samples_per_block) {
  const std::int64_t chunks = chunk_count(paths.steps);
  return {parameters.centroids,
          paths.shifts,
          paths.scales,
          static_cast<const __half*>(paths.columns),
          static_cast<const std::byte*>(paths.routes),
          paths.offsets,
          paths.total_steps,
          static_cast<int>(paths.classes),
          static_cast<int>(paths.steps),
          static_cast<int>(chunks),
          static_cast<unsigned>(paths.feature_dim),
          static_cast<int>(range.first * chunks),
          static_cast<int>((range.first + range.count) * chunks),
          static_cast<int>(slices_of(paths.feature_dim).whole),
          static_cast<int>(paths.count),
          static_cast<int>(samples_per_block)};
}

/// Blocks that a slice takes, where whole slices have `words` a lane.
std::int64_t blocks_of_slice(std::int64_t classes, std::int64_t steps, int words) {
  const std::int64_t items = kRingWarps * 2 * words * kWarp / kWhole;
  return divide_up(classes * chunk_count(steps), items);
}

/// Blocks of all slices in terms of those of whole ones: a narrow one takes about half the time.
std::int64_t blocks_as_whole(std::int64_t of_slice, std::int64_t feature_dim) {
  const Slices slices = slices_of(feature_dim);
  return of_slice * slices.whole + divide_up<std::int64_t>(of_slice * slices.narrow, 2);
}

std::int64_t half_gradient_parts(std::int64_t classes, std::int64_t steps, std::int64_t feature_dim,
                                 std::int64_t samples, int processors) {
  return gradient_parts(blocks_as_whole(blocks_of_slice(classes, steps, kGradientWords), feature_dim), samples,
                        processors);
}

struct HalfPathsArrays {
  __half* columns;
  std::byte* routes;
};

HalfPathsArrays carve(Workspace& arena, const Samples& samples, std::int64_t classes, std::int64_t steps) {
  HalfPathsArrays arrays;
  arrays.columns = arena.request<__half>(samples.total_steps * slices_of(samples.feature_dim).features());
  arrays.routes = arena.request<std::byte>(route_rows(samples) * route_row_bytes(classes * chunk_count(steps)));
  return arrays;
}

}  // namespace

std::size_t half_paths_bytes(const Samples& samples, std::int64_t classes, std::int64_t steps) {
  Workspace sizing(nullptr);
  carve(sizing, samples, classes, steps);
  return sizing.required_bytes();
}

HalfPaths prepare_half_paths(const HalfPackedParameters& scaling, const Samples& samples,
                             const std::int32_t* breakpoints, std::byte* memory, Stream stream) {
  Workspace arena(memory);
  const HalfPathsArrays arrays = carve(arena, samples, scaling.classes, scaling.steps);
  const Slices slices = slices_of(samples.feature_dim);
  with_feature_type(samples.type, [&](auto* type) {
    using Feature = std::remove_cv_t<std::remove_pointer_t<decltype(type)>>;
    launch("pack_columns", pack_columns_kernel<Feature>,
           grid(divide_up<std::int64_t>(samples.total_steps, kPackColumns),
                divide_up<std::int64_t>(slices.features(), kPiece * kPackThreads)),
           kPackThreads, 0, stream, static_cast<const Feature*>(samples.features), samples.first_rows, samples.offsets,
           static_cast<int>(samples.count), samples.total_steps, samples.feature_dim,
           feature_stride(samples.feature_dim), scaling.shifts, scaling.scales, slices.whole, slices.features(),
           arrays.columns);
  });
  const std::int64_t chunks = chunk_count(scaling.steps);
  const std::int64_t item_blocks = divide_up<std::int64_t>(scaling.classes * chunks, kRouteThreads);
  launch("routes", routes_kernel, grid(samples.count * item_blocks), kRouteThreads, 0, stream, breakpoints,
         samples.offsets, static_cast<int>(samples.count), static_cast<int>(scaling.classes),
         static_cast<int>(scaling.steps), static_cast<int>(chunks), static_cast<int>(item_blocks), arrays.routes);
  return {arrays.columns, arrays.routes,   samples.offsets, scaling.shifts,      scaling.scales,
          samples.count,  scaling.classes, scaling.steps,   samples.feature_dim, samples.total_steps};
}

std::int64_t half_distance_parts(std::int64_t steps, std::int64_t feature_dim) {
  return slices_of(feature_dim).count() * chunk_count(steps);
}

void distances_along_paths(const ParametersView<float>& parameters, const HalfPaths& paths, float* parts,
                           int processors, Stream stream) {
  constexpr std::int64_t kLoading = 8;  // measured
  const std::int64_t blocks = blocks_of_slice(paths.classes, paths.steps, kDistanceWords);
  const std::int64_t per_block =
      samples_per_block(blocks_as_whole(blocks, paths.feature_dim), paths.count, processors, kLoading);
  launch("half_distances_along_paths", half_distance_kernel,
         grid(blocks, slices_of(paths.feature_dim).count(), divide_up(paths.count, per_block)), kRingThreads,
         sizeof(DistanceMemory), stream, inputs_of(parameters, paths, {0, paths.classes}, per_block),
         parameters.weights, parts);
}

std::size_t half_gradient_workspace_bytes(const Samples& samples, std::int64_t classes, std::int64_t steps,
                                          int processors) {
  std::int64_t most = 0;
  for (std::int64_t some = 1; some <= classes; ++some) {
    const std::int64_t parts = half_gradient_parts(some, steps, samples.feature_dim, samples.count, processors);
    if (parts > 1) most = std::max(most, parts * some * 2 * steps * samples.feature_dim);
  }
  Workspace sizing(nullptr);
  sizing.request<float>(most);
  return sizing.required_bytes();
}

void gradient_along_paths(const ParametersView<float>& parameters, const HalfPaths& paths,
                          const float* distance_gradient, TieSign tie_sign, ClassRange range, float* gradient_sums,
                          std::byte* workspace, int processors, Stream stream) {
  const std::int64_t parts = half_gradient_parts(range.count, paths.steps, paths.feature_dim, paths.count, processors);
  const std::int64_t per_block = divide_up(paths.count, parts);
  const std::int64_t per_class = 2 * paths.steps * paths.feature_dim, elements = range.count * per_class;
  float* const own_sums = gradient_sums + range.first * per_class;
  float* const part_sums = parts > 1 ? Workspace(workspace).request<float>(parts * elements) : own_sums;
  launch("half_gradient_along_paths", half_gradient_kernel,
         grid(blocks_of_slice(range.count, paths.steps, kGradientWords), slices_of(paths.feature_dim).count(), parts),
         kRingThreads, sizeof(GradientMemory), stream, inputs_of(parameters, paths, range, per_block),
         distance_gradient, tie_sign == TieSign::kZero ? 0.5F : 0.0F, part_sums);
  if (parts > 1) add_gradient_parts(part_sums, parts, elements, own_sums, stream);
}

}  // namespace alignment::kernels::cuda
