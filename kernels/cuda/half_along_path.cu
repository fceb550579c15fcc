#include <algorithm>

#include "kernels/cost.hpp"
#include "kernels/cuda/along_path_walk.cuh"
#include "kernels/cuda/matrix.cuh"
#include "kernels/workspace.hpp"

// The kernels along paths with two features to an instruction. Samples lie packed in f16, so that a lane's words are
// two features each. What a row's cells add up to in one tile, at most 64 terms, is summed in f16; then it goes to sums
// in f32, with weights and distance gradients in f32.
namespace alignment::kernels::cuda {
namespace {

/// Centroid steps of a warp. Of a class with more, some have few of a sample's cells and some have many, and the warps
/// of a block wait for the one that has most: so there are as many as registers allow, and a lane of the gradient,
/// which sums twice as much, has half the words.
constexpr int kRows = 8;
constexpr int kDistanceWords = 4, kGradientWords = 2;
static_assert(kTileColumns<float> == kHalfPathCells, "the error bounds of along_path.hpp hold for a tile's columns");
static_assert(kTileColumns<float> * 2 * kHalfPathLimit < 65504.0F, "a row's sum in one tile is finite");

/// Halves from one packed column to the next: whole pieces of 16 bytes.
std::int64_t half_path_stride(std::int64_t feature_dim) {
  return padded_to(feature_dim, 8);
}

// ------------------------------------------------------------------------------------------------------------ packing

/// x' of HalfPaths.
__device__ __forceinline__ __half packed_number(float value, float shift, float scale) {
  if (!isfinite(value)) return __float2half_rn(NAN);
  const float moved = fminf(fmaxf((value - shift) * scale, -kHalfPathLimit), kHalfPathLimit);
  return __float2half_rn(rintf(moved / kHalfPathQuantum) * kHalfPathQuantum);
}

constexpr int kPackThreads = 128;

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

// ---------------------------------------------------------------------------------------------------------- both ways

/// What a kernel reads beside the samples; see HalfPaths.
struct Scaling {
  const float *shifts, *scales;
  unsigned feature_dim;
};

/// A lane's words, of two halves each.
template <int Words>
struct alignas(4 * Words) Halves {
  __half2 pair[static_cast<std::size_t>(Words)];
};

/// Behind what walk() has in shared memory: the centroid steps of each thread, kThreads apart, as registers are short.
template <int Words>
constexpr std::size_t kSharedBytesOf = kSharedBytes<Words, float> + kRows* kThreads * sizeof(Halves<Words>);

template <int Words>
__device__ __forceinline__ Halves<Words>* shared_centroids() {
  return reinterpret_cast<Halves<Words>*>(dynamic_shared<std::byte>() + kSharedBytes<Words, float>) + threadIdx.x;
}

__device__ __forceinline__ Halves<2> lane_halves(const float2& m) {
  return {{halves_of(__float_as_uint(m.x)), halves_of(__float_as_uint(m.y))}};
}
__device__ __forceinline__ Halves<4> lane_halves(const float4& m) {
  return {{halves_of(__float_as_uint(m.x)), halves_of(__float_as_uint(m.y)), halves_of(__float_as_uint(m.z)),
           halves_of(__float_as_uint(m.w))}};
}

/// A centroid step's numbers of this lane, packed as samples are; 0 beyond F or where there is no such step.
template <int Words>
__device__ __forceinline__ Halves<Words> lane_centroid(const float* centroids, std::int64_t row, bool inside,
                                                       const Scaling& scaling, unsigned first_feature) {
  const float* const numbers = centroids + row * scaling.feature_dim;
  const auto at = [&](unsigned f) {
    return inside && f < scaling.feature_dim ? packed_number(numbers[f], scaling.shifts[f], scaling.scales[f])
                                             : __float2half_rn(0.0F);
  };
  Halves<Words> halves;
#pragma unroll
  for (unsigned k = 0; k < Words; ++k) {
    halves.pair[k] = __halves2half2(at(first_feature + 2 * k), at(first_feature + 2 * k + 1));
  }
  return halves;
}

/// Neighbouring words change places. Centroid steps lie so in shared memory: what is subtracted from each other then
/// comes into registers of different banks, which are read in one clock.
template <int Words>
__device__ __forceinline__ Halves<Words> swapped(const Halves<Words>& halves) {
  Halves<Words> result;
#pragma unroll
  for (int k = 0; k < Words; ++k) result.pair[k] = halves.pair[k ^ 1];
  return result;
}

/// sum over a row's cells of |c - m|.
template <int Words>
struct AbsoluteRow {
  const Halves<Words> c;
  Halves<Words> absolute;

