#include "kernels/barycenter.hpp"

#include "kernels/cuda/device.cuh"

namespace alignment::kernels::cuda {
namespace {

constexpr int kThreads = 128;

/// A block a centroid step and kThreads features, a thread a feature.
template <typename Feature>
__global__ void __launch_bounds__(kThreads)
    barycenter_kernel(const Feature* __restrict__ features, const std::int64_t* __restrict__ first_rows,
                      const std::int32_t* __restrict__ offsets, const std::int32_t* __restrict__ breakpoints, int count,
                      int steps, std::int64_t feature_dim, std::int64_t stride, float* __restrict__ centroid) {
  const std::int64_t f = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const int i = static_cast<int>(blockIdx.y);
  if (f >= feature_dim) return;
  double sum = 0.0;
  std::int64_t aligned = 0;
  for (int b = 0; b < count; ++b) {
    const Columns columns =
        columns_of(breakpoints + static_cast<std::int64_t>(b) * (steps - 1), i, steps, offsets[b + 1] - offsets[b]);
    const Feature* const sample = features + first_rows[b] * stride;
    for (int j = columns.first; j <= columns.last; ++j) {
      sum += static_cast<double>(feature_at(sample + j * stride, f));
    }
    aligned += columns.last - columns.first + 1;
  }
  centroid[i * feature_dim + f] = static_cast<float>(sum / static_cast<double>(aligned));
}

}  // namespace

void barycenter(const Samples& samples, const std::int32_t* breakpoints, std::int64_t steps, float* centroid,
                Stream stream) {
  with_feature_type(samples.type, [&](auto* example) {
    using Feature = std::remove_const_t<std::remove_pointer_t<decltype(example)>>;
    launch("barycenter", barycenter_kernel<Feature>,
           grid(divide_up<std::int64_t>(samples.feature_dim, kThreads), steps), kThreads, 0, stream,
           static_cast<const Feature*>(samples.features), samples.first_rows, samples.offsets, breakpoints,
           static_cast<int>(samples.count), static_cast<int>(steps), samples.feature_dim,
           feature_stride(samples.feature_dim), centroid);
  });
}

}  // namespace alignment::kernels::cuda
