#include "kernels/update.hpp"

#include <cmath>

namespace dejavid::kernels::reference {

void adamw(const ParameterGroup<double>& group, std::int64_t count, const double* gradient, double lr,
           double weight_decay, std::int64_t step) {
  const auto t = static_cast<double>(step);
  for (std::int64_t n = 0; n < count; ++n) {
    double &p = group.parameters[n], &m = group.first_moment[n], &v = group.second_moment[n];
    p -= lr * weight_decay * p;
    m = 0.9 * m + 0.1 * gradient[n];
    v = 0.999 * v + 0.001 * gradient[n] * gradient[n];
    p -= lr / (1 - std::pow(0.9, t)) * m / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8);
  }
}

}  // namespace dejavid::kernels::reference