  __device__ __forceinline__ void first(const LaneWords<Words>& words) {
    const Halves<Words> m = lane_halves(words);
#pragma unroll
    for (int k = 0; k < Words; ++k) absolute.pair[k] = __habs2(__hsub2(c.pair[k], m.pair[k]));
  }
  __device__ __forceinline__ void next(const LaneWords<Words>& words) {
    const Halves<Words> m = lane_halves(words);
#pragma unroll
    for (int k = 0; k < Words; ++k) {
      absolute.pair[k] = __hadd2(absolute.pair[k], __habs2(__hsub2(c.pair[k], m.pair[k])));
    }
  }
};

// ----------------------------------------------------------------------------------------------------------- distances

struct HalfDistanceVisitor {
  const Halves<kDistanceWords>* centroid;   ///< this thread's [kRows]
  float weight[kRows][2 * kDistanceWords];  ///< u / scale
  float2 sum;
  float* part;  ///< of the next sample, at this warp's class
  int classes, lane;
  bool has_class;

  __device__ __forceinline__ void read_next() {}
  __device__ __forceinline__ void start(int) {}
  __device__ __forceinline__ void row(int i, bool fresh, int row_in_tile, const float*& column, float4& m) {
    AbsoluteRow<kDistanceWords> row{swapped(centroid[i * kThreads]), {}};
    row_cells(fresh, row_in_tile, column, m, row);
#pragma unroll
    for (int k = 0; k < kDistanceWords; ++k) {
      const float2 absolute = __half22float2(row.absolute.pair[k]);
      sum.x = fmaf(weight[i][2 * k], absolute.x, sum.x);
      sum.y = fmaf(weight[i][2 * k + 1], absolute.y, sum.y);
    }
  }
  __device__ __forceinline__ void finish() {
    float total = sum.x + sum.y;
#pragma unroll
    for (int mask = kWarp / 2; mask > 0; mask /= 2) total += __shfl_xor_sync(kAllLanes, total, mask);
    if (lane == 0 && has_class) *part = total;
    part += classes;
    sum = make_float2(0.0F, 0.0F);
  }
};

__global__ void __launch_bounds__(kThreads, kBlocksAtOnce)
    half_distance_kernel(const Inputs<float> inputs, const Scaling scaling, const float* __restrict__ weights,
                         int samples, int samples_per_block, int slices, float* __restrict__ parts) {
  const Part part = part_of<kRows, kDistanceWords>(inputs, samples, samples_per_block, slices);
  Halves<kDistanceWords>* const centroids = shared_centroids<kDistanceWords>();
  HalfDistanceVisitor visitor;
  visitor.centroid = centroids;
  visitor.sum = make_float2(0.0F, 0.0F);
  visitor.classes = inputs.classes;
  visitor.lane = part.lane;
  visitor.has_class = part.c < inputs.class_end;
  visitor.part =
      parts + (static_cast<std::int64_t>(blockIdx.y) * samples + part.first_sample) * inputs.classes + part.c;
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const bool inside = visitor.has_class && part.first_row + i < inputs.steps;
    const std::int64_t row = static_cast<std::int64_t>(part.c) * inputs.steps + part.first_row + i;
    const unsigned first_feature = 2 * part.first_word;
    centroids[i * kThreads] =
        swapped(lane_centroid<kDistanceWords>(inputs.centroids, row, inside, scaling, first_feature));
#pragma unroll
    for (unsigned k = 0; k < 2 * kDistanceWords; ++k) {
      const unsigned f = first_feature + k;
      visitor.weight[i][k] =
          inside && f < scaling.feature_dim ? weights[row * scaling.feature_dim + f] / scaling.scales[f] : 0.0F;
    }
  }
  walk<kRows>(inputs, part, visitor);
}

// ------------------------------------------------------------------------------------------------------------ gradient

/// What a row's cells add to the sums; see GradientVisitor of along_path.cu for the parts of a slope.
template <int Words>
struct HalfGradientRow {
  AbsoluteRow<Words> absolutes;
  __half2 tie;  ///< what a tie counts
  Halves<Words> positive;

