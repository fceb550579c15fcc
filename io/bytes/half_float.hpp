#pragma once

#include <bit>
#include <cstdint>

namespace alignment::io {

/// Widens IEEE half precision; exact. Without branches, so that a loop over it becomes vector code on any machine.
[[nodiscard]] inline float widen_half(std::uint16_t half) {
  const std::uint32_t magnitude = half & 0x7FFFU;
  const std::uint32_t rebased = (magnitude << 13U) + ((127U - 15U) << 23U);
  const std::uint32_t unbounded = rebased + ((255U - 127U - 16U) << 23U);  // infinity and NaN keep the highest exponent
  const auto subnormal =
      std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<std::int32_t>(magnitude)) * 0x1p-24F);
  const std::uint32_t bits = magnitude >= 0x7C00U ? unbounded : magnitude < 0x0400U ? subnormal : rebased;
  return std::bit_cast<float>(bits | static_cast<std::uint32_t>(half & 0x8000U) << 16U);
}

/// Rounds to the nearest half, ties to even. Above 65519.996 the result is infinite.
[[nodiscard]] inline std::uint16_t narrow_to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16U) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  std::uint32_t half = 0;
  if (magnitude > 0x7F800000U) {
    half = 0x7E00U;  // NaN
  } else if (magnitude >= 0x47800000U) {
    half = 0x7C00U;  // 65536 and more
  } else if (magnitude >= 0x38800000U) {
    // Adding just under half a unit in the last place, and the last kept bit, rounds to even; a carry moves into the
    // exponent.
    half = (magnitude - ((127U - 15U) << 23U) + 0x0FFFU + ((magnitude >> 13U) & 1U)) >> 13U;
  } else if (magnitude >= 0x33000000U) {
    // A subnormal half: a whole number of 2^-24.
    const std::uint32_t mantissa = (magnitude & 0x007FFFFFU) | 0x00800000U;
    const std::uint32_t shift = 126U - (magnitude >> 23U);  // 14 .. 24
    const std::uint32_t halfway = 1U << (shift - 1U);
    const std::uint32_t rest = mantissa & ((1U << shift) - 1U);
    half = mantissa >> shift;
    if (rest > halfway || (rest == halfway && (half & 1U) != 0)) ++half;
  }
  return static_cast<std::uint16_t>(sign | half);
}

}  // namespace alignment::io
