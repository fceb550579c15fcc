#pragma once

#include <span>

#include "kernels/device.hpp"

/// The optimizer step: AdamW with decoupled decay (Loshchilov & Hutter), betas 0.9 and 0.999, eps 1e-8.
///
///   p -= lr * decay * (p - r);  m = 0.9 m + 0.1 s g;  v = 0.999 v + 0.001 (s g)^2
///   p -= s * lr / (1 - 0.9^t) * m / (sqrt(v / (1 - 0.999^t)) + 1e-8)
///
/// As published s = 1 and r = 0. With the features' spreads [F] training does not depend on the features' units: a
/// centroid's s is its feature's spread (r = 0), and a log_weight's r is -ln(spread) (s = 1). That is the published
/// step for centroids / spread and weights * spread: features in other units give the same distances of those.
namespace alignment::kernels {

/// One parameter group: parameters and AdamW's moments, [count] each.
template <typename Real>
struct ParameterGroup {
  Real* parameters = nullptr;
  Real* first_moment = nullptr;
  Real* second_moment = nullptr;
};

/// How far and in which step. `step` counts from 1. A group with lr 0 is left alone, moments included.
struct UpdateRates {
  double centroid_lr = 0, log_weight_lr = 0, weight_decay = 0;
  std::int64_t step = 1;
};

/// What one feature's steps are measured in and what decay draws its parameters to: s and r above.
struct StepUnit {
  double unit = 1, rest = 0;
};

namespace reference {
/// One group's update with its gradient [count]. `units` [features], element n being of feature n % features; or empty.
void adamw(const ParameterGroup<double>& group, std::int64_t count, const double* gradient, double lr,
           double weight_decay, std::int64_t step, std::span<const StepUnit> units = {});
}  // namespace reference

namespace cuda {
/// Sets *not_finite to 1 where a sum is not finite; leaves it alone otherwise. sums [count].
void check_finite(const float* sums, std::int64_t count, std::int32_t* not_finite, Stream stream);

/// dL/d centroid = u * slope_sum and dL/d log_weight = u * magnitude_sum from gradient_sums [C,2,K,F] (see
/// along_path.hpp), AdamW on both groups, then u = exp(log_weight). Nothing is changed where *not_finite is not 0.
/// Arrays [C,K,F]; spread [F], positive, or nullptr for 1.
void update_parameters(const float* gradient_sums, std::int64_t classes, std::int64_t steps, std::int64_t feature_dim,
                       const ParameterGroup<float>& centroids, const ParameterGroup<float>& log_weights, float* weights,
                       const float* spread, const UpdateRates& rates, const std::int32_t* not_finite, Stream stream);
}  // namespace cuda

}  // namespace alignment::kernels
