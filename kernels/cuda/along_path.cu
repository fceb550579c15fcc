#include "kernels/along_path.hpp"

#include <algorithm>

#include "kernels/cuda/along_path_walk.cuh"
#include "kernels/workspace.hpp"

namespace alignment::kernels::cuda {
namespace {

constexpr int kRowChunk = 8;      ///< centroid steps of a warp
constexpr int kLaneFeatures = 4;  ///< features of a lane, a word each

/// Behind what walk() has in shared memory, for the gradient: the centroid steps of each thread.
constexpr std::size_t kCentroidBytes = kRowChunk * kThreads * sizeof(float4);

/// sum over cells of u*|c - m|.
struct DistanceVisitor {
  float4 centroid[kRowChunk], weight[kRowChunk], sum;
  float* part;  ///< of the next sample, at this warp's class
  int classes, lane;
  bool has_class;

  struct Row {
    const float4 &c, &u;
    float4& sum;
    __device__ __forceinline__ void first(const float4& m) { next(m); }
    __device__ __forceinline__ void next(const float4& m) {
      sum.x = fmaf(u.x, fabsf(c.x - m.x), sum.x);
      sum.y = fmaf(u.y, fabsf(c.y - m.y), sum.y);
      sum.z = fmaf(u.z, fabsf(c.z - m.z), sum.z);
      sum.w = fmaf(u.w, fabsf(c.w - m.w), sum.w);
    }
  };

  __device__ __forceinline__ void read_next() {}
  __device__ __forceinline__ void start(int) {}
  __device__ __forceinline__ void row(int i, bool fresh, int row_in_tile, const float*& column, float4& m) {
    Row row{centroid[i], weight[i], sum};
    row_cells(fresh, row_in_tile, column, m, row);
  }
  __device__ __forceinline__ void finish() {
    float total = (sum.x + sum.y) + (sum.z + sum.w);
#pragma unroll
    for (int mask = kWarp / 2; mask > 0; mask /= 2) total += __shfl_xor_sync(kAllLanes, total, mask);
    if (lane == 0 && has_class) *part = total;
    part += classes;
    sum = make_float4(0.0F, 0.0F, 0.0F, 0.0F);
  }
};

template <typename Feature>
__global__ void __launch_bounds__(kThreads, kBlocksAtOnce)
    distance_kernel(const Inputs<Feature> inputs, const float* __restrict__ weights, int samples, int samples_per_block,
                    int slices, float* __restrict__ parts) {
  const Part part = part_of<kRowChunk, kLaneFeatures>(inputs, samples, samples_per_block, slices);
  DistanceVisitor visitor;
  visitor.sum = make_float4(0.0F, 0.0F, 0.0F, 0.0F);
  visitor.classes = inputs.classes;
  visitor.lane = part.lane;
  visitor.has_class = part.c < inputs.class_end;
  visitor.part =
      parts + (static_cast<std::int64_t>(blockIdx.y) * samples + part.first_sample) * inputs.classes + part.c;
#pragma unroll
  for (int i = 0; i < kRowChunk; ++i) {
    const bool inside = visitor.has_class && part.first_row + i < inputs.steps;
    const std::int64_t row = static_cast<std::int64_t>(part.c) * inputs.steps + part.first_row + i;
    visitor.centroid[i] = lane_parameters(inputs.centroids, row, inside, inputs.feature_dim, part.first_word);
    visitor.weight[i] = lane_parameters(weights, row, inside, inputs.feature_dim, part.first_word);
  }
  walk<kRowChunk>(inputs, part, visitor);
}

/// One feature's positive += (sign(c - m) + 1)/2 and absolute += |c - m|; what the sign of a tie is decides how.
template <TieSign kTie>
struct FeatureOfRow;

/// A tie counts half: a saturating multiply-add makes 0, 1/2 or 1 of a difference.
template <>
struct FeatureOfRow<TieSign::kZero> {
  float positive, absolute;
  __device__ __forceinline__ static float centroid(float c) { return c; }
  __device__ __forceinline__ static float of_sign(float difference) {
    return __saturatef(fmaf(difference, 0x1p127F, 0.5F));
  }
  __device__ __forceinline__ void first(float c, float m) {
    const float difference = c - m;
    absolute = fabsf(difference);
    positive = of_sign(difference);
  }
  __device__ __forceinline__ void next(float c, float m) {
    const float difference = c - m;
    absolute += fabsf(difference);
    positive += of_sign(difference);
  }
  [[nodiscard]] __device__ __forceinline__ float positives() const { return positive; }
};

/// A tie counts nothing: the sign bit of m - c is what c > m counts. With -c kept as +0 where c is a zero, m - c is +0
/// at every tie.
template <>
struct FeatureOfRow<TieSign::kMinusOne> {
  unsigned positive;
  float absolute;
  __device__ __forceinline__ static float centroid(float c) { return 0.0F - c; }
  __device__ __forceinline__ static unsigned of_sign(float difference) { return __float_as_uint(difference) >> 31; }
  __device__ __forceinline__ void first(float minus_c, float m) {
    const float difference = minus_c + m;
    absolute = fabsf(difference);
    positive = of_sign(difference);
  }
  __device__ __forceinline__ void next(float minus_c, float m) {
    const float difference = minus_c + m;
    absolute += fabsf(difference);
    positive += of_sign(difference);
  }
  [[nodiscard]] __device__ __forceinline__ float positives() const { return static_cast<float>(positive); }
};

/// Neighbours change places. Centroid steps lie so in shared memory: what is subtracted from each other then comes into
/// registers of different banks, which are read in one clock.
__device__ __forceinline__ float4 swapped(const float4& numbers) {
  return make_float4(numbers.y, numbers.x, numbers.w, numbers.z);
}

/// The sums over samples of g*slope and g*magnitude, a row's cells first. With n cells and p of them positive a slope
/// is 2p - n; the sum of g*n is the same for all features of a row, so it is summed once, by the row's lane.
template <TieSign kTie>
struct GradientVisitor {
  float4 positive[kRowChunk], magnitude[kRowChunk];
  const float4* centroid;          ///< this thread's [kRowChunk], kThreads apart, in shared memory: registers are short
  const float* distance_gradient;  ///< of the next sample, at this warp's class
  int classes;
  bool has_class;
  float gradient, next_gradient;
  float counts;  ///< sum of g*n of this lane's row

