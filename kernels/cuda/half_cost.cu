#include "kernels/cost.hpp"
#include "kernels/cuda/device.cuh"
#include "kernels/workspace.hpp"

// The cost kernel with two consecutive features to a half2, so that a subtraction and a multiply-add serve two
// elements. Sums of a stage are in f16; then their halves are added to sums in f32, which takes four instructions: one
// stage of 16 pairs costs what two more pairs would. A thread has 8 x 8 elements but goes through a stage with four of
// its rows at a time, as there are registers for no more sums in f16 beside those in f32.
namespace dejavid::kernels::cuda {
namespace {

constexpr int kPanel = static_cast<int>(kPanelWidth);
constexpr int kStage = static_cast<int>(kHalfFeatureStage) / 2;  ///< pairs of features
constexpr int kThreadRows = 8, kThreadColumns = 8, kRowPart = 4;
constexpr int kWarpRows = 32, kWarpColumns = 64;  ///< 4 x 8 threads
constexpr int kPiece = 4;                         ///< half2 of an asynchronous copy of 16 bytes

/// 64 x Panels*64 elements a block.
template <int Panels>
struct Tile {
  static constexpr int kColumns = Panels * kPanel;
  static constexpr int kThreads = kPanel * kColumns / (kThreadRows * kThreadColumns);
  static constexpr int kStageNumbers = kStage * (2 * kPanel + kColumns);  ///< half2
  static constexpr std::size_t kSharedBytes = 2 * kStageNumbers * sizeof(__half2);
};

/// A stage in shared memory, as in the packed arrays: [kStage][centroids of 64 rows, weights of 64 rows], then
/// [panel][kStage][64 columns]. All pointers are to this thread's first piece.
template <int Panels>
__device__ __forceinline__ void copy_stage(const __half2* parameters, const __half2* samples, int panel_pairs,
                                           __half2* stage) {
  constexpr int kPieces = Tile<Panels>::kThreads * kPiece;
  constexpr int kParameterNumbers = kStage * 2 * kPanel, kSampleNumbers = kStage * kPanel;
#pragma unroll
  for (int first = 0; first < kParameterNumbers; first += kPieces) {
    __pipeline_memcpy_async(stage + first, parameters + first, 16);
  }
#pragma unroll
  for (int panel = 0; panel < Panels; ++panel) {
#pragma unroll
    for (int first = 0; first < kSampleNumbers; first += kPieces) {
      __pipeline_memcpy_async(stage + kParameterNumbers + panel * kSampleNumbers + first,
                              samples + panel * panel_pairs * kPanel + first, 16);
    }
  }
  __pipeline_commit();
}

/// Pairs of features of four neighbouring rows or columns.
struct alignas(16) Four {
  __half2 value[4];
};

__device__ __forceinline__ Four load_four(const __half2* numbers) {
  return *reinterpret_cast<const Four*>(numbers);
}

template <int Panels>
__global__ void __launch_bounds__(Tile<Panels>::kThreads, Panels == 2 ? 3 : 6)
    half_cost_kernel(const __half2* __restrict__ parameters, const __half2* __restrict__ samples, int stages,
                     std::int64_t total_steps, std::int64_t stride, float* __restrict__ cost) {
  using T = Tile<Panels>;
  __half2* const shared = dynamic_shared<__half2>();
  const int thread = static_cast<int>(threadIdx.x), panel_pairs = stages * kStage;
  parameters += static_cast<std::int64_t>(blockIdx.x) * panel_pairs * 2 * kPanel + thread * kPiece;
  samples += static_cast<std::int64_t>(blockIdx.y) * Panels * panel_pairs * kPanel + thread * kPiece;

  const int warp = thread / kWarp, lane = thread % kWarp;
  const int row = warp % (kPanel / kWarpRows) * kWarpRows + lane / 8 * 4;
  const int panel = warp / (kPanel / kWarpRows), column = lane % 8 * 4;

  float sum[kThreadColumns][kThreadRows] = {};
  copy_stage<Panels>(parameters, samples, panel_pairs, shared + thread * kPiece);
  for (int s = 0; s < stages; ++s) {
    const int stage = s % 2 * T::kStageNumbers, next = T::kStageNumbers - stage;
    __pipeline_wait_prior(0);
    __syncthreads();  // this stage is there, and nobody reads the other any more
    if (s + 1 < stages) {
      parameters += kStage * 2 * kPanel;
      samples += kStage * kPanel;
      copy_stage<Panels>(parameters, samples, panel_pairs, shared + next + thread * kPiece);
    }
    const __half2* const row_numbers = shared + stage + row;
    const __half2* const column_numbers = shared + stage + (2 + panel) * kStage * kPanel + column;
#pragma unroll
    for (int part = 0; part < kThreadRows / kRowPart; ++part) {
      const __half2* const part_numbers = row_numbers + part * (kWarpRows / 2);
      __half2 stage_sum[kThreadColumns][kRowPart] = {};
#pragma unroll 4
      for (int k = 0; k < kStage; ++k) {
        const Four centroid = load_four(part_numbers + 2 * k * kPanel);
        const Four weight = load_four(part_numbers + (2 * k + 1) * kPanel);
        const Four m[2] = {load_four(column_numbers + k * kPanel),
                           load_four(column_numbers + k * kPanel + kWarpColumns / 2)};
#pragma unroll
        for (int j = 0; j < kThreadColumns; ++j) {
#pragma unroll
          for (int i = 0; i < kRowPart; ++i) {
            const __half2 distance = __habs2(__hsub2(centroid.value[i], m[j / 4].value[j % 4]));
            stage_sum[j][i] = __hfma2(weight.value[i], distance, stage_sum[j][i]);
          }
        }
      }
#pragma unroll
      for (int j = 0; j < kThreadColumns; ++j) {
#pragma unroll
        for (int i = 0; i < kRowPart; ++i) {
          const float2 halves = __half22float2(stage_sum[j][i]);
          sum[j][part * kRowPart + i] += halves.x + halves.y;
        }
      }
    }
  }

  cost += static_cast<std::int64_t>(blockIdx.x) * kPanel + row;
#pragma unroll
  for (int j = 0; j < kThreadColumns; ++j) {
    const std::int64_t at = static_cast<std::int64_t>(blockIdx.y) * T::kColumns + panel * kPanel + column +
                            j / 4 * (kWarpColumns / 2) + j % 4;
    if (at >= total_steps) continue;
    float* const element = cost + at * stride;
    *reinterpret_cast<float4*>(element) = make_float4(sum[j][0], sum[j][1], sum[j][2], sum[j][3]);
    *reinterpret_cast<float4*>(element + kWarpRows / 2) = make_float4(sum[j][4], sum[j][5], sum[j][6], sum[j][7]);
  }
}

template <int Panels>
void launch_cost(const HalfPackedParameters& parameters, const void* packed_samples, std::int64_t total_steps,
                 float* cost, Stream stream) {
  using T = Tile<Panels>;
  const std::int64_t rows = parameters.classes * parameters.steps;
  launch("half_cost", half_cost_kernel<Panels>,
         grid(divide_up<std::int64_t>(rows, kPanel), divide_up<std::int64_t>(total_steps, T::kColumns)), T::kThreads,
         T::kSharedBytes, stream, static_cast<const __half2*>(parameters.pairs),
         static_cast<const __half2*>(packed_samples),
         static_cast<int>(divide_up(parameters.feature_dim, kHalfFeatureStage)), total_steps,
         cost_stride(parameters.classes, parameters.steps), cost);
}

// ------------------------------------------------------------------------------------------------------------ packing

constexpr int kPackThreads = 256, kGroups = kPackThreads / kWarp;

struct Arrays {
  __half2* pairs;
  float *shifts, *scales, *class_factors;
};

Arrays carve(Workspace& workspace, std::int64_t classes, std::int64_t steps, std::int64_t feature_dim) {
  const std::int64_t features = padded_to(feature_dim, kHalfFeatureStage);
  return {workspace.request<__half2>(padded_to(classes * steps, kTileWidth) * features),
          workspace.request<float>(feature_dim), workspace.request<float>(feature_dim),
          workspace.request<float>(classes)};
}

/// The power of two that makes `value` at least 1/2 and less than 1; 1 where there is none in f32.
__device__ __forceinline__ float normalising_factor(float value) {
  constexpr int kMostExponent = 100;
  if (!(value > 0.0F) || !isfinite(value)) return 1.0F;
  int exponent = 0;
  frexpf(value, &exponent);
  return ldexpf(1.0F, -max(-kMostExponent, min(kMostExponent, exponent)));
}

/// Sums of the groups of threads that share a lane, in the order of the groups.
__device__ __forceinline__ double sum_over_groups(double value, double (&shared)[kGroups][kWarp], int group, int lane) {
  __syncthreads();  // what was there has been read
  shared[group][lane] = value;
  __syncthreads();
  double sum = 0;
  for (int g = 0; g < kGroups; ++g) sum += shared[g][lane];
  return sum;
}

/// A block has 32 features; its groups of 32 threads share the rows [C*K].
__global__ void __launch_bounds__(kPackThreads)
    feature_scales_kernel(const float* __restrict__ centroids, std::int64_t rows, std::int64_t feature_dim,
                          float* __restrict__ shifts, float* __restrict__ scales) {
  __shared__ double shared[kGroups][kWarp];
  const int lane = static_cast<int>(threadIdx.x) % kWarp, group = static_cast<int>(threadIdx.x) / kWarp;
  const std::int64_t feature = static_cast<std::int64_t>(blockIdx.x) * kWarp + lane;
  const bool inside = feature < feature_dim;
  double sum = 0;
  for (std::int64_t row = group; inside && row < rows; row += kGroups) sum += centroids[row * feature_dim + feature];
  const double mean = sum_over_groups(sum, shared, group, lane) / static_cast<double>(rows);
  double spread = 0;
  for (std::int64_t row = group; inside && row < rows; row += kGroups) {
    spread += fabs(centroids[row * feature_dim + feature] - mean);
  }
  spread = sum_over_groups(spread, shared, group, lane) / static_cast<double>(rows);
  if (group != 0 || !inside) return;
  const float scale = normalising_factor(static_cast<float>(spread));
  const float shift = rintf(static_cast<float>(mean) * scale) / scale;
  scales[feature] = scale;
  shifts[feature] = isfinite(shift) ? shift : 0.0F;
}

/// A block a class.
__global__ void __launch_bounds__(kPackThreads)
    class_factors_kernel(const float* __restrict__ weights, const float* __restrict__ scales, std::int64_t steps,
                         std::int64_t feature_dim, float* __restrict__ class_factors) {
  __shared__ float shared[kPackThreads];
  const std::int64_t c = blockIdx.x;
  float largest = 0.0F;
  for (std::int64_t i = 0; i < steps; ++i) {
    for (std::int64_t f = threadIdx.x; f < feature_dim; f += kPackThreads) {
      largest = fmaxf(largest, weights[(c * steps + i) * feature_dim + f] / scales[f]);
    }
  }
  shared[threadIdx.x] = largest;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int t = 1; t < kPackThreads; ++t) largest = fmaxf(largest, shared[t]);
  class_factors[c] = normalising_factor(largest);
}

/// Not a number becomes the lower bound.
__device__ __forceinline__ float within(float value, float low, float high) {
  return fminf(fmaxf(value, low), high);
}

__device__ __forceinline__ float scaled(float value, float shift, float scale) {
  return within((value - shift) * scale, -kHalfLimit, kHalfLimit);
}

__global__ void __launch_bounds__(kPackThreads)
    pack_half_parameters_kernel(const float* __restrict__ centroids, const float* __restrict__ weights,
                                const float* __restrict__ shifts, const float* __restrict__ scales,
                                const float* __restrict__ class_factors, std::int64_t classes, std::int64_t steps,
                                std::int64_t feature_dim, std::int64_t padded_features, __half2* __restrict__ packed) {
  // A block turns 32 rows by 32 features; neighbouring threads read neighbouring features and write neighbouring rows.
  __shared__ float turned[2][kWarp][kWarp + 1];
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.x) * kWarp;
  const std::int64_t first_feature = static_cast<std::int64_t>(blockIdx.y) * kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, group = static_cast<int>(threadIdx.x) / kWarp;
  for (int r = group; r < kWarp; r += kGroups) {
    const std::int64_t row = first_row + r, feature = first_feature + lane, c = row % classes;  // row = i*C + c
    float centroid = 0.0F, weight = 0.0F;
    if (row < classes * steps && feature < feature_dim) {
      const std::int64_t at = (c * steps + row / classes) * feature_dim + feature;
      centroid = scaled(centroids[at], shifts[feature], scales[feature]);
      weight = within(weights[at] / scales[feature] * class_factors[c], 0.0F, 1.0F);
    }
    turned[0][r][lane] = centroid;
    turned[1][r][lane] = weight;
  }
  __syncthreads();
  __half2* const panel = packed + first_row / kPanel * padded_features * kPanel + first_row % kPanel;
  for (int f = 2 * group; f < kWarp; f += 2 * kGroups) {
    const std::int64_t pair = (first_feature + f) / 2;
    panel[2 * pair * kPanel + lane] = __floats2half2_rn(turned[0][lane][f], turned[0][lane][f + 1]);
    panel[(2 * pair + 1) * kPanel + lane] = __floats2half2_rn(turned[1][lane][f], turned[1][lane][f + 1]);
  }
}

