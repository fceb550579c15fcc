#include "kernels/slope_intercept.hpp"

namespace alignment::kernels::reference {

template <typename Real>
void slope_intercept(const ParametersView<Real>& parameters, const SamplesView<Real>& samples,
                     const std::int32_t* breakpoints, TieSign tie_sign, double* slope, double* intercept) {
  const std::int64_t classes = parameters.classes, steps = parameters.steps, feature_dim = parameters.feature_dim;
  const double tie = tie_sign == TieSign::kZero ? 0.0 : -1.0;
  for (std::int64_t b = 0; b < samples.count; ++b) {
    for (std::int64_t c = 0; c < classes; ++c) {
      const std::int64_t pair = b * classes + c;
      for (std::int64_t i = 0; i < steps; ++i) {
        const auto [first, last] = row_columns(breakpoints + pair * (steps - 1), i, steps, samples.length(b));
        for (std::int64_t f = 0; f < feature_dim; ++f) {
          const auto centroid = static_cast<double>(parameters.centroids[(c * steps + i) * feature_dim + f]);
          double slope_total = 0, intercept_total = 0;
          for (std::int64_t j = first; j <= last; ++j) {
            const auto m = static_cast<double>(samples.sample(b)[j * feature_dim + f]);
            const double sign = centroid > m ? 1 : (centroid < m ? -1 : tie);
            slope_total += sign;
            intercept_total -= sign * m;
          }
          slope[(pair * steps + i) * feature_dim + f] = slope_total;
          intercept[(pair * steps + i) * feature_dim + f] = intercept_total;
        }
      }
    }
  }
}

template void slope_intercept(const ParametersView<float>&, const SamplesView<float>&, const std::int32_t*, TieSign,
                              double*, double*);
template void slope_intercept(const ParametersView<double>&, const SamplesView<double>&, const std::int32_t*, TieSign,
                              double*, double*);

}  // namespace alignment::kernels::reference
