#include "kernels/slope.hpp"

namespace alignment::kernels::cpu {

void append_slopes(const float* rows, std::int64_t length, std::int64_t feature_dim, float* slopes) {
  const auto divisor = static_cast<float>(2 * slope_window(length));
  for (std::int64_t t = 0; t < length; ++t) {
    const SlopeSteps steps = slope_steps(t, length);
    const float* const before = rows + steps.before * feature_dim;
    const float* const after = rows + steps.after * feature_dim;
    slopes = std::copy_n(rows + t * feature_dim, feature_dim, slopes);
    for (std::int64_t f = 0; f < feature_dim; ++f) *slopes++ = (after[f] - before[f]) / divisor;
  }
}

}  // namespace alignment::kernels::cpu