template <typename Feature>
__global__ void __launch_bounds__(kPackThreads)
    pack_half_samples_kernel(const Feature* __restrict__ features, const std::int64_t* __restrict__ first_rows,
                             const std::int32_t* __restrict__ offsets, int count, std::int64_t feature_dim,
                             std::int64_t stride, std::int64_t padded_features, const float* __restrict__ shifts,
                             const float* __restrict__ scales, __half2* __restrict__ packed) {
  __shared__ float turned[kWarp][kWarp + 1];
  const std::int64_t first_column = static_cast<std::int64_t>(blockIdx.x) * kWarp;
  const std::int64_t first_feature = static_cast<std::int64_t>(blockIdx.y) * kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, group = static_cast<int>(threadIdx.x) / kWarp;
  for (int k = group; k < kWarp; k += kGroups) {
    const std::int64_t column = first_column + k, feature = first_feature + lane;
    float value = 0.0F;
    if (column < offsets[count] && feature < feature_dim) {
      const std::int64_t row = row_of_column(first_rows, offsets, count, column);
      value = scaled(feature_at(features + row * stride, feature), shifts[feature], scales[feature]);
    }
    turned[k][lane] = value;
  }
  __syncthreads();
  __half2* const panel = packed + first_column / kPanel * (padded_features / 2) * kPanel + first_column % kPanel;
  for (int f = 2 * group; f < kWarp; f += 2 * kGroups) {
    panel[(first_feature + f) / 2 * kPanel + lane] = __floats2half2_rn(turned[lane][f], turned[lane][f + 1]);
  }
}

}  // namespace

