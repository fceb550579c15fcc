#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/device.hpp"

/// Dropout: what numbers of a network are multiplied with while it trains, each 0 with a probability p, else 1 / (1 -
/// p).
namespace alignment::kernels {

/// What a mask is drawn by, and by nothing else: number n of it is dropped where a draw of 32 bits lies below p 2^32,
/// the lower half (n even) or the upper one (n odd) of mix(mix(key ^ mix(place + s)) + n / 2 * s). mix and s are
/// SplitMix64's (Steele, Lea & Flood 2014).
struct DropoutDraw {
  std::uint64_t key = 0;    ///< of whoever goes through the network
  std::uint64_t place = 0;  ///< in the network
  double probability = 0;   ///< in [0, 1)
};

namespace reference {
/// mask [count].
void dropout_mask(const DropoutDraw& draw, std::int64_t count, double* mask);
}  // namespace reference

namespace cpu {
/// As the reference; 1 / (1 - p) is rounded to f32 for either type.
template <typename Real>
void dropout_mask(const DropoutDraw& draw, std::int64_t count, Real* mask);
}  // namespace cpu

namespace cuda {
/// cpu::dropout_mask() to the bit, in GPU memory.
void dropout_mask(const DropoutDraw& draw, std::int64_t count, float* mask, Stream stream);
}  // namespace cuda

/// A draw worked out as far as all of its numbers share; on both kinds of device.
class DropoutMask {
 public:
  struct Pair {
    float first, second;
  };

  explicit DropoutMask(const DropoutDraw& draw)
      : start_(mix(draw.key ^ mix(draw.place + kStep))),
        threshold_(static_cast<std::uint32_t>(std::lround(draw.probability * kLargest))),
        kept_(static_cast<float>(1 / (1 - draw.probability))) {}

  /// Numbers 2n and 2n + 1.
  [[nodiscard]] constexpr Pair pair(std::int64_t n) const {
    const std::uint64_t bits = mix(start_ + static_cast<std::uint64_t>(n) * kStep);
    return {number(static_cast<std::uint32_t>(bits)), number(static_cast<std::uint32_t>(bits >> 32U))};
  }

 private:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15U;
  static constexpr double kLargest = 4294967295.0;  ///< 2^32 - 1

  [[nodiscard]] static constexpr std::uint64_t mix(std::uint64_t value) {
    value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31U);
  }
  [[nodiscard]] constexpr float number(std::uint32_t bits) const { return bits < threshold_ ? 0.0F : kept_; }

  std::uint64_t start_;
  std::uint32_t threshold_;
  float kept_;
};

}  // namespace alignment::kernels
