#include "kernels/slope_intercept.hpp"

#include "kernels/cuda/device.cuh"

namespace alignment::kernels::cuda {
namespace {

constexpr int kThreads = 128;

/// A block a sample, class and centroid step; a thread a feature.
template <typename Feature>
__global__ void __launch_bounds__(kThreads)
    slope_intercept_kernel(const float* __restrict__ centroids, const Feature* __restrict__ features,
                           const std::int64_t* __restrict__ first_rows, const std::int32_t* __restrict__ offsets,
                           const std::int32_t* __restrict__ breakpoints, int classes, int steps,
                           std::int64_t feature_dim, std::int64_t stride, float tie, float* __restrict__ slope,
                           float* __restrict__ intercept) {
  const std::int64_t path = blockIdx.x / static_cast<unsigned>(steps);
  const int i = static_cast<int>(blockIdx.x % static_cast<unsigned>(steps));
  const std::int64_t b = path / classes, c = path % classes;
  const Columns columns = columns_of(breakpoints + path * (steps - 1), i, steps, offsets[b + 1] - offsets[b]);
  const Feature* const sample = features + first_rows[b] * stride;
  const std::int64_t row = (path * steps + i) * feature_dim, parameter = (c * steps + i) * feature_dim;
  for (std::int64_t f = threadIdx.x; f < feature_dim; f += kThreads) {
    const float centroid = centroids[parameter + f];
    float signs = 0.0F, signed_sum = 0.0F;
    for (int j = columns.first; j <= columns.last; ++j) {
      const float m = feature_at(sample + j * stride, f);
      const float sign = centroid > m ? 1.0F : (centroid < m ? -1.0F : tie);
      signs += sign;
      signed_sum = fmaf(-sign, m, signed_sum);
    }
    slope[row + f] = signs;
    intercept[row + f] = signed_sum;
  }
}

}  // namespace

void slope_intercept(const ParametersView<float>& parameters, const Samples& samples, const std::int32_t* breakpoints,
                     TieSign tie_sign, float* slope, float* intercept, Stream stream) {
  with_feature_type(samples.type, [&](auto* example) {
    using Feature = std::remove_const_t<std::remove_pointer_t<decltype(example)>>;
    launch("slope_intercept", slope_intercept_kernel<Feature>,
           grid(samples.count * parameters.classes * parameters.steps), kThreads, 0, stream, parameters.centroids,
           static_cast<const Feature*>(samples.features), samples.first_rows, samples.offsets, breakpoints,
           static_cast<int>(parameters.classes), static_cast<int>(parameters.steps), samples.feature_dim,
           feature_stride(samples.feature_dim), tie_sign == TieSign::kZero ? 0.0F : -1.0F, slope, intercept);
  });
}

}  // namespace alignment::kernels::cuda
