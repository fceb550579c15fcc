#include "kernels/quantized.hpp"

#include "kernels/cuda/cost_tile.cuh"
#include "kernels/cuda/device.cuh"
#include "kernels/workspace.hpp"

// Path costs of quantized numbers: the cost kernel with four features to a word, for which a difference of bytes and a
// product of four are one instruction each. All that chooses scales and rounds is done in the CPU's operations one by
// one, so that paths are the CPU's to the bit: where the compiler could make a product and a sum one operation,
// __fmul_rn and __fadd_rn keep it from doing so.
namespace alignment::kernels::cuda {
namespace {

constexpr int kPanel = static_cast<int>(kPanelWidth), kGroup = static_cast<int>(kQuantizedGroup);
constexpr int kThreads = 256, kWarps = kThreads / kWarp;
constexpr float kMost = static_cast<float>(kMostQuantized);

struct ByteArithmetic {
  using Word = std::uint32_t;
  using Sum = std::uint32_t;
  static __device__ __forceinline__ Sum add(Sum sum, Word centroid, Word weight, Word m) {
    return __dp4a(__vabsdiffu4(centroid, m), weight, sum);
  }
  /// Below 2^31, see kMostQuantizedFeatures.
  static __device__ __forceinline__ float cost(Sum sum) { return __int2float_rn(static_cast<int>(sum)); }
};

template <int Panels>
__global__ void __launch_bounds__(CostTile<Panels>::kThreads, CostTile<Panels>::kBlocks)
    quantized_cost_kernel(const std::uint32_t* __restrict__ parameters, const std::uint32_t* __restrict__ samples,
                          int stages, std::int64_t total_steps, std::int64_t stride, float* __restrict__ cost) {
  compute_cost_tile<ByteArithmetic, Panels>(parameters, samples, stages, total_steps, stride, cost);
}

struct Arrays {
  std::uint32_t* words;
  float *lows, *inverse_steps, *steps;  ///< [padded F]
  float* class_factors;                 ///< [C]
};

Arrays carve(Workspace& workspace, std::int64_t classes, std::int64_t steps, std::int64_t feature_dim) {
  const std::int64_t features = kGroup * padded_quantized_groups(feature_dim);
  return {workspace.request<std::uint32_t>(padded_to(classes * steps, kTileWidth) * features / kGroup * 2),
          workspace.request<float>(features), workspace.request<float>(features), workspace.request<float>(features),
          workspace.request<float>(classes)};
}

/// quantize(), operation by operation.
__device__ __forceinline__ std::uint32_t quantized(float value, float low, float inverse_step) {
  const float position = __fmul_rn(__fsub_rn(value, low), inverse_step);
  const float least = position > 0.0F ? position : 0.0F;
  const float clamped = least < kMost ? least : kMost;
  return static_cast<std::uint32_t>(__fadd_rn(clamped, 0.5F));
}

constexpr int kScaleThreads = 1024, kScaleGroups = kScaleThreads / kWarp;

/// A block has 32 features; its groups of 32 threads share the rows [C*K].
__global__ void __launch_bounds__(kScaleThreads)
    feature_steps_kernel(const float* __restrict__ centroids, std::int64_t rows, std::int64_t feature_dim,
                         std::int64_t padded_features, float* __restrict__ lows, float* __restrict__ inverse_steps,
                         float* __restrict__ steps) {
  __shared__ float all_least[kScaleGroups][kWarp], all_most[kScaleGroups][kWarp];
  const int lane = static_cast<int>(threadIdx.x) % kWarp, group = static_cast<int>(threadIdx.x) / kWarp;
  const std::int64_t feature = static_cast<std::int64_t>(blockIdx.x) * kWarp + lane;
  // All begin with the first row: a zero keeps its sign, and what is not a number its effect, as where one thread goes
  // through all rows.
  float least = 0.0F, most = 0.0F;
  if (feature < feature_dim) {
    least = most = centroids[feature];
#pragma unroll 4
    for (std::int64_t row = group; row < rows; row += kScaleGroups) {
      const float centroid = centroids[row * feature_dim + feature];
      least = centroid < least ? centroid : least;
      most = most < centroid ? centroid : most;
    }
  }
  all_least[group][lane] = least;
  all_most[group][lane] = most;
  __syncthreads();
  if (group != 0 || feature >= padded_features) return;
  for (int g = 1; g < kScaleGroups; ++g) {
    least = all_least[g][lane] < least ? all_least[g][lane] : least;
    most = most < all_most[g][lane] ? all_most[g][lane] : most;
  }
  const float range = __fsub_rn(most, least);
  const float step = __fmul_rn(2.0F, range) / kMost;
  lows[feature] = __fsub_rn(__fadd_rn(least, most) / 2.0F, range);
  steps[feature] = step;
  inverse_steps[feature] = range > 0.0F ? 1.0F / step : 0.0F;
}

/// A block a class.
__global__ void __launch_bounds__(kThreads)
    weight_factors_kernel(const float* __restrict__ weights, const float* __restrict__ feature_steps,
                          std::int64_t steps, std::int64_t feature_dim, float* __restrict__ class_factors) {
  __shared__ float all_largest[kThreads];
  const std::int64_t c = blockIdx.x;
  float largest = 0.0F;
  for (std::int64_t i = 0; i < steps; ++i) {
    const float* const row = weights + (c * steps + i) * feature_dim;
#pragma unroll 4
    for (std::int64_t f = threadIdx.x; f < feature_dim; f += kThreads) {
      const float scaled = __fmul_rn(row[f], feature_steps[f]);
      largest = largest < scaled ? scaled : largest;
    }
  }
  all_largest[threadIdx.x] = largest;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int t = 1; t < kThreads; ++t) largest = largest < all_largest[t] ? all_largest[t] : largest;
  class_factors[c] = largest > 0.0F ? kMost / largest : 0.0F;
}

constexpr int kChunk = static_cast<int>(kFeatureStage) * kGroup;  ///< features that a block packs at a time

/// A block packs 32 rows. All its threads bring a chunk of features in and quantize centroids; the rounding of a row's
/// weights goes from feature to feature, so then a thread of the first warp does a row.
__global__ void __launch_bounds__(kThreads)
    quantize_parameters_kernel(const float* __restrict__ centroids, const float* __restrict__ weights,
                               const float* __restrict__ lows, const float* __restrict__ inverse_steps,
                               const float* __restrict__ feature_steps, const float* __restrict__ class_factors,
                               std::int64_t classes, std::int64_t steps, std::int64_t feature_dim,
                               std::int64_t padded_groups, std::uint32_t* __restrict__ words) {
  constexpr int kStage = static_cast<int>(kFeatureStage), kRows = kWarp / kWarps;
  __shared__ float wanted[kWarp][kChunk + 1];
  __shared__ std::uint32_t centroid_words[kWarp][kStage + 1], weight_words[kWarp][kStage + 1];
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.x) * kWarp;
  std::uint32_t* const panel = words + first_row / kPanel * padded_groups * 2 * kPanel + first_row % kPanel + lane;
  std::int64_t row_at[kRows];  // -1 beyond the last
  float factor[kRows];
#pragma unroll
  for (int k = 0; k < kRows; ++k) {
    const std::int64_t row = first_row + warp + k * kWarps, c = row % classes;  // row = i*C + c
    row_at[k] = row < classes * steps ? (c * steps + row / classes) * feature_dim : -1;
    factor[k] = class_factors[c];
  }
  float left = 0.0F;  // of the row `lane`
  for (std::int64_t first_group = 0; first_group < padded_groups; first_group += kStage) {
#pragma unroll
    for (int k = 0; k < kRows; ++k) {
      const int r = warp + k * kWarps;
#pragma unroll
      for (int f = lane; f < kChunk; f += kWarp) {
        const std::int64_t feature = first_group * kGroup + f;
        float weight = 0.0F;
        std::uint32_t centroid = 0;
        if (row_at[k] >= 0 && feature < feature_dim) {
          weight = __fmul_rn(__fmul_rn(weights[row_at[k] + feature], feature_steps[feature]), factor[k]);
          centroid = quantized(centroids[row_at[k] + feature], lows[feature], inverse_steps[feature]);
        }
        wanted[r][f] = weight;
        reinterpret_cast<std::uint8_t*>(centroid_words[r])[f] = static_cast<std::uint8_t>(centroid);
      }
    }
    __syncthreads();
    if (warp == 0) {
      const std::int64_t inside = feature_dim - first_group * kGroup;
#pragma unroll 4
      for (int group = 0; group < kStage; ++group) {
        std::uint32_t word = 0;
#pragma unroll
        for (int f = group * kGroup; f < (group + 1) * kGroup; ++f) {
          const float sum = __fadd_rn(wanted[lane][f], left), nearest = rintf(sum);
          const float rounded = nearest < 0.0F ? 0.0F : (kMost < nearest ? kMost : nearest);
          left = __fsub_rn(sum, rounded);
          // What is left after the last feature goes nowhere.
          if (f < inside) word |= static_cast<std::uint32_t>(rounded) << static_cast<unsigned>(f % kGroup * 8);
        }
        weight_words[lane][group] = word;
      }
    }
    __syncthreads();
#pragma unroll
    for (int group = warp; group < kStage; group += kWarps) {
      panel[(first_group + group) * 2 * kPanel] = centroid_words[lane][group];
      panel[(first_group + group) * 2 * kPanel + kPanel] = weight_words[lane][group];
    }
    __syncthreads();  // all that was brought in has been read
  }
}

