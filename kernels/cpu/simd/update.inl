// AdamW's inner loop, for the instruction set that the including file is compiled for. Only the multiply-adds written
// here are fused (-ffp-contract=off), so that every instruction set gives the same bits.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/update.hpp"

namespace alignment::kernels::cpu {
namespace {

/// The new moments; returns how far they move a parameter.
inline float moments_step(float& first_moment, float& second_moment, float gradient, const AdamwFactors& factors) {
  constexpr double kFirstDecay = 0.9, kSecondDecay = 0.999;
  constexpr auto kFirstShare = static_cast<float>(1 - kFirstDecay), kSecondShare = static_cast<float>(1 - kSecondDecay);
  constexpr float kEpsilon = 1e-8F;
  const float first = std::fma(kFirstShare, gradient - first_moment, first_moment);
  const float second = std::fma(kSecondShare * gradient, gradient, second_moment * static_cast<float>(kSecondDecay));
  first_moment = first;
  second_moment = second;
  return factors.step_size * first / (std::sqrt(second) / factors.second_root + kEpsilon);
}

void published_row(float* __restrict__ parameters, float* __restrict__ first_moment, float* __restrict__ second_moment,
                   const float* __restrict__ gradient, std::int64_t count, const AdamwFactors factors) {
  for (std::int64_t n = 0; n < count; ++n) {
    const float step = moments_step(first_moment[n], second_moment[n], gradient[n], factors);
    parameters[n] = parameters[n] * factors.keep - step;
  }
}

void row_in_units(float* __restrict__ parameters, float* __restrict__ first_moment, float* __restrict__ second_moment,
                  const float* __restrict__ gradient, std::int64_t count, const AdamwFactors factors,
                  const float* __restrict__ unit, const float* __restrict__ rest) {
  for (std::int64_t n = 0; n < count; ++n) {
    const float step = moments_step(first_moment[n], second_moment[n], gradient[n] * unit[n], factors);
    const float decayed = parameters[n] - factors.pull * (parameters[n] - rest[n]);
    parameters[n] = decayed + unit[n] * (0.0F - step);
  }
}

void adamw_row(const ParameterGroup<float>& group, std::int64_t count, const float* gradient,
               const AdamwFactors& factors, const StepUnits<float>& units) {
  if (units.unit == nullptr) {
    published_row(group.parameters, group.first_moment, group.second_moment, gradient, count, factors);
  } else {
    row_in_units(group.parameters, group.first_moment, group.second_moment, gradient, count, factors, units.unit,
                 units.rest);
  }
}

}  // namespace
}  // namespace alignment::kernels::cpu
