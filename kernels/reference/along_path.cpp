#include "kernels/along_path.hpp"

#include <vector>

#include "kernels/slope_intercept.hpp"

namespace alignment::kernels::reference {

// Both go through slope and intercept, one sample at a time: the equations of the header, literally.

template <typename Real>
void distances_along_paths(const ParametersView<Real>& parameters, const SamplesView<Real>& samples,
                           const std::int32_t* breakpoints, double* distances) {
  const std::int64_t per_class = parameters.steps * parameters.feature_dim;
  std::vector<double> slope(static_cast<std::size_t>(parameters.element_count())), intercept(slope.size());
  for (std::int64_t b = 0; b < samples.count; ++b) {
    slope_intercept(parameters, samples.slice(b, 1), breakpoints + b * parameters.classes * (parameters.steps - 1),
                    TieSign::kZero, slope.data(), intercept.data());
    for (std::int64_t c = 0; c < parameters.classes; ++c) {
      double distance = 0;
      for (std::int64_t element = c * per_class; element < (c + 1) * per_class; ++element) {
        const auto at = static_cast<std::size_t>(element);
        distance += static_cast<double>(parameters.weights[at]) *
                    (static_cast<double>(parameters.centroids[at]) * slope[at] + intercept[at]);
      }
      distances[b * parameters.classes + c] = distance;
    }
  }
}

template <typename Real>
void gradient_along_paths(const ParametersView<Real>& parameters, const SamplesView<Real>& samples,
                          const std::int32_t* breakpoints, const Real* distance_gradient, TieSign tie_sign,
                          double* slope_sum, double* magnitude_sum) {
  const std::int64_t per_class = parameters.steps * parameters.feature_dim;
  std::vector<double> slope(static_cast<std::size_t>(parameters.element_count())), intercept(slope.size());
  for (std::int64_t b = 0; b < samples.count; ++b) {
    slope_intercept(parameters, samples.slice(b, 1), breakpoints + b * parameters.classes * (parameters.steps - 1),
                    tie_sign, slope.data(), intercept.data());
    for (std::int64_t element = 0; element < parameters.element_count(); ++element) {
      const auto at = static_cast<std::size_t>(element);
      const auto gradient = static_cast<double>(distance_gradient[b * parameters.classes + element / per_class]);
      slope_sum[at] += gradient * slope[at];
      magnitude_sum[at] += gradient * (static_cast<double>(parameters.centroids[at]) * slope[at] + intercept[at]);
    }
  }
}

template <typename Real>
void feature_gradient_along_paths(const ParametersView<Real>& parameters, const SamplesView<Real>& samples,
                                  const std::int32_t* breakpoints, const Real* distance_gradient,
                                  Real* feature_gradient) {
  const std::int64_t classes = parameters.classes, steps = parameters.steps, feature_dim = parameters.feature_dim;
  for (std::int64_t b = 0; b < samples.count; ++b) {
    const std::int64_t length = samples.length(b);
    std::vector<double> sums(static_cast<std::size_t>(length * feature_dim));
    for (std::int64_t c = 0; c < classes; ++c) {
      const auto gradient = static_cast<double>(distance_gradient[b * classes + c]);
      for (std::int64_t i = 0; i < steps; ++i) {
        const auto [first, last] = row_columns(breakpoints + (b * classes + c) * (steps - 1), i, steps, length);
        for (std::int64_t j = first; j <= last; ++j) {
          for (std::int64_t f = 0; f < feature_dim; ++f) {
            const std::int64_t element = (c * steps + i) * feature_dim + f, at = j * feature_dim + f;
            const auto weight = static_cast<double>(parameters.weights[element]);
            const Real centroid = parameters.centroids[element], m = samples.sample(b)[at];
            if (centroid > m) sums[static_cast<std::size_t>(at)] -= gradient * weight;
            if (centroid < m) sums[static_cast<std::size_t>(at)] += gradient * weight;
          }
        }
      }
    }
    Real* const rows = feature_gradient + (samples.offsets[b] - samples.offsets[0]) * feature_dim;
    for (std::size_t k = 0; k < sums.size(); ++k) rows[k] = static_cast<Real>(sums[k]);
  }
}

template void distances_along_paths(const ParametersView<float>&, const SamplesView<float>&, const std::int32_t*,
                                    double*);
template void distances_along_paths(const ParametersView<double>&, const SamplesView<double>&, const std::int32_t*,
                                    double*);
template void gradient_along_paths(const ParametersView<float>&, const SamplesView<float>&, const std::int32_t*,
                                   const float*, TieSign, double*, double*);
template void gradient_along_paths(const ParametersView<double>&, const SamplesView<double>&, const std::int32_t*,
                                   const double*, TieSign, double*, double*);
template void feature_gradient_along_paths(const ParametersView<float>&, const SamplesView<float>&, const std::int32_t*,
                                           const float*, float*);
template void feature_gradient_along_paths(const ParametersView<double>&, const SamplesView<double>&,
                                           const std::int32_t*, const double*, double*);

}  // namespace alignment::kernels::reference
