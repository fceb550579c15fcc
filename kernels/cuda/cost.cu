#include "kernels/cost.hpp"
#include "kernels/cuda/device.cuh"

// A product of matrices in which u*|c - m| takes the place of the multiplication: rows are centroid steps of classes,
// columns are steps of samples, the sum runs over features. Two instructions an element, FADD and FFMA with |.|, is
// the least there is, and every other instruction costs one of theirs: hence an 8x8 tile in each thread's registers,
// fed with 16-byte loads from shared memory, which asynchronous copies fill for the features after next meanwhile.
namespace dejavid::kernels::cuda {
namespace {

constexpr int kPanel = static_cast<int>(kPanelWidth), kStage = static_cast<int>(kFeatureStage);
constexpr int kThreadRows = 8, kThreadColumns = 8;
constexpr int kWarpRows = 32, kWarpColumns = 64;  ///< 4 x 8 threads

/// Panels x Panels of 64 x 64 elements a block.
template <int Panels>
struct Tile {
  static constexpr int kRows = Panels * kPanel, kColumns = Panels * kPanel;
  static constexpr int kThreads = kRows * kColumns / (kThreadRows * kThreadColumns);
  static constexpr int kParameterPieces = Panels * kStage * 2 * kPanel / 4;  ///< of 16 bytes, a stage
  static constexpr int kSamplePieces = Panels * kStage * kPanel / 4;
  static constexpr int kStageFloats = kStage * (2 * kRows + kColumns);
  static constexpr std::size_t kSharedBytes = 2 * kStageFloats * sizeof(float);
};

/// A stage in shared memory: [kStage][centroids of kRows, weights of kRows], then [kStage][kColumns]. `parameters`,
/// `samples` and `stage` already point at this thread's first pieces; the others are a constant further.
template <int Panels>
__device__ __forceinline__ void copy_stage(const float* parameters, const float* samples, int panel_features,
                                           float* parameter_stage, float* sample_stage) {
  using T = Tile<Panels>;
  constexpr int kParametersOfPanel = T::kParameterPieces / Panels, kSamplesOfPanel = T::kSamplePieces / Panels;
#pragma unroll
  for (int first = 0; first < T::kParameterPieces; first += T::kThreads) {
    const int panel = first / kParametersOfPanel, inner = first % kParametersOfPanel;
    __pipeline_memcpy_async(parameter_stage + 2 * inner / (kPanel / 2) * T::kRows + panel * kPanel,
                            parameters + panel * panel_features * 2 * kPanel + inner * 4, 16);
  }
#pragma unroll
  for (int first = 0; first < T::kSamplePieces; first += T::kThreads) {
    const int panel = first / kSamplesOfPanel, inner = first % kSamplesOfPanel;
    __pipeline_memcpy_async(sample_stage + inner / (kPanel / 4) * T::kColumns + panel * kPanel,
                            samples + panel * panel_features * kPanel + inner * 4, 16);
  }
  __pipeline_commit();
}

struct Eight {
  float value[8];
};

/// Two groups of four numbers, `apart` from each other.
__device__ __forceinline__ Eight load_eight(const float* numbers, int apart) {
  const float4 low = *reinterpret_cast<const float4*>(numbers);
  const float4 high = *reinterpret_cast<const float4*>(numbers + apart);
  return {{low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w}};
}

template <int Panels>
__global__ void __launch_bounds__(Tile<Panels>::kThreads, Panels == 2 ? 2 : 4)
    cost_kernel(const float* __restrict__ parameters, const float* __restrict__ samples, int stages,
                std::int64_t total_steps, std::int64_t stride, float* __restrict__ cost) {
  using T = Tile<Panels>;
  float* const shared = dynamic_shared<float>();
  const int thread = static_cast<int>(threadIdx.x), panel_features = stages * kStage;
  parameters += static_cast<std::int64_t>(blockIdx.x) * Panels * panel_features * 2 * kPanel + thread * 4;
  samples += static_cast<std::int64_t>(blockIdx.y) * Panels * panel_features * kPanel + thread * 4;
  // Where this thread's first pieces of 16 bytes go.
  float* const parameter_stage =
      shared + (2 * (thread / (kPanel / 2)) + thread / (kPanel / 4) % 2) * T::kRows + thread % (kPanel / 4) * 4;
  float* const sample_stage =
      shared + 2 * kStage * T::kRows + thread / (kPanel / 4) * T::kColumns + thread % (kPanel / 4) * 4;

  const int warp = thread / kWarp, lane = thread % kWarp;
  const int row = warp % (T::kRows / kWarpRows) * kWarpRows + lane / 8 * 4;
  const int column = warp / (T::kRows / kWarpRows) * kWarpColumns + lane % 8 * 4;

  float sum[kThreadColumns][kThreadRows] = {};
  copy_stage<Panels>(parameters, samples, panel_features, parameter_stage, sample_stage);
  for (int s = 0; s < stages; ++s) {
    const int stage = s % 2 * T::kStageFloats, next = T::kStageFloats - stage;
    __pipeline_wait_prior(0);
    __syncthreads();  // this stage is there, and nobody reads the other any more
    if (s + 1 < stages) {
      parameters += kStage * 2 * kPanel;
      samples += kStage * kPanel;
      copy_stage<Panels>(parameters, samples, panel_features, parameter_stage + next, sample_stage + next);
    }
    const float* const row_numbers = shared + stage + row;
    const float* const column_numbers = shared + stage + 2 * kStage * T::kRows + column;
#pragma unroll 4
    for (int feature = 0; feature < kStage; ++feature) {
      const Eight centroid = load_eight(row_numbers + 2 * feature * T::kRows, kWarpRows / 2);
      const Eight weight = load_eight(row_numbers + (2 * feature + 1) * T::kRows, kWarpRows / 2);
      const Eight m = load_eight(column_numbers + feature * T::kColumns, kWarpColumns / 2);
#pragma unroll
      for (int j = 0; j < kThreadColumns; ++j) {
#pragma unroll
        for (int i = 0; i < kThreadRows; ++i) {
          sum[j][i] = fmaf(weight.value[i], fabsf(centroid.value[i] - m.value[j]), sum[j][i]);
        }
      }
    }
  }

  cost += static_cast<std::int64_t>(blockIdx.x) * T::kRows + row;
#pragma unroll
  for (int j = 0; j < kThreadColumns; ++j) {
    const std::int64_t at =
        static_cast<std::int64_t>(blockIdx.y) * T::kColumns + column + j / 4 * (kWarpColumns / 2) + j % 4;
    if (at >= total_steps) continue;
    float* const element = cost + at * stride;
    *reinterpret_cast<float4*>(element) = make_float4(sum[j][0], sum[j][1], sum[j][2], sum[j][3]);
    *reinterpret_cast<float4*>(element + kWarpRows / 2) = make_float4(sum[j][4], sum[j][5], sum[j][6], sum[j][7]);
  }
}

template <int Panels>
void launch_cost(const PackedParameters& parameters, const float* packed_samples, std::int64_t total_steps, float* cost,
                 Stream stream) {
  using T = Tile<Panels>;
  const std::int64_t rows = parameters.classes * parameters.steps;
  launch("cost", cost_kernel<Panels>,
         grid(divide_up<std::int64_t>(rows, T::kRows), divide_up<std::int64_t>(total_steps, T::kColumns)), T::kThreads,
         T::kSharedBytes, stream, parameters.data, packed_samples,
         static_cast<int>(divide_up(parameters.feature_dim, kFeatureStage)), total_steps,
         cost_stride(parameters.classes, parameters.steps), cost);
}

__global__ void pack_parameters_kernel(const float* __restrict__ centroids, const float* __restrict__ weights,
                                       std::int64_t classes, std::int64_t steps, std::int64_t feature_dim,
                                       std::int64_t padded_features, float* __restrict__ packed) {
  // A block turns 32 rows by 32 features; neighbouring threads read neighbouring features and write neighbouring rows.
  __shared__ float turned[2][kWarp][kWarp + 1];
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.x) * kWarp;
  const std::int64_t first_feature = static_cast<std::int64_t>(blockIdx.y) * kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, group = static_cast<int>(threadIdx.x) / kWarp;
  const int groups = static_cast<int>(blockDim.x) / kWarp;
  for (int r = group; r < kWarp; r += groups) {
    const std::int64_t row = first_row + r, feature = first_feature + lane;
    const bool inside = row < classes * steps && feature < feature_dim;
    const std::int64_t at = (row % classes * steps + row / classes) * feature_dim + feature;  // row = i*C + c
    turned[0][r][lane] = inside ? centroids[at] : 0.0F;
    turned[1][r][lane] = inside ? weights[at] : 0.0F;
  }
  __syncthreads();
  float* const panel = packed + first_row / kPanel * padded_features * 2 * kPanel + first_row % kPanel;
  for (int f = group; f < kWarp; f += groups) {
    const std::int64_t feature = first_feature + f;
    if (feature >= padded_features) continue;
    panel[2 * feature * kPanel + lane] = turned[0][lane][f];
    panel[(2 * feature + 1) * kPanel + lane] = turned[1][lane][f];
  }
}

template <typename Feature>
__global__ void pack_samples_kernel(const Feature* __restrict__ features, const std::int64_t* __restrict__ first_rows,
                                    const std::int32_t* __restrict__ offsets, int count, std::int64_t feature_dim,
                                    std::int64_t stride, std::int64_t padded_features, float* __restrict__ packed) {
  __shared__ float turned[kWarp][kWarp + 1];
  const std::int64_t first_column = static_cast<std::int64_t>(blockIdx.x) * kWarp;
  const std::int64_t first_feature = static_cast<std::int64_t>(blockIdx.y) * kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, group = static_cast<int>(threadIdx.x) / kWarp;
  const int groups = static_cast<int>(blockDim.x) / kWarp;
  for (int k = group; k < kWarp; k += groups) {
    const std::int64_t column = first_column + k, feature = first_feature + lane;
    float value = 0.0F;
    if (column < offsets[count] && feature < feature_dim) {
      value = feature_at(features + row_of_column(first_rows, offsets, count, column) * stride, feature);
    }
    turned[k][lane] = value;
  }
  __syncthreads();
  float* const panel = packed + first_column / kPanel * padded_features * kPanel + first_column % kPanel;
  for (int f = group; f < kWarp; f += groups) {
    const std::int64_t feature = first_feature + f;
    if (feature < padded_features) panel[feature * kPanel + lane] = turned[lane][f];
  }
}

}  // namespace

