#include "kernels/cost.hpp"
#include "kernels/cuda/cost_tile.cuh"
#include "kernels/cuda/device.cuh"

namespace alignment::kernels::cuda {
namespace {

constexpr int kPanel = static_cast<int>(kPanelWidth);

/// FADD and FFMA with |.|; a word is one feature.
struct FloatArithmetic {
  using Word = float;
  using Sum = float;
  static __device__ __forceinline__ float add(float sum, float centroid, float weight, float m) {
    return fmaf(weight, fabsf(centroid - m), sum);
  }
  static __device__ __forceinline__ float cost(float sum) { return sum; }
};

template <int Panels>
__global__ void __launch_bounds__(CostTile<Panels>::kThreads, CostTile<Panels>::kBlocks)
    cost_kernel(const float* __restrict__ parameters, const float* __restrict__ samples, int stages,
                std::int64_t total_steps, std::int64_t stride, float* __restrict__ cost) {
  compute_cost_tile<FloatArithmetic, Panels>(parameters, samples, stages, total_steps, stride, cost);
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
  launch_cost<float>("cost", cost_kernel<2>, cost_kernel<1>, parameters.data, packed_samples, parameters.feature_dim,
                     parameters.classes * parameters.steps, total_steps,
                     cost_stride(parameters.classes, parameters.steps), cost, stream);
}

}  // namespace alignment::kernels::cuda
