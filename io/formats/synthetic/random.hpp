#pragma once

#include <cstdint>

namespace alignment::io {

/// Random numbers from a key alone: the same key gives the same numbers, whatever else was drawn. SplitMix64 below,
/// ziggurat on top.
class KeyedRandom {
 public:
  template <typename... Key>
  explicit KeyedRandom(std::uint64_t seed, Key... key) : state_(mix(seed)) {
    ((state_ = mix(state_ ^ static_cast<std::uint64_t>(key)) + kStep), ...);
  }

  [[nodiscard]] std::uint64_t bits() {
    state_ += kStep;
    return mix(state_);
  }
  /// Uniform in [0, 1).
  [[nodiscard]] double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  /// Uniform in 0 .. count-1.
  [[nodiscard]] std::uint64_t below(std::uint64_t count);
  /// Standard normal.
  [[nodiscard]] float gaussian();

 private:
  static constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15;
  static constexpr std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

}  // namespace alignment::io