  /// [c > m], or at a tie what that counts: the least difference that is not 0 is kHalfPathQuantum.
  [[nodiscard]] __device__ __forceinline__ __half2 of_sign(__half2 difference) const {
    return __hfma2_sat(difference, __float2half2_rn(1.0F / kHalfPathQuantum), tie);
  }
  __device__ __forceinline__ void first(const LaneWords<Words>& words) {
    const Halves<Words> m = lane_halves(words);
#pragma unroll
    for (int k = 0; k < Words; ++k) {
      const __half2 difference = __hsub2(absolutes.c.pair[k], m.pair[k]);
      absolutes.absolute.pair[k] = __habs2(difference);
      positive.pair[k] = of_sign(difference);
    }
  }
  __device__ __forceinline__ void next(const LaneWords<Words>& words) {
    const Halves<Words> m = lane_halves(words);
#pragma unroll
    for (int k = 0; k < Words; ++k) {
      const __half2 difference = __hsub2(absolutes.c.pair[k], m.pair[k]);
      absolutes.absolute.pair[k] = __hadd2(absolutes.absolute.pair[k], __habs2(difference));
      positive.pair[k] = __hadd2(positive.pair[k], of_sign(difference));
    }
  }
};

struct HalfGradientVisitor {
  const Halves<kGradientWords>* centroid;  ///< this thread's [kRows]
  float positive[kRows][2 * kGradientWords], magnitude[kRows][2 * kGradientWords];
  const float* distance_gradient;  ///< of the next sample, at this warp's class
  int classes;
  bool has_class;
  __half2 tie;
  float gradient, next_gradient;
  float counts;  ///< sum of g*n of this lane's row

  __device__ __forceinline__ void read_next() {
    next_gradient = has_class ? *distance_gradient : 0.0F;
    distance_gradient += classes;
  }
  __device__ __forceinline__ void start(int lane_cells) {
    gradient = next_gradient;
    counts = fmaf(gradient, static_cast<float>(lane_cells), counts);
  }
  __device__ __forceinline__ void row(int i, bool fresh, int row_in_tile, const float*& column, float2& m) {
    HalfGradientRow<kGradientWords> row{{swapped(centroid[i * kThreads]), {}}, tie, {}};
    row_cells(fresh, row_in_tile, column, m, row);
#pragma unroll
    for (int k = 0; k < kGradientWords; ++k) {
      const float2 positives = __half22float2(row.positive.pair[k]);
      const float2 absolutes = __half22float2(row.absolutes.absolute.pair[k]);
      positive[i][2 * k] = fmaf(gradient, positives.x, positive[i][2 * k]);
      positive[i][2 * k + 1] = fmaf(gradient, positives.y, positive[i][2 * k + 1]);
      magnitude[i][2 * k] = fmaf(gradient, absolutes.x, magnitude[i][2 * k]);
      magnitude[i][2 * k + 1] = fmaf(gradient, absolutes.y, magnitude[i][2 * k + 1]);
    }
  }
  __device__ __forceinline__ void finish() {}
};

/// `sums`: one [classes of the launch,2,K,F] for each part of the samples (blockIdx.z). `tie`: what a tie counts.
__global__ void __launch_bounds__(kThreads, kBlocksAtOnce)
    half_gradient_kernel(const Inputs<float> inputs, const Scaling scaling, const float* __restrict__ distance_gradient,
                         float tie, int samples, int samples_per_block, int slices, float* __restrict__ sums) {
  const Part part = part_of<kRows, kGradientWords>(inputs, samples, samples_per_block, slices);
  Halves<kGradientWords>* const centroids = shared_centroids<kGradientWords>();
  HalfGradientVisitor visitor;
  visitor.centroid = centroids;
  visitor.classes = inputs.classes;
  visitor.has_class = part.c < inputs.class_end;
  visitor.tie = __float2half2_rn(tie);
  visitor.distance_gradient =
      distance_gradient + static_cast<std::int64_t>(part.first_sample) * inputs.classes + part.c;
  visitor.counts = 0.0F;
  const unsigned first_feature = 2 * part.first_word;
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const bool inside = visitor.has_class && part.first_row + i < inputs.steps;
    const std::int64_t row = static_cast<std::int64_t>(part.c) * inputs.steps + part.first_row + i;
    centroids[i * kThreads] =
        swapped(lane_centroid<kGradientWords>(inputs.centroids, row, inside, scaling, first_feature));
#pragma unroll
    for (int k = 0; k < 2 * kGradientWords; ++k) visitor.positive[i][k] = visitor.magnitude[i][k] = 0.0F;
  }
  walk<kRows>(inputs, part, visitor);
  if (!visitor.has_class) return;

