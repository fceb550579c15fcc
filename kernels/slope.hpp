#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/device.hpp"

/// Slopes: how fast each feature changes. A sample x [T,F] with its slopes is [T,2F], row t being x(t) and then
///
///   (x(min(t + w, T - 1)) - x(max(t - w, 0))) / (2 w),   w = max(1, T / 24 rounded to nearest, halves up)
///
/// in the arithmetic of the features: one subtraction and one division each, the same bits everywhere.
namespace alignment::kernels {

/// w of a sample of T steps.
[[nodiscard]] constexpr std::int64_t slope_window(std::int64_t length) {
  return std::max(std::int64_t{1}, (length + 12) / 24);
}

/// Steps whose difference is the slope at a step.
struct SlopeSteps {
  std::int64_t before, after;
};
[[nodiscard]] constexpr SlopeSteps slope_steps(std::int64_t step, std::int64_t length) {
  const std::int64_t window = slope_window(length);
  return {std::max(step - window, std::int64_t{0}), std::min(step + window, length - 1)};
}

namespace reference {
/// | rows   | [T,F]  | in  |
/// | slopes | [T,2F] | out |
void append_slopes(const double* rows, std::int64_t length, std::int64_t feature_dim, double* slopes);
}  // namespace reference

namespace cpu {
/// As reference::append_slopes in f32.
void append_slopes(const float* rows, std::int64_t length, std::int64_t feature_dim, float* slopes);
}  // namespace cpu

namespace cuda {
/// As cpu::append_slopes, to the bit, of one sample: plain rows [T,F] of `type`, halves widened, into an array of f32
/// rows as Samples describes it for 2F features, from row `first_row` on, padded with zeros.
void place_with_slopes(const void* rows, FeatureType type, std::int64_t length, std::int64_t feature_dim,
                       float* features, std::int64_t first_row, Stream stream);
}  // namespace cuda

}  // namespace alignment::kernels
