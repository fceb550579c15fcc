#include "kernels/cuda/device.cuh"
#include "kernels/slope.hpp"

namespace alignment::kernels::cuda {
namespace {

constexpr int kThreads = 256;

__device__ __forceinline__ float widen(float value) {
  return value;
}
__device__ __forceinline__ float widen(__half value) {
  return __half2float(value);
}

/// A thread a number of the rows to be.
template <typename Feature>
__global__ void place_with_slopes_kernel(const Feature* __restrict__ rows, std::int64_t length,
                                         std::int64_t feature_dim, std::int64_t window, std::int64_t stride,
                                         float* __restrict__ features) {
  const std::int64_t n = global_thread();
  if (n >= length * stride) return;
  const std::int64_t t = n / stride, column = n % stride;
  float value = 0.0F;
  if (column < feature_dim) {
    value = widen(rows[t * feature_dim + column]);
  } else if (column < 2 * feature_dim) {
    const std::int64_t f = column - feature_dim;
    const std::int64_t after = t + window < length ? t + window : length - 1;
    const std::int64_t before = t > window ? t - window : 0;
    const float rise = __fsub_rn(widen(rows[after * feature_dim + f]), widen(rows[before * feature_dim + f]));
    value = __fdiv_rn(rise, static_cast<float>(2 * window));
  }
  features[n] = value;
}

}  // namespace

void place_with_slopes(const void* rows, FeatureType type, std::int64_t length, std::int64_t feature_dim,
                       float* features, std::int64_t first_row, Stream stream) {
  const std::int64_t stride = feature_stride(2 * feature_dim);
  with_feature_type(type, [&](auto* example) {
    using Feature = std::remove_const_t<std::remove_pointer_t<decltype(example)>>;
    launch("place_with_slopes", place_with_slopes_kernel<Feature>,
           grid(divide_up<std::int64_t>(length * stride, kThreads)), kThreads, 0, stream,
           static_cast<const Feature*>(rows), length, feature_dim, slope_window(length), stride,
           features + first_row * stride);
  });
}

}  // namespace alignment::kernels::cuda