  const std::int64_t per_class = 2LL * inputs.steps * scaling.feature_dim;
  sums +=
      (static_cast<std::int64_t>(blockIdx.z) * (inputs.class_end - inputs.first_class) + part.c - inputs.first_class) *
      per_class;
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    if (part.first_row + i >= inputs.steps) break;
    float* const row = sums + static_cast<std::int64_t>(part.first_row + i) * scaling.feature_dim;
    const float counts = __shfl_sync(kAllLanes, visitor.counts, i);
#pragma unroll
    for (unsigned k = 0; k < 2 * kGradientWords; ++k) {
      const unsigned f = first_feature + k;
      if (f >= scaling.feature_dim) break;
      row[f] = fmaf(2.0F, visitor.positive[i][k], -counts);
      row[per_class / 2 + f] = visitor.magnitude[i][k] / scaling.scales[f];
    }
  }
}

// ---- launches -----------------------------------------------------------------------------------------------

Inputs<float> inputs_of(const ParametersView<float>& parameters, const HalfPaths& paths, ClassRange range) {
  return {parameters.centroids,
          static_cast<const float*>(paths.columns),  // two halves each
          nullptr,
          paths.offsets,
          paths.breakpoints,
          static_cast<int>(half_path_stride(paths.feature_dim) / 2),
          static_cast<int>(paths.classes),
          static_cast<int>(paths.steps),
          static_cast<unsigned>(paths.feature_dim),
          static_cast<int>(range.first),
          static_cast<int>(range.first + range.count)};
}

Scaling scaling_of(const HalfPaths& paths) {
  return {paths.shifts, paths.scales, static_cast<unsigned>(paths.feature_dim)};
}

template <int Words>
std::int64_t slice_count(std::int64_t feature_dim) {
  return divide_up<std::int64_t>(feature_dim, 2 * kSlice<Words>);
}

std::int64_t gradient_blocks(std::int64_t classes, std::int64_t steps, std::int64_t feature_dim) {
  return divide_up<std::int64_t>(classes, kWarps) * slice_count<kGradientWords>(feature_dim) *
         divide_up<std::int64_t>(steps, kRows);
}

}  // namespace

std::size_t half_paths_bytes(const Samples& samples) {
  Workspace sizing(nullptr);
  sizing.request<__half>(samples.total_steps * half_path_stride(samples.feature_dim));
  return sizing.required_bytes();
}

