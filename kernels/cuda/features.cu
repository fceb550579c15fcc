#include "kernels/cuda/device.cuh"

namespace alignment::kernels::cuda {
namespace {

constexpr int kThreads = 256;

__device__ __forceinline__ void clear(float* destination) {
  *destination = 0.0F;
}
__device__ __forceinline__ void clear(__half* destination) {
  *destination = __float2half_rn(0.0F);
}

template <typename Feature>
__global__ void place_features_kernel(const Feature* __restrict__ rows, std::int64_t count, std::int64_t feature_dim,
                                      std::int64_t stride, Feature* __restrict__ features) {
  const std::int64_t n = global_thread();
  if (n >= count * stride) return;
  const std::int64_t row = n / stride, f = n % stride;
  if (f < feature_dim) {
    features[n] = rows[row * feature_dim + f];
  } else {
    clear(features + n);
  }
}

__global__ void exponentiate_kernel(const float* __restrict__ log_weights, std::int64_t count,
                                    float* __restrict__ weights) {
  const std::int64_t n = global_thread();
  if (n < count) weights[n] = expf(log_weights[n]);
}

}  // namespace

void place_features(const void* rows, std::int64_t count, std::int64_t feature_dim, void* features, FeatureType type,
                    std::int64_t first_row, Stream stream) {
  const std::int64_t stride = feature_stride(feature_dim);
  with_feature_type(type, [&](auto* example) {
    using Feature = std::remove_const_t<std::remove_pointer_t<decltype(example)>>;
    launch("place_features", place_features_kernel<Feature>, grid(divide_up<std::int64_t>(count * stride, kThreads)),
           kThreads, 0, stream, static_cast<const Feature*>(rows), count, feature_dim, stride,
           static_cast<Feature*>(features) + first_row * stride);
  });
}

void exponentiate(const float* log_weights, std::int64_t count, float* weights, Stream stream) {
  launch("exponentiate", exponentiate_kernel, grid(divide_up<std::int64_t>(count, kThreads)), kThreads, 0, stream,
         log_weights, count, weights);
}

}  // namespace alignment::kernels::cuda