  struct Row {
    const float4& c;
    FeatureOfRow<kTie> x, y, z, w;
    __device__ __forceinline__ void first(const float4& m) {
      x.first(c.x, m.x);
      y.first(c.y, m.y);
      z.first(c.z, m.z);
      w.first(c.w, m.w);
    }
    __device__ __forceinline__ void next(const float4& m) {
      x.next(c.x, m.x);
      y.next(c.y, m.y);
      z.next(c.z, m.z);
      w.next(c.w, m.w);
    }
  };

  __device__ __forceinline__ void read_next() {
    next_gradient = has_class ? *distance_gradient : 0.0F;
    distance_gradient += classes;
  }
  __device__ __forceinline__ void start(int lane_cells) {
    gradient = next_gradient;
    counts = fmaf(gradient, static_cast<float>(lane_cells), counts);
  }
  __device__ __forceinline__ void add(const FeatureOfRow<kTie>& row, float& positives, float& absolutes) const {
    positives = fmaf(gradient, row.positives(), positives);
    absolutes = fmaf(gradient, row.absolute, absolutes);
  }
  __device__ __forceinline__ void row(int i, bool fresh, int row_in_tile, const float*& column, float4& m) {
    const float4 c = swapped(centroid[i * kThreads]);
    Row row{c, {}, {}, {}, {}};
    row_cells(fresh, row_in_tile, column, m, row);
    add(row.x, positive[i].x, magnitude[i].x);
    add(row.y, positive[i].y, magnitude[i].y);
    add(row.z, positive[i].z, magnitude[i].z);
    add(row.w, positive[i].w, magnitude[i].w);
  }
  __device__ __forceinline__ void finish() {}
};

__device__ __forceinline__ void store_lane(float* row, unsigned first_feature, unsigned feature_dim,
                                           const float4& value) {
  if (first_feature < feature_dim) row[first_feature] = value.x;
  if (first_feature + 1 < feature_dim) row[first_feature + 1] = value.y;
  if (first_feature + 2 < feature_dim) row[first_feature + 2] = value.z;
  if (first_feature + 3 < feature_dim) row[first_feature + 3] = value.w;
}

/// `sums`: one [classes of the launch,2,K,F] for each part of the samples (blockIdx.z).
template <TieSign kTie, typename Feature>
__global__ void __launch_bounds__(kThreads, kGradientBlocksAtOnce)
    gradient_kernel(const Inputs<Feature> inputs, const float* __restrict__ distance_gradient, int samples,
                    int samples_per_block, int slices, float* __restrict__ sums) {
  using OfRow = FeatureOfRow<kTie>;
  const Part part = part_of<kRowChunk, kLaneFeatures>(inputs, samples, samples_per_block, slices);
  GradientVisitor<kTie> visitor;
  visitor.classes = inputs.classes;
  visitor.has_class = part.c < inputs.class_end;
  visitor.distance_gradient =
      distance_gradient + static_cast<std::int64_t>(part.first_sample) * inputs.classes + part.c;
  visitor.counts = 0.0F;
  float4* const centroid =
      reinterpret_cast<float4*>(dynamic_shared<std::byte>() + kSharedBytes<kLaneFeatures, Feature>) + threadIdx.x;
  visitor.centroid = centroid;
#pragma unroll
  for (int i = 0; i < kRowChunk; ++i) {
    const bool inside = visitor.has_class && part.first_row + i < inputs.steps;
    const std::int64_t row = static_cast<std::int64_t>(part.c) * inputs.steps + part.first_row + i;
    const float4 c = lane_parameters(inputs.centroids, row, inside, inputs.feature_dim, part.first_word);
    centroid[i * kThreads] =
        swapped(make_float4(OfRow::centroid(c.x), OfRow::centroid(c.y), OfRow::centroid(c.z), OfRow::centroid(c.w)));
    visitor.positive[i] = visitor.magnitude[i] = make_float4(0.0F, 0.0F, 0.0F, 0.0F);
  }
  walk<kRowChunk>(inputs, part, visitor);
  if (!visitor.has_class) return;

  const std::int64_t per_class = 2LL * inputs.steps * inputs.feature_dim;
  sums +=
      (static_cast<std::int64_t>(blockIdx.z) * (inputs.class_end - inputs.first_class) + part.c - inputs.first_class) *
      per_class;
#pragma unroll
  for (int i = 0; i < kRowChunk; ++i) {
    if (part.first_row + i >= inputs.steps) break;
    float* const row = sums + static_cast<std::int64_t>(part.first_row + i) * inputs.feature_dim;
    const float4 positive = visitor.positive[i];
    const float counts = __shfl_sync(kAllLanes, visitor.counts, i);
    store_lane(row, part.first_word, inputs.feature_dim,
               make_float4(fmaf(2.0F, positive.x, -counts), fmaf(2.0F, positive.y, -counts),
                           fmaf(2.0F, positive.z, -counts), fmaf(2.0F, positive.w, -counts)));
    store_lane(row + per_class / 2, part.first_word, inputs.feature_dim, visitor.magnitude[i]);
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
  return divide_up<std::int64_t>(feature_dim, kSlice<kLaneFeatures>);
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

std::int64_t block_count(const ParametersView<float>& parameters, std::int64_t classes) {
  return divide_up<std::int64_t>(classes, kWarps) * slice_count(parameters.feature_dim) * chunk_count(parameters.steps);
}

std::int64_t blocks_at_once(int processors) {
  return std::int64_t{kBlocksAtOnce} * processors;
}

std::int64_t part_elements(const ParametersView<float>& parameters, std::int64_t classes) {
  return classes * 2 * parameters.steps * parameters.feature_dim;
}

}  // namespace

void add_gradient_parts(const float* parts, std::int64_t part_count, std::int64_t count, float* sums, Stream stream) {
  launch("add_gradient_parts", add_parts_kernel, grid(divide_up<std::int64_t>(count, 256)), 256, 0, stream, parts,
         static_cast<int>(part_count), count, sums);
}

std::int64_t distance_parts(std::int64_t steps, std::int64_t feature_dim) {
  return slice_count(feature_dim) * chunk_count(steps);
}

void distances_along_paths(const ParametersView<float>& parameters, const Samples& samples,
                           const std::int32_t* breakpoints, float* parts, int processors, Stream stream) {
  constexpr std::int64_t kLoading = 2;
  const std::int64_t class_blocks = divide_up<std::int64_t>(parameters.classes, kWarps);
  const std::int64_t part_count = distance_parts(parameters.steps, parameters.feature_dim);
  const std::int64_t per_block =
      samples_per_block(class_blocks * part_count, samples.count, blocks_at_once(processors), kLoading);
  with_feature_type(samples.type, [&](auto* type) {
    using Feature = std::remove_cv_t<std::remove_pointer_t<decltype(type)>>;
    launch("distances_along_paths", distance_kernel<Feature>,
           grid(class_blocks, part_count, divide_up(samples.count, per_block)), kThreads,
           kSharedBytes<kLaneFeatures, Feature>, stream,
           inputs_of<Feature>(parameters, samples, breakpoints, {0, parameters.classes}), parameters.weights,
           static_cast<int>(samples.count), static_cast<int>(per_block),
           static_cast<int>(slice_count(parameters.feature_dim)), parts);
  });
}

std::size_t gradient_workspace_bytes(const ParametersView<float>& parameters, const Samples& samples, int processors) {
  std::int64_t most = 0;
  for (std::int64_t classes = 1; classes <= parameters.classes; ++classes) {
    const std::int64_t parts =
        gradient_parts(block_count(parameters, classes), samples.count, blocks_at_once(processors));
    if (parts > 1) most = std::max(most, parts * part_elements(parameters, classes));
  }
  Workspace sizing(nullptr);
  sizing.request<float>(most);
  return sizing.required_bytes();
}

void gradient_along_paths(const ParametersView<float>& parameters, const Samples& samples,
                          const std::int32_t* breakpoints, const float* distance_gradient, TieSign tie_sign,
                          ClassRange range, float* gradient_sums, std::byte* workspace, int processors, Stream stream) {
  const std::int64_t parts =
      gradient_parts(block_count(parameters, range.count), samples.count, blocks_at_once(processors));
  const std::int64_t per_block = divide_up(samples.count, parts);
  const std::int64_t elements = part_elements(parameters, range.count);
  float* const own_sums = gradient_sums + part_elements(parameters, range.first);
  float* const part_sums = parts > 1 ? Workspace(workspace).request<float>(parts * elements) : own_sums;
  with_feature_type(samples.type, [&](auto* type) {
    using Feature = std::remove_cv_t<std::remove_pointer_t<decltype(type)>>;
    launch("gradient_along_paths",
           tie_sign == TieSign::kZero ? gradient_kernel<TieSign::kZero, Feature>
                                      : gradient_kernel<TieSign::kMinusOne, Feature>,
           grid(divide_up<std::int64_t>(range.count, kWarps), distance_parts(parameters.steps, parameters.feature_dim),
                parts),
           kThreads, kSharedBytes<kLaneFeatures, Feature> + kCentroidBytes, stream,
           inputs_of<Feature>(parameters, samples, breakpoints, range), distance_gradient,
           static_cast<int>(samples.count), static_cast<int>(per_block),
           static_cast<int>(slice_count(parameters.feature_dim)), part_sums);
  });
  if (parts > 1) {
    add_gradient_parts(part_sums, parts, elements, own_sums, stream);
  }
}

}  // namespace alignment::kernels::cuda
