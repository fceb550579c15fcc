#include "kernels/dropout.hpp"

namespace alignment::kernels::reference {

void dropout_mask(const DropoutDraw& draw, std::int64_t count, double* mask) {
  constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15U;
  const auto mix = [](std::uint64_t value) {
    value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31U);
  };
  for (std::int64_t n = 0; n < count; ++n) {
    const std::uint64_t both = mix(mix(draw.key ^ mix(draw.place + kStep)) + static_cast<std::uint64_t>(n / 2) * kStep);
    const std::uint64_t bits = n % 2 == 0 ? both & 0xffffffffU : both >> 32U;
    mask[n] = static_cast<double>(bits) < std::round(draw.probability * 4294967295.0) ? 0 : 1 / (1 - draw.probability);
  }
}

}  // namespace alignment::kernels::reference
