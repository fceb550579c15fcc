#include "kernels/cost.hpp"

#include <cmath>

namespace alignment::kernels::reference {

template <typename Real>
void cost_matrices(const ParametersView<Real>& parameters, const SamplesView<Real>& samples, double* cost) {
  const std::int64_t classes = parameters.classes, steps = parameters.steps, feature_dim = parameters.feature_dim;
  for (std::int64_t j = 0; j < samples.total_steps(); ++j) {
    for (std::int64_t i = 0; i < steps; ++i) {
      for (std::int64_t c = 0; c < classes; ++c) {
        double sum = 0;
        for (std::int64_t f = 0; f < feature_dim; ++f) {
          const std::int64_t element = (c * steps + i) * feature_dim + f;
          sum += static_cast<double>(parameters.weights[element]) *
                 std::abs(static_cast<double>(parameters.centroids[element]) -
                          static_cast<double>(samples.sample(0)[j * feature_dim + f]));
        }
        cost[j * cost_stride(classes, steps) + i * classes + c] = sum;
      }
    }
  }
}

template void cost_matrices(const ParametersView<float>&, const SamplesView<float>&, double*);
template void cost_matrices(const ParametersView<double>&, const SamplesView<double>&, double*);

}  // namespace alignment::kernels::reference
