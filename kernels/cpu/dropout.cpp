#include "kernels/dropout.hpp"

namespace alignment::kernels::cpu {

template <typename Real>
void dropout_mask(const DropoutDraw& draw, std::int64_t count, Real* mask) {
  const DropoutMask numbers(draw);
  for (std::int64_t n = 0; n < count / 2; ++n) {
    const auto [first, second] = numbers.pair(n);
    mask[2 * n] = static_cast<Real>(first);
    mask[2 * n + 1] = static_cast<Real>(second);
  }
  if (count % 2 != 0) mask[count - 1] = static_cast<Real>(numbers.pair(count / 2).first);
}

template void dropout_mask(const DropoutDraw&, std::int64_t, float*);
template void dropout_mask(const DropoutDraw&, std::int64_t, double*);

}  // namespace alignment::kernels::cpu
