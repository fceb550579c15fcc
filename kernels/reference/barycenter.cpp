#include "kernels/barycenter.hpp"

#include <algorithm>

namespace alignment::kernels::reference {

template <typename Real>
void resize_sample(const Real* sample, std::int64_t length, std::int64_t feature_dim, std::int64_t steps,
                   Real* resized) {
  for (std::int64_t i = 0; i < steps; ++i) {
    const double position =
        steps == 1 ? 0.0 : static_cast<double>(i) * static_cast<double>(length - 1) / static_cast<double>(steps - 1);
    const auto below = static_cast<std::int64_t>(position);
    const std::int64_t above = std::min(below + 1, length - 1);
    for (std::int64_t f = 0; f < feature_dim; ++f) {
      const auto first = static_cast<double>(sample[below * feature_dim + f]);
      const auto second = static_cast<double>(sample[above * feature_dim + f]);
      resized[i * feature_dim + f] =
          static_cast<Real>(first + (position - static_cast<double>(below)) * (second - first));
    }
  }
}

template <typename Real>
void barycenter(const SamplesView<Real>& samples, const std::int32_t* breakpoints, std::int64_t steps, Real* centroid) {
  for (std::int64_t i = 0; i < steps; ++i) {
    for (std::int64_t f = 0; f < samples.feature_dim; ++f) {
      double sum = 0, aligned = 0;
      for (std::int64_t b = 0; b < samples.count; ++b) {
        const auto [first, last] = row_columns(breakpoints + b * (steps - 1), i, steps, samples.length(b));
        for (std::int64_t j = first; j <= last; ++j) {
          sum += static_cast<double>(samples.sample(b)[j * samples.feature_dim + f]);
          aligned += 1;
        }
      }
      centroid[i * samples.feature_dim + f] = static_cast<Real>(sum / aligned);
    }
  }
}

template void resize_sample(const float*, std::int64_t, std::int64_t, std::int64_t, float*);
template void resize_sample(const double*, std::int64_t, std::int64_t, std::int64_t, double*);
template void barycenter(const SamplesView<float>&, const std::int32_t*, std::int64_t, float*);
template void barycenter(const SamplesView<double>&, const std::int32_t*, std::int64_t, double*);

}  // namespace alignment::kernels::reference