HalfPaths prepare_half_paths(const HalfPackedParameters& scaling, const Samples& samples,
                             const std::int32_t* breakpoints, std::byte* packed, Stream stream) {
  const std::int64_t stride = half_path_stride(samples.feature_dim);
  auto* const columns = Workspace(packed).request<__half>(samples.total_steps * stride);
  with_feature_type(samples.type, [&](auto* type) {
    using Feature = std::remove_cv_t<std::remove_pointer_t<decltype(type)>>;
    launch("pack_columns", pack_columns_kernel<Feature>, grid(samples.total_steps), kPackThreads, 0, stream,
           static_cast<const Feature*>(samples.features), samples.first_rows, samples.offsets,
           static_cast<int>(samples.count), samples.feature_dim, feature_stride(samples.feature_dim), scaling.shifts,
           scaling.scales, stride, columns);
  });
  return {columns,       breakpoints,     samples.offsets, scaling.shifts,     scaling.scales,
          samples.count, scaling.classes, scaling.steps,   samples.feature_dim};
}

std::int64_t half_distance_parts(std::int64_t steps, std::int64_t feature_dim) {
  return slice_count<kDistanceWords>(feature_dim) * divide_up<std::int64_t>(steps, kRows);
}

void distances_along_paths(const ParametersView<float>& parameters, const HalfPaths& paths, float* parts,
                           int processors, Stream stream) {
  const std::int64_t class_blocks = divide_up<std::int64_t>(paths.classes, kWarps);
  const std::int64_t part_count = half_distance_parts(paths.steps, paths.feature_dim);
  const std::int64_t per_block = samples_per_block(class_blocks * part_count, paths.count, processors);
  launch("half_distances_along_paths", half_distance_kernel,
         grid(class_blocks, part_count, divide_up(paths.count, per_block)), kThreads, kSharedBytesOf<kDistanceWords>,
         stream, inputs_of(parameters, paths, {0, paths.classes}), scaling_of(paths), parameters.weights,
         static_cast<int>(paths.count), static_cast<int>(per_block),
         static_cast<int>(slice_count<kDistanceWords>(paths.feature_dim)), parts);
}

std::size_t half_gradient_workspace_bytes(const Samples& samples, std::int64_t classes, std::int64_t steps,
                                          int processors) {
  std::int64_t most = 0;
  for (std::int64_t some = 1; some <= classes; ++some) {
    const std::int64_t parts =
        gradient_parts(gradient_blocks(some, steps, samples.feature_dim), samples.count, processors);
    if (parts > 1) most = std::max(most, parts * some * 2 * steps * samples.feature_dim);
  }
  Workspace sizing(nullptr);
  sizing.request<float>(most);
  return sizing.required_bytes();
}

void gradient_along_paths(const ParametersView<float>& parameters, const HalfPaths& paths,
                          const float* distance_gradient, TieSign tie_sign, ClassRange range, float* gradient_sums,
                          std::byte* workspace, int processors, Stream stream) {
  const std::int64_t parts =
      gradient_parts(gradient_blocks(range.count, paths.steps, paths.feature_dim), paths.count, processors);
  const std::int64_t per_block = divide_up(paths.count, parts);
  const std::int64_t per_class = 2 * paths.steps * paths.feature_dim, elements = range.count * per_class;
  float* const own_sums = gradient_sums + range.first * per_class;
  float* const part_sums = parts > 1 ? Workspace(workspace).request<float>(parts * elements) : own_sums;
  launch("half_gradient_along_paths", half_gradient_kernel,
         grid(divide_up<std::int64_t>(range.count, kWarps),
              slice_count<kGradientWords>(paths.feature_dim) * divide_up<std::int64_t>(paths.steps, kRows), parts),
         kThreads, kSharedBytesOf<kGradientWords>, stream, inputs_of(parameters, paths, range), scaling_of(paths),
         distance_gradient, tie_sign == TieSign::kZero ? 0.5F : 0.0F, static_cast<int>(paths.count),
         static_cast<int>(per_block), static_cast<int>(slice_count<kGradientWords>(paths.feature_dim)), part_sums);
  if (parts > 1) add_gradient_parts(part_sums, parts, elements, own_sums, stream);
}

}  // namespace alignment::kernels::cuda