/// Four features of a row.
__device__ __forceinline__ float4 four_features(const float* row) {
  return *reinterpret_cast<const float4*>(row);
}
__device__ __forceinline__ float4 four_features(const __half* row) {
  struct alignas(8) Four {
    __half2 pairs[2];
  };
  const Four four = *reinterpret_cast<const Four*>(row);
  const float2 low = __half22float2(four.pairs[0]), high = __half22float2(four.pairs[1]);
  return make_float4(low.x, low.y, high.x, high.y);
}

/// A block turns 32 columns by 32 groups of features: a warp reads groups of one column side by side and writes columns
/// of one group.
template <typename Feature>
__global__ void __launch_bounds__(kThreads)
    quantize_samples_kernel(const Feature* __restrict__ features, const std::int64_t* __restrict__ first_rows,
                            const std::int32_t* __restrict__ offsets, int count, std::int64_t stride,
                            std::int64_t padded_groups, const float* __restrict__ lows,
                            const float* __restrict__ inverse_steps, std::uint32_t* __restrict__ packed) {
  __shared__ std::uint32_t turned[kWarp][kWarp + 1];
  const std::int64_t first_column = static_cast<std::int64_t>(blockIdx.x) * kWarp;
  const std::int64_t first_group = static_cast<std::int64_t>(blockIdx.y) * kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const std::int64_t feature = (first_group + lane) * kGroup;
  // Padding: a step of 0 makes every number 0.
  float4 low = make_float4(0.0F, 0.0F, 0.0F, 0.0F), inverse_step = low;
  if (first_group + lane < padded_groups) {
    low = four_features(lows + feature);
    inverse_step = four_features(inverse_steps + feature);
  }
#pragma unroll
  for (int k = warp; k < kWarp; k += kWarps) {
    const std::int64_t column = first_column + k;
    std::uint32_t word = 0;
    if (column < offsets[count] && feature < stride) {
      const float4 four =
          four_features(features + row_of_column(first_rows, offsets, count, column) * stride + feature);
      word = quantized(four.x, low.x, inverse_step.x) | quantized(four.y, low.y, inverse_step.y) << 8U |
             quantized(four.z, low.z, inverse_step.z) << 16U | quantized(four.w, low.w, inverse_step.w) << 24U;
    }
    turned[k][lane] = word;
  }
  __syncthreads();
  std::uint32_t* const panel = packed + first_column / kPanel * padded_groups * kPanel + first_column % kPanel + lane;
  for (int group = warp; group < kWarp; group += kWarps) {
    if (first_group + group < padded_groups) panel[(first_group + group) * kPanel] = turned[lane][group];
  }
}

}  // namespace

