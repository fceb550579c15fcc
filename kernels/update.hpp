#pragma once

#include <cstdint>
#include <span>
#include <string_view>

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

/// What each feature's steps are measured in and what decay draws its parameters to; element n of a group is of feature
/// n % feature_dim. Without pointers: 1 and 0.
template <typename Real>
struct StepUnits {
  const Real* unit = nullptr;    ///< [F] s above
  const Real* rest = nullptr;    ///< [F] r above
  std::int64_t feature_dim = 0;  ///< F
};

namespace reference {
/// One group's update with its gradient [count].
void adamw(const ParameterGroup<double>& group, std::int64_t count, const double* gradient, double lr,
           double weight_decay, std::int64_t step, const StepUnits<double>& units = {});
}  // namespace reference

namespace cpu {
/// What a step multiplies with, for every parameter of a group.
struct AdamwFactors {
  float keep;         ///< 1 - lr * weight_decay
  float pull;         ///< lr * weight_decay
  float step_size;    ///< lr / (1 - 0.9^t)
  float second_root;  ///< sqrt(1 - 0.999^t)
};

/// One instruction set's build of the inner loop; all give the same bits.
struct UpdateVariant {
  std::string_view name;  ///< "avx512", "avx2", "portable"
  bool (*supported)();    ///< by the processor this runs on
  /// `count` parameters in a row, beginning at feature 0: those of one row where there are units.
  void (*adamw)(const ParameterGroup<float>& group, std::int64_t count, const float* gradient,
                const AdamwFactors& factors, const StepUnits<float>& units);
};

/// Every variant built into this program, fastest first.
[[nodiscard]] std::span<const UpdateVariant> update_variants();
/// The first that this processor supports.
[[nodiscard]] const UpdateVariant& best_update_variant();

/// As reference::adamw in f32; the same bits on any number of threads. Where there are units, `count` is a multiple of
/// F.
void adamw(const ParameterGroup<float>& group, std::int64_t count, const float* gradient, double lr,
           double weight_decay, std::int64_t step, const StepUnits<float>& units, int threads,
           const UpdateVariant& variant = best_update_variant());
}  // namespace cpu

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
