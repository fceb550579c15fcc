#include "kernels/slope_intercept.hpp"

#include <algorithm>

#include "kernels/parallel.hpp"

namespace alignment::kernels::cpu {

void slope_intercept(const ParametersView<float>& parameters, const SamplesView<float>& samples,
                     const std::int32_t* breakpoints, TieSign tie_sign, float* slope, float* intercept, int threads) {
  const std::int64_t classes = parameters.classes, steps = parameters.steps, feature_dim = parameters.feature_dim;
  const float tie = tie_sign == TieSign::kZero ? 0.0F : -1.0F;
  parallel_for(threads, samples.count * classes, 1, [&](std::int64_t pair, int) {
    const std::int64_t b = pair / classes, c = pair % classes;
    for (std::int64_t i = 0; i < steps; ++i) {
      const float* const centroid = parameters.centroids + (c * steps + i) * feature_dim;
      float* const row_slope = slope + (pair * steps + i) * feature_dim;
      float* const row_intercept = intercept + (pair * steps + i) * feature_dim;
      std::fill(row_slope, row_slope + feature_dim, 0.0F);
      std::fill(row_intercept, row_intercept + feature_dim, 0.0F);
      const auto [first, last] = row_columns(breakpoints + pair * (steps - 1), i, steps, samples.length(b));
      for (std::int64_t j = first; j <= last; ++j) {
        const float* const m = samples.sample(b) + j * feature_dim;
        for (std::int64_t f = 0; f < feature_dim; ++f) {
          const float sign = centroid[f] > m[f] ? 1.0F : (centroid[f] < m[f] ? -1.0F : tie);
          row_slope[f] += sign;
          row_intercept[f] -= sign * m[f];
        }
      }
    }
  });
}

}  // namespace alignment::kernels::cpu