std::size_t quantized_parameter_bytes(std::int64_t classes, std::int64_t steps, std::int64_t feature_dim) {
  Workspace sizing(nullptr);
  carve(sizing, classes, steps, feature_dim);
  return sizing.required_bytes();
}

QuantizedParameters quantize_parameters(const ParametersView<float>& parameters, std::byte* memory, Stream stream) {
  static_assert(kPanelWidth % kWarp == 0 && kChunk % kWarp == 0 && kFeatureStage % kWarps == 0);
  Workspace arena(memory);
  const std::int64_t classes = parameters.classes, steps = parameters.steps, feature_dim = parameters.feature_dim;
  const Arrays arrays = carve(arena, classes, steps, feature_dim);
  const std::int64_t groups = padded_quantized_groups(feature_dim);
  launch("feature_steps", feature_steps_kernel, grid(groups * kGroup / kWarp), kScaleThreads, 0, stream,
         parameters.centroids, classes * steps, feature_dim, groups * kGroup, arrays.lows, arrays.inverse_steps,
         arrays.steps);
  launch("weight_factors", weight_factors_kernel, grid(classes), kThreads, 0, stream, parameters.weights, arrays.steps,
         steps, feature_dim, arrays.class_factors);
  launch("quantize_parameters", quantize_parameters_kernel, grid(padded_to(classes * steps, kTileWidth) / kWarp),
         kThreads, 0, stream, parameters.centroids, parameters.weights, arrays.lows, arrays.inverse_steps, arrays.steps,
         arrays.class_factors, classes, steps, feature_dim, groups, arrays.words);
  return {arrays.words, {arrays.lows, arrays.inverse_steps}, classes, steps, feature_dim};
}

void quantize_samples(const QuantizedParameters& parameters, const Samples& samples, std::uint32_t* packed,
                      Stream stream) {
  const std::int64_t groups = padded_quantized_groups(samples.feature_dim);
  with_feature_type(samples.type, [&](auto* type) {
    using Feature = std::remove_cv_t<std::remove_pointer_t<decltype(type)>>;
    launch("quantize_samples", quantize_samples_kernel<Feature>,
           grid(padded_to(samples.total_steps, kTileWidth) / kWarp, divide_up<std::int64_t>(groups, kWarp)), kThreads,
           0, stream, static_cast<const Feature*>(samples.features), samples.first_rows, samples.offsets,
           static_cast<int>(samples.count), feature_stride(samples.feature_dim), groups, parameters.scale.lows,
           parameters.scale.inverse_steps, packed);
  });
}

void cost_matrices(const QuantizedParameters& parameters, const std::uint32_t* packed_samples, std::int64_t total_steps,
                   float* cost, Stream stream) {
  launch_cost<std::uint32_t>("quantized_cost", quantized_cost_kernel<2>, quantized_cost_kernel<1>, parameters.words,
                             packed_samples, quantized_groups(parameters.feature_dim),
                             parameters.classes * parameters.steps, total_steps,
                             cost_stride(parameters.classes, parameters.steps), cost, stream);
}

}  // namespace alignment::kernels::cuda
