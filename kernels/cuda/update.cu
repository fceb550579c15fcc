#include "kernels/update.hpp"

#include <cmath>

#include "kernels/cuda/device.cuh"

namespace alignment::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr double kFirstDecay = 0.9, kSecondDecay = 0.999;
constexpr float kEpsilon = 1e-8F;

/// One group's rates of this step.
struct Rates {
  float decay;         ///< 1 - lr * weight_decay
  float pull;          ///< lr * weight_decay
  float step_size;     ///< lr / (1 - 0.9^t)
  float inverse_root;  ///< 1 / sqrt(1 - 0.999^t)
  bool learned;
};

Rates rates_of(double lr, const UpdateRates& rates) {
  const auto step = static_cast<double>(rates.step);
  return {static_cast<float>(1.0 - lr * rates.weight_decay), static_cast<float>(lr * rates.weight_decay),
          static_cast<float>(lr / (1.0 - std::pow(kFirstDecay, step))),
          static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(kSecondDecay, step))), lr != 0.0};
}

/// `unit` and `rest` as StepUnit's; `gradient` in units.
__device__ __forceinline__ float adamw(const ParameterGroup<float>& group, std::int64_t n, float gradient,
                                       const Rates& rates, float unit, float rest) {
  const float first =
      fmaf(static_cast<float>(kFirstDecay), group.first_moment[n], static_cast<float>(1.0 - kFirstDecay) * gradient);
  const float second = fmaf(static_cast<float>(kSecondDecay), group.second_moment[n],
                            static_cast<float>(1.0 - kSecondDecay) * gradient * gradient);
  group.first_moment[n] = first;
  group.second_moment[n] = second;
  const float denominator = fmaf(sqrtf(second), rates.inverse_root, kEpsilon);
  const float decayed = fmaf(rates.pull, rest, group.parameters[n] * rates.decay);
  const float updated = fmaf(-rates.step_size * unit, first / denominator, decayed);
  group.parameters[n] = updated;
  return updated;
}

__global__ void __launch_bounds__(kThreads)
    update_kernel(const float* __restrict__ gradient_sums, std::int64_t count, std::int64_t per_class,
                  const ParameterGroup<float> centroids, const ParameterGroup<float> log_weights,
                  float* __restrict__ weights, const float* __restrict__ spread, std::int64_t feature_dim,
                  const Rates centroid_rates, const Rates log_weight_rates,
                  const std::int32_t* __restrict__ not_finite) {
  const std::int64_t n = global_thread();
  if (n >= count || *not_finite != 0) return;
  const std::int64_t slope = n / per_class * 2 * per_class + n % per_class;
  const float weight = weights[n];
  const float unit = spread == nullptr ? 1.0F : spread[n % feature_dim];
  if (centroid_rates.learned) adamw(centroids, n, unit * (weight * gradient_sums[slope]), centroid_rates, unit, 0.0F);
  if (log_weight_rates.learned) {
    weights[n] = expf(adamw(log_weights, n, weight * gradient_sums[slope + per_class], log_weight_rates, 1.0F,
                            spread == nullptr ? 0.0F : -logf(unit)));
  }
}

__global__ void __launch_bounds__(kThreads)
    check_finite_kernel(const float* __restrict__ sums, std::int64_t count, std::int32_t* __restrict__ not_finite) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kThreads;
  bool finite = true;
  for (std::int64_t n = global_thread(); n < count; n += stride) finite = finite && isfinite(sums[n]);
  if (!finite) *not_finite = 1;  // whoever comes last writes the same
}

}  // namespace

void check_finite(const float* sums, std::int64_t count, std::int32_t* not_finite, Stream stream) {
  constexpr std::int64_t kMostBlocks = 2048;
  const std::int64_t blocks = divide_up<std::int64_t>(count, kThreads);
  launch("check_finite", check_finite_kernel, grid(blocks < kMostBlocks ? blocks : kMostBlocks), kThreads, 0, stream,
         sums, count, not_finite);
}

void update_parameters(const float* gradient_sums, std::int64_t classes, std::int64_t steps, std::int64_t feature_dim,
                       const ParameterGroup<float>& centroids, const ParameterGroup<float>& log_weights, float* weights,
                       const float* spread, const UpdateRates& rates, const std::int32_t* not_finite, Stream stream) {
  const std::int64_t elements_per_class = steps * feature_dim, count = classes * elements_per_class;
  launch("update_parameters", update_kernel, grid(divide_up<std::int64_t>(count, kThreads)), kThreads, 0, stream,
         gradient_sums, count, elements_per_class, centroids, log_weights, weights, spread, feature_dim,
         rates_of(rates.centroid_lr, rates), rates_of(rates.log_weight_lr, rates), not_finite);
}

}  // namespace alignment::kernels::cuda