std::size_t half_packed_parameter_bytes(std::int64_t classes, std::int64_t steps, std::int64_t feature_dim) {
  Workspace sizing(nullptr);
  carve(sizing, classes, steps, feature_dim);
  return sizing.required_bytes();
}

HalfPackedParameters pack_half_parameters(const ParametersView<float>& parameters, std::byte* packed, Stream stream) {
  static_assert(kHalfFeatureStage % kWarp == 0 && kTileWidth % kPanelWidth == 0);
  Workspace arena(packed);
  const std::int64_t classes = parameters.classes, steps = parameters.steps, feature_dim = parameters.feature_dim;
  const Arrays arrays = carve(arena, classes, steps, feature_dim);
  launch("feature_scales", feature_scales_kernel, grid(divide_up<std::int64_t>(feature_dim, kWarp)), kPackThreads, 0,
         stream, parameters.centroids, classes * steps, feature_dim, arrays.shifts, arrays.scales);
  launch("class_factors", class_factors_kernel, grid(classes), kPackThreads, 0, stream, parameters.weights,
         arrays.scales, steps, feature_dim, arrays.class_factors);
  const std::int64_t features = padded_to(feature_dim, kHalfFeatureStage);
  launch("pack_half_parameters", pack_half_parameters_kernel,
         grid(padded_to(classes * steps, kTileWidth) / kWarp, features / kWarp), kPackThreads, 0, stream,
         parameters.centroids, parameters.weights, arrays.shifts, arrays.scales, arrays.class_factors, classes, steps,
         feature_dim, features, arrays.pairs);
  return {arrays.pairs, arrays.shifts, arrays.scales, arrays.class_factors, classes, steps, feature_dim};
}

