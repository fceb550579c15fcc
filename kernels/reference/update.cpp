#include "kernels/update.hpp"

#include <cmath>

namespace alignment::kernels::reference {

void adamw(const ParameterGroup<double>& group, std::int64_t count, const double* gradient, double lr,
           double weight_decay, std::int64_t step, const StepUnits<double>& units) {
  const auto t = static_cast<double>(step);
  for (std::int64_t n = 0; n < count; ++n) {
    double &p = group.parameters[n], &m = group.first_moment[n], &v = group.second_moment[n];
    const double s = units.unit == nullptr ? 1 : units.unit[n % units.feature_dim];
    const double r = units.rest == nullptr ? 0 : units.rest[n % units.feature_dim];
    const double g = s * gradient[n];
    p -= lr * weight_decay * (p - r);
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    p -= s * lr / (1 - std::pow(0.9, t)) * m / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8);
  }
}

}  // namespace alignment::kernels::reference