PackedParameters pack_parameters(const ParametersView<float>& parameters, float* packed, Stream stream) {
  const std::int64_t features = padded_to(parameters.feature_dim, kFeatureStage);
  const std::int64_t rows = padded_to(parameters.classes * parameters.steps, kTileWidth);
  launch("pack_parameters", pack_parameters_kernel, grid(rows / kWarp, divide_up<std::int64_t>(features, kWarp)), 256,
         0, stream, parameters.centroids, parameters.weights, parameters.classes, parameters.steps,
         parameters.feature_dim, features, packed);
  return {packed, parameters.classes, parameters.steps, parameters.feature_dim};
}

void pack_samples(const Samples& samples, float* packed, Stream stream) {
  const std::int64_t features = padded_to(samples.feature_dim, kFeatureStage);
  const std::int64_t columns = padded_to(samples.total_steps, kTileWidth);
  with_feature_type(samples.type, [&](auto* type) {
    using Feature = std::remove_cv_t<std::remove_pointer_t<decltype(type)>>;
    launch("pack_samples", pack_samples_kernel<Feature>,
           grid(columns / kWarp, divide_up<std::int64_t>(features, kWarp)), 256, 0, stream,
           static_cast<const Feature*>(samples.features), samples.first_rows, samples.offsets,
           static_cast<int>(samples.count), samples.feature_dim, feature_stride(samples.feature_dim), features, packed);
  });
}

void cost_matrices(const PackedParameters& parameters, const float* packed_samples, std::int64_t total_steps,
                   float* cost, Stream stream) {
  // Large tiles need fewer loads an element; small ones keep more of the GPU busy where there are few.
  constexpr std::int64_t kEnoughTiles = 128;
  const std::int64_t rows = parameters.classes * parameters.steps;
  if (divide_up(rows, kTileWidth) * divide_up(total_steps, kTileWidth) >= kEnoughTiles) {
    launch_cost<2>(parameters, packed_samples, total_steps, cost, stream);
  } else {
    launch_cost<1>(parameters, packed_samples, total_steps, cost, stream);
  }
}

}  // namespace dejavid::kernels::cuda
