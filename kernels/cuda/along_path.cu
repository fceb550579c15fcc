#include "kernels/along_path.hpp"

#include <algorithm>
#include <climits>

#include "kernels/cuda/device.cuh"
#include "kernels/workspace.hpp"

// A warp has one class, kRowChunk of its centroid steps and a slice of the features, four a lane; what belongs to the
// centroid steps stays in registers while samples pass by. A block's warps have neighbouring classes and share the
// samples' features, which asynchronous copies bring into shared memory a tile of sample steps ahead. A cell of a path
// is then one load from shared memory and the arithmetic.
namespace dejavid::kernels::cuda {
namespace {

constexpr int kLaneFeatures = 4, kSlice = kWarp * kLaneFeatures;
constexpr int kRowChunk = 8;
constexpr int kWarps = 8, kThreads = kWarps * kWarp;
constexpr int kTileColumns = 64;
constexpr int kSampleChunk = kThreads / kWarps;  ///< samples whose columns are looked up together

/// What both directions read.
template <typename Feature>
struct Inputs {
  const float* centroids;  ///< [C,K,F]
  const Feature* features;
  const std::int64_t* first_rows;
  const std::int32_t* offsets;
  const std::int32_t* breakpoints;  ///< [B,C,K-1]
  int stride;                       ///< of features
  int classes, steps;
  unsigned feature_dim;
  int first_class, class_end;  ///< of this launch

