#include "kernels/slope.hpp"

namespace alignment::kernels::reference {

void append_slopes(const double* rows, std::int64_t length, std::int64_t feature_dim, double* slopes) {
  const std::int64_t window = slope_window(length);
  for (std::int64_t t = 0; t < length; ++t) {
    for (std::int64_t f = 0; f < feature_dim; ++f) {
      const std::int64_t after = t + window < length ? t + window : length - 1;
      const std::int64_t before = t - window > 0 ? t - window : 0;
      slopes[t * 2 * feature_dim + f] = rows[t * feature_dim + f];
      slopes[t * 2 * feature_dim + feature_dim + f] =
          (rows[after * feature_dim + f] - rows[before * feature_dim + f]) / static_cast<double>(2 * window);
    }
  }
}

}  // namespace alignment::kernels::reference