void pack_half_samples(const HalfPackedParameters& parameters, const Samples& samples, void* packed, Stream stream) {
  const std::int64_t features = padded_to(samples.feature_dim, kHalfFeatureStage);
  with_feature_type(samples.type, [&](auto* type) {
    using Feature = std::remove_cv_t<std::remove_pointer_t<decltype(type)>>;
    launch("pack_half_samples", pack_half_samples_kernel<Feature>,
           grid(padded_to(samples.total_steps, kTileWidth) / kWarp, features / kWarp), kPackThreads, 0, stream,
           static_cast<const Feature*>(samples.features), samples.first_rows, samples.offsets,
           static_cast<int>(samples.count), samples.feature_dim, feature_stride(samples.feature_dim), features,
           parameters.shifts, parameters.scales, static_cast<__half2*>(packed));
  });
}

void cost_matrices(const HalfPackedParameters& parameters, const void* packed_samples, std::int64_t total_steps,
                   float* cost, Stream stream) {
  // Large tiles need fewer loads an element; small ones keep more of the GPU busy where there are few.
  constexpr std::int64_t kEnoughTiles = 256;
  const std::int64_t rows = parameters.classes * parameters.steps;
  if (divide_up(rows, kPanelWidth) * divide_up(total_steps, 2 * kPanelWidth) >= kEnoughTiles) {
    launch_cost<2>(parameters, packed_samples, total_steps, cost, stream);
  } else {
    launch_cost<1>(parameters, packed_samples, total_steps, cost, stream);
  }
}

}  // namespace dejavid::kernels::cuda