  __device__ __forceinline__ Columns columns(int sample, int c, int row) const {
    const int path = sample * classes + c;  // fewer than 2^31 paths: their breakpoints would not fit in memory
    return columns_of(breakpoints + static_cast<std::int64_t>(path) * (steps - 1), row, steps,
                      offsets[sample + 1] - offsets[sample]);
  }
};

/// Which part of the work a block has.
struct Part {
  int warp, lane;
  int c;                   ///< this warp's class, maybe past the last
  int first_row;           ///< first of kRowChunk centroid steps
  unsigned first_feature;  ///< first of this lane
  int slice;               ///< first feature of the block
  int first_sample, samples_end;
};

template <typename Feature>
__device__ __forceinline__ Part part_of(const Inputs<Feature>& inputs, int samples, int samples_per_block, int slices) {
  Part part;
  part.warp = static_cast<int>(threadIdx.x) / kWarp;
  part.lane = static_cast<int>(threadIdx.x) % kWarp;
  part.c = inputs.first_class + static_cast<int>(blockIdx.x) * kWarps + part.warp;
  part.first_row = static_cast<int>(blockIdx.y) / slices * kRowChunk;
  part.slice = static_cast<int>(blockIdx.y) % slices * kSlice;
  part.first_feature = static_cast<unsigned>(part.slice + part.lane * kLaneFeatures);
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

__device__ __forceinline__ float4 load_four(const float* tile) {
  return *reinterpret_cast<const float4*>(tile);
}
__device__ __forceinline__ float4 load_four(const __half* tile) {
  const int2 bits = *reinterpret_cast<const int2*>(tile);
  const float2 low = __half22float2(*reinterpret_cast<const __half2*>(&bits.x));
  const float2 high = __half22float2(*reinterpret_cast<const __half2*>(&bits.y));
  return make_float4(low.x, low.y, high.x, high.y);
}

/// One tile of one sample's steps.
struct Tile {
  int sample;       ///< of the chunk
  int first, last;  ///< columns, inclusive
};

/// The columns of each sample of a chunk that some path of this block needs, in shared memory.
struct ChunkColumns {
  int first[kSampleChunk], last[kSampleChunk];

  /// Cuts a sample's columns into equal tiles, so that no tile is a small rest.
  __device__ __forceinline__ Tile tile(int sample, int column) const {
    const int left = last[sample] - column + 1;
    const int tiles = (left + kTileColumns - 1) / kTileColumns;
    return {sample, column, column + (left + tiles - 1) / tiles - 1};
  }
  __device__ __forceinline__ Tile after(const Tile& tile_before, int samples) const {
    if (tile_before.last < last[tile_before.sample]) return tile(tile_before.sample, tile_before.last + 1);
    const int sample = tile_before.sample + 1;
    return sample < samples ? tile(sample, first[sample]) : Tile{sample, 0, 0};
  }
};

template <typename Feature>
__device__ __forceinline__ void copy_tile(const Inputs<Feature>& inputs, const Part& part, int sample, const Tile& tile,
                                          Feature* destination) {
  constexpr int kOfPiece = 16 / static_cast<int>(sizeof(Feature)), kPieces = kSlice / kOfPiece;
  const int piece = static_cast<int>(threadIdx.x) % kPieces;
  if (part.slice + piece * kOfPiece < inputs.stride) {  // what lies beyond stays zero
    const Feature* const source =
        inputs.features + inputs.first_rows[sample] * inputs.stride + part.slice + piece * kOfPiece;
#pragma unroll 1
    for (int column = tile.first + static_cast<int>(threadIdx.x) / kPieces; column <= tile.last;
         column += kThreads / kPieces) {
      __pipeline_memcpy_async(destination + (column - tile.first) * kSlice + piece * kOfPiece,
                              source + static_cast<std::int64_t>(column) * inputs.stride, 16);
    }
  }
  __pipeline_commit();
}

/// What lies in shared memory behind the two tiles.
struct Lookup {
  ChunkColumns chunk;
  Columns rows[2][kWarps][kRowChunk];  ///< of two samples in turn: each warp's columns of its rows
};

template <typename Feature>
constexpr std::size_t kSharedBytes = 2 * kTileColumns* kSlice * sizeof(Feature) + sizeof(Lookup);
static_assert(sizeof(Lookup) == 1280, "read by tests/machine_code/audit.py");
static_assert(sizeof(Lookup) % sizeof(float4) == 0);

/// Behind them, for the gradient: the centroid steps of each thread.
constexpr std::size_t kCentroidBytes = kRowChunk * kThreads * sizeof(float4);

/// Leads `visitor` along the paths of this warp's class to the samples of `part`, in order: start(sample), then for
/// every row cells(row, m, stride between columns, count), maybe in several pieces, then finish(sample).
template <typename Feature, typename Visitor>
__device__ __forceinline__ void walk(const Inputs<Feature>& inputs, const Part& part, Visitor& visitor) {
  Feature* const tiles = dynamic_shared<Feature>();
  Lookup& lookup = *reinterpret_cast<Lookup*>(tiles + 2 * kTileColumns * kSlice);
  ChunkColumns& chunk = lookup.chunk;
  const int thread = static_cast<int>(threadIdx.x);
  const bool has_class = part.c < inputs.class_end;
  if (part.slice + kSlice > inputs.stride) {
    for (int k = thread; k < 2 * kTileColumns * kSlice; k += kThreads) tiles[k] = Feature(0.0F);
  }

  for (int first_sample = part.first_sample; first_sample < part.samples_end; first_sample += kSampleChunk) {
    const int samples = min(kSampleChunk, part.samples_end - first_sample);
    {  // a thread a sample and class
      const int sample = first_sample + thread / kWarps, c = part.c - part.warp + thread % kWarps;
      int first = INT_MAX, last = -1;
      if (sample < part.samples_end && c < inputs.class_end) {
        first = inputs.columns(sample, c, part.first_row).first;
        last = inputs.columns(sample, c, min(part.first_row + kRowChunk, inputs.steps) - 1).last;
      }
#pragma unroll
      for (int mask = kWarps / 2; mask > 0; mask /= 2) {
        first = min(first, __shfl_xor_sync(kAllLanes, first, mask));
        last = max(last, __shfl_xor_sync(kAllLanes, last, mask));
      }
      if (thread % kWarps == 0) {
        chunk.first[thread / kWarps] = first;
        chunk.last[thread / kWarps] = last;
      }
    }
    __syncthreads();

    // What a sample needs beside its features comes a tile ahead too.
    const auto prefetch = [&](int sample) {
      if (part.lane < kRowChunk) {
        lookup.rows[sample % 2][part.warp][part.lane] =
            has_class ? inputs.columns(first_sample + sample, part.c, part.first_row + part.lane) : Columns{1, 0};
      }
    };
    Tile now = chunk.tile(0, chunk.first[0]);
    copy_tile(inputs, part, first_sample, now, tiles);
    prefetch(0);
    for (int stage = 0; now.sample < samples; stage ^= 1) {
      const Tile next = chunk.after(now, samples);
      __pipeline_wait_prior(0);
      __syncthreads();  // the tile is there, and nobody reads the other any more
      if (now.first == chunk.first[now.sample]) visitor.start(first_sample + now.sample);
      if (next.sample < samples) {
        copy_tile(inputs, part, first_sample + next.sample, next, tiles + (stage ^ 1) * kTileColumns * kSlice);
        if (next.sample != now.sample) prefetch(next.sample);
      }
      const Feature* const lane_tile = tiles + stage * kTileColumns * kSlice + part.lane * kLaneFeatures;
#pragma unroll
      for (int i = 0; i < kRowChunk; ++i) {
        const Columns columns = lookup.rows[now.sample % 2][part.warp][i];
        const int first = max(columns.first, now.first), last = min(columns.last, now.last);
        if (first <= last) visitor.cells(i, lane_tile + (first - now.first) * kSlice, last - first + 1);
      }
      if (next.sample != now.sample) visitor.finish(first_sample + now.sample);
      now = next;
    }
    __syncthreads();  // nobody reads this chunk's columns and tiles any more
  }
}

/// sum over cells of u*|c - m|.
struct DistanceVisitor {
  float4 centroid[kRowChunk], weight[kRowChunk], sum;
  float* part;  ///< [B,C] at this warp's class
  int classes, lane;
  bool has_class;

  __device__ __forceinline__ void start(int) { sum = make_float4(0.0F, 0.0F, 0.0F, 0.0F); }
  template <typename Feature>
  __device__ __forceinline__ void cells(int i, const Feature* tile, int count) {
    const float4 c = centroid[i], u = weight[i];
#pragma unroll 4
    for (int k = 0; k < count; ++k, tile += kSlice) {
      const float4 m = load_four(tile);
      sum.x = fmaf(u.x, fabsf(c.x - m.x), sum.x);
      sum.y = fmaf(u.y, fabsf(c.y - m.y), sum.y);
      sum.z = fmaf(u.z, fabsf(c.z - m.z), sum.z);
      sum.w = fmaf(u.w, fabsf(c.w - m.w), sum.w);
    }
  }
  __device__ __forceinline__ void finish(int sample) {
    float total = (sum.x + sum.y) + (sum.z + sum.w);
#pragma unroll
    for (int mask = kWarp / 2; mask > 0; mask /= 2) total += __shfl_xor_sync(kAllLanes, total, mask);
    if (lane == 0 && has_class) part[static_cast<std::int64_t>(sample) * classes] = total;
  }
};

template <typename Feature>
__global__ void __launch_bounds__(kThreads, 2)
    distance_kernel(const Inputs<Feature> inputs, const float* __restrict__ weights, int samples, int samples_per_block,
                    int slices, float* __restrict__ parts) {
  const Part part = part_of(inputs, samples, samples_per_block, slices);
  DistanceVisitor visitor;
  visitor.classes = inputs.classes;
  visitor.lane = part.lane;
  visitor.has_class = part.c < inputs.class_end;
  visitor.part = parts + static_cast<std::int64_t>(blockIdx.y) * samples * inputs.classes + part.c;
#pragma unroll
  for (int i = 0; i < kRowChunk; ++i) {
    const bool inside = visitor.has_class && part.first_row + i < inputs.steps;
    const std::int64_t row = static_cast<std::int64_t>(part.c) * inputs.steps + part.first_row + i;
    visitor.centroid[i] = lane_parameters(inputs.centroids, row, inside, inputs.feature_dim, part.first_feature);
    visitor.weight[i] = lane_parameters(weights, row, inside, inputs.feature_dim, part.first_feature);
  }
  walk(inputs, part, visitor);
}

/// slope = sum over samples of g*S and magnitude = sum of g*A, a row's cells first.
struct GradientVisitor {
  float4 slope[kRowChunk], magnitude[kRowChunk];
  const float4* centroid;          ///< this thread's [kRowChunk], kThreads apart, in shared memory: registers are short
  const float* distance_gradient;  ///< [B,C] at this warp's class
  int classes;
  float tie;  ///< what (sign + 1)/2 is at a tie
  bool has_class;
  float gradient;

  __device__ __forceinline__ void start(int sample) {
    gradient = has_class ? distance_gradient[static_cast<std::int64_t>(sample) * classes] : 0.0F;
  }

  /// positive += (sign(c - m) + 1)/2 in one saturating multiply-add, absolute += |c - m|.
  __device__ __forceinline__ void cell(float c, float m, float& positive, float& absolute) const {
    const float difference = c - m;
    absolute += fabsf(difference);
    positive += __saturatef(fmaf(difference, 0x1p127F, tie));
  }
  __device__ __forceinline__ static void add(float gradient, float count, float positive, float absolute, float& slope,
                                             float& magnitude) {
    slope = fmaf(gradient, 2.0F * positive - count, slope);
    magnitude = fmaf(gradient, absolute, magnitude);
  }
  template <typename Feature>
  __device__ __forceinline__ void cells(int i, const Feature* tile, int count) {
    const float4 c = centroid[i * kThreads];
    float4 positive = make_float4(0.0F, 0.0F, 0.0F, 0.0F), absolute = positive;
#pragma unroll 4
    for (int k = 0; k < count; ++k, tile += kSlice) {
      const float4 m = load_four(tile);
      cell(c.x, m.x, positive.x, absolute.x);
      cell(c.y, m.y, positive.y, absolute.y);
      cell(c.z, m.z, positive.z, absolute.z);
      cell(c.w, m.w, positive.w, absolute.w);
    }
    const float cells_of_row = static_cast<float>(count);
    add(gradient, cells_of_row, positive.x, absolute.x, slope[i].x, magnitude[i].x);
    add(gradient, cells_of_row, positive.y, absolute.y, slope[i].y, magnitude[i].y);
    add(gradient, cells_of_row, positive.z, absolute.z, slope[i].z, magnitude[i].z);
    add(gradient, cells_of_row, positive.w, absolute.w, slope[i].w, magnitude[i].w);
  }
  __device__ __forceinline__ void finish(int) {}
};

__device__ __forceinline__ void store_lane(float* row, unsigned first_feature, unsigned feature_dim,
                                           const float4& value) {
  if (first_feature < feature_dim) row[first_feature] = value.x;
  if (first_feature + 1 < feature_dim) row[first_feature + 1] = value.y;
  if (first_feature + 2 < feature_dim) row[first_feature + 2] = value.z;
  if (first_feature + 3 < feature_dim) row[first_feature + 3] = value.w;
}

/// `sums`: one [classes of the launch,2,K,F] for each part of the samples (blockIdx.z).
template <typename Feature>
__global__ void __launch_bounds__(kThreads, 2)
    gradient_kernel(const Inputs<Feature> inputs, const float* __restrict__ distance_gradient, float tie, int samples,
                    int samples_per_block, int slices, float* __restrict__ sums) {
  const Part part = part_of(inputs, samples, samples_per_block, slices);
  GradientVisitor visitor;
  visitor.classes = inputs.classes;
  visitor.has_class = part.c < inputs.class_end;
  visitor.distance_gradient = distance_gradient + part.c;
  visitor.tie = tie;
  float4* const centroid =
      reinterpret_cast<float4*>(reinterpret_cast<std::byte*>(dynamic_shared<Feature>()) + kSharedBytes<Feature>) +
      threadIdx.x;
  visitor.centroid = centroid;
#pragma unroll
  for (int i = 0; i < kRowChunk; ++i) {
    const bool inside = visitor.has_class && part.first_row + i < inputs.steps;
    const std::int64_t row = static_cast<std::int64_t>(part.c) * inputs.steps + part.first_row + i;
    centroid[i * kThreads] = lane_parameters(inputs.centroids, row, inside, inputs.feature_dim, part.first_feature);
    visitor.slope[i] = visitor.magnitude[i] = make_float4(0.0F, 0.0F, 0.0F, 0.0F);
  }
  walk(inputs, part, visitor);
  if (!visitor.has_class) return;

  const std::int64_t per_class = 2LL * inputs.steps * inputs.feature_dim;
  sums +=
      (static_cast<std::int64_t>(blockIdx.z) * (inputs.class_end - inputs.first_class) + part.c - inputs.first_class) *
      per_class;
#pragma unroll
  for (int i = 0; i < kRowChunk; ++i) {
    if (part.first_row + i >= inputs.steps) break;
    float* const row = sums + static_cast<std::int64_t>(part.first_row + i) * inputs.feature_dim;
    store_lane(row, part.first_feature, inputs.feature_dim, visitor.slope[i]);
    store_lane(row + per_class / 2, part.first_feature, inputs.feature_dim, visitor.magnitude[i]);
  }
}

/// sums[n] = sum over parts of parts[part,n], in order.
__global__ void add_parts_kernel(const float* __restrict__ parts, int part_count, std::int64_t count,
                                 float* __restrict__ sums) {
  const std::int64_t n = global_thread();
  if (n >= count) return;
  float sum = parts[n];
  for (int part = 1; part < part_count; ++part) sum += parts[part * count + n];
  sums[n] = sum;
}

std::int64_t slice_count(std::int64_t feature_dim) {
  return divide_up<std::int64_t>(feature_dim, kSlice);
}
std::int64_t chunk_count(std::int64_t steps) {
  return divide_up<std::int64_t>(steps, kRowChunk);
}

template <typename Feature>
Inputs<Feature> inputs_of(const ParametersView<float>& parameters, const Samples& samples,
                          const std::int32_t* breakpoints, ClassRange range) {
  return {parameters.centroids,
          static_cast<const Feature*>(samples.features),
          samples.first_rows,
          samples.offsets,
          breakpoints,
          static_cast<int>(feature_stride(samples.feature_dim)),
          static_cast<int>(parameters.classes),
          static_cast<int>(parameters.steps),
          static_cast<unsigned>(parameters.feature_dim),
          static_cast<int>(range.first),
          static_cast<int>(range.first + range.count)};
}

/// Parts that the samples of a gradient are cut into, so that blocks come in nearly whole waves over the GPU. Every
/// part costs a pass over the sums.
std::int64_t gradient_parts(const ParametersView<float>& parameters, std::int64_t samples, std::int64_t classes,
                            int processors) {
  constexpr std::int64_t kMostParts = 8, kLeastSamples = 16;
  constexpr double kGoodShare = 0.85;
  const std::int64_t blocks =
      divide_up<std::int64_t>(classes, kWarps) * slice_count(parameters.feature_dim) * chunk_count(parameters.steps);
  const std::int64_t at_once = 2 * static_cast<std::int64_t>(processors);
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

std::int64_t part_elements(const ParametersView<float>& parameters, std::int64_t classes) {
  return classes * 2 * parameters.steps * parameters.feature_dim;
}

}  // namespace

std::int64_t distance_parts(std::int64_t steps, std::int64_t feature_dim) {
  return slice_count(feature_dim) * chunk_count(steps);
}

void distances_along_paths(const ParametersView<float>& parameters, const Samples& samples,
                           const std::int32_t* breakpoints, float* parts, Stream stream) {
  // Enough blocks for the largest GPU, but samples enough for each to be worth loading the parameters.
  constexpr std::int64_t kEnoughBlocks = 1024, kLeastSamples = 8;
  const std::int64_t class_blocks = divide_up<std::int64_t>(parameters.classes, kWarps);
  const std::int64_t part_count = distance_parts(parameters.steps, parameters.feature_dim);
  const std::int64_t wanted = divide_up(kEnoughBlocks, class_blocks * part_count);
  const std::int64_t per_block = std::max(divide_up(samples.count, wanted), kLeastSamples);
  with_feature_type(samples.type, [&](auto* type) {
    using Feature = std::remove_cv_t<std::remove_pointer_t<decltype(type)>>;
    launch("distances_along_paths", distance_kernel<Feature>,
           grid(class_blocks, part_count, divide_up(samples.count, per_block)), kThreads, kSharedBytes<Feature>, stream,
           inputs_of<Feature>(parameters, samples, breakpoints, {0, parameters.classes}), parameters.weights,
           static_cast<int>(samples.count), static_cast<int>(per_block),
           static_cast<int>(slice_count(parameters.feature_dim)), parts);
  });
}

std::size_t gradient_workspace_bytes(const ParametersView<float>& parameters, const Samples& samples, int processors) {
  std::int64_t most = 0;
  for (std::int64_t classes = 1; classes <= parameters.classes; ++classes) {
    const std::int64_t parts = gradient_parts(parameters, samples.count, classes, processors);
    if (parts > 1) most = std::max(most, parts * part_elements(parameters, classes));
  }
  Workspace sizing(nullptr);
  sizing.request<float>(most);
  return sizing.required_bytes();
}

void gradient_along_paths(const ParametersView<float>& parameters, const Samples& samples,
                          const std::int32_t* breakpoints, const float* distance_gradient, TieSign tie_sign,
                          ClassRange range, float* gradient_sums, std::byte* workspace, int processors, Stream stream) {
  const std::int64_t parts = gradient_parts(parameters, samples.count, range.count, processors);
  const std::int64_t per_block = divide_up(samples.count, parts);
  const std::int64_t elements = part_elements(parameters, range.count);
  float* const own_sums = gradient_sums + part_elements(parameters, range.first);
  float* const part_sums = parts > 1 ? Workspace(workspace).request<float>(parts * elements) : own_sums;
  with_feature_type(samples.type, [&](auto* type) {
    using Feature = std::remove_cv_t<std::remove_pointer_t<decltype(type)>>;
    launch("gradient_along_paths", gradient_kernel<Feature>,
           grid(divide_up<std::int64_t>(range.count, kWarps), distance_parts(parameters.steps, parameters.feature_dim),
                parts),
           kThreads, kSharedBytes<Feature> + kCentroidBytes, stream,
           inputs_of<Feature>(parameters, samples, breakpoints, range), distance_gradient,
           tie_sign == TieSign::kZero ? 0.5F : 0.0F, static_cast<int>(samples.count), static_cast<int>(per_block),
           static_cast<int>(slice_count(parameters.feature_dim)), part_sums);
  });
  if (parts > 1) {
    launch("add_gradient_parts", add_parts_kernel, grid(divide_up<std::int64_t>(elements, 256)), 256, 0, stream,
           static_cast<const float*>(part_sums), static_cast<int>(parts), elements, own_sums);
  }
}

}  // namespace dejavid::kernels::cuda
