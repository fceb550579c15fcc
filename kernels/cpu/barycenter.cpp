#include "kernels/barycenter.hpp"

#include <algorithm>

namespace alignment::kernels::cpu {

void resize_sample(const float* sample, std::int64_t length, std::int64_t feature_dim, std::int64_t steps,
                   float* resized) {
  for (std::int64_t i = 0; i < steps; ++i) {
    const double position = steps == 1 ? 0.0 : static_cast<double>(i * (length - 1)) / static_cast<double>(steps - 1);
    const auto below = static_cast<std::int64_t>(position);
    const double share = position - static_cast<double>(below);
    const float* const first = sample + below * feature_dim;
    const float* const second = sample + std::min(below + 1, length - 1) * feature_dim;
    for (std::int64_t f = 0; f < feature_dim; ++f) {
      resized[i * feature_dim + f] =
          static_cast<float>((1 - share) * static_cast<double>(first[f]) + share * static_cast<double>(second[f]));
    }
  }
}

void barycenter(const SamplesView<float>& samples, const std::int32_t* breakpoints, std::int64_t steps, float* centroid,
                double* sums) {
  const std::int64_t feature_dim = samples.feature_dim;
  for (std::int64_t i = 0; i < steps; ++i) {
    std::fill(sums, sums + feature_dim, 0.0);
    std::int64_t aligned = 0;
    for (std::int64_t b = 0; b < samples.count; ++b) {
      const auto [first, last] = row_columns(breakpoints + b * (steps - 1), i, steps, samples.length(b));
      for (std::int64_t j = first; j <= last; ++j) {
        const float* const m = samples.sample(b) + j * feature_dim;
        for (std::int64_t f = 0; f < feature_dim; ++f) sums[f] += static_cast<double>(m[f]);
      }
      aligned += last - first + 1;
    }
    for (std::int64_t f = 0; f < feature_dim; ++f) {
      centroid[i * feature_dim + f] = static_cast<float>(sums[f] / static_cast<double>(aligned));
    }
  }
}

}  // namespace alignment::kernels::cpu
