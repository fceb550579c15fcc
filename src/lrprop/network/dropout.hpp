#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "io/bytes/random_bits.hpp"

namespace alignment::lrprop {

/// What dropout multiplies a view's rows with at one place of the encoder: 0 with `probability`, else 1 / (1 -
/// probability). A function of its arguments alone.
inline void fill_dropout_mask(std::uint64_t key, std::uint64_t place, double probability, std::span<float> mask) {
  constexpr double kRange = 4294967296.0;  // 2^32
  const auto threshold = static_cast<std::uint32_t>(std::lround(probability * (kRange - 1)));
  const auto kept = static_cast<float>(1 / (1 - probability));
  const std::uint64_t start = io::RandomBits::mix(key ^ io::RandomBits::mix(place + io::RandomBits::kStep));
  const std::size_t pairs = mask.size() / 2;
  const auto value = [&](std::uint32_t bits) { return bits < threshold ? 0.0F : kept; };
  for (std::size_t n = 0; n < pairs; ++n) {
    const std::uint64_t bits = io::RandomBits::mix(start + n * io::RandomBits::kStep);
    mask[2 * n] = value(static_cast<std::uint32_t>(bits));
    mask[2 * n + 1] = value(static_cast<std::uint32_t>(bits >> 32U));
  }
  if (mask.size() % 2 != 0) {
    mask.back() = value(static_cast<std::uint32_t>(io::RandomBits::mix(start + pairs * io::RandomBits::kStep)));
  }
}

}  // namespace alignment::lrprop
