#pragma once

#include <cstdint>

namespace alignment::io {

/// SplitMix64: 64 random bits at a time, on any machine the same for the same state. What a state is made of is for its
/// user to say.
class RandomBits {
 public:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15U;

  explicit RandomBits(std::uint64_t state) : state_(state) {}

  [[nodiscard]] static constexpr std::uint64_t mix(std::uint64_t value) {
    value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31U);
  }
  [[nodiscard]] std::uint64_t next() { return mix(state_ += kStep); }
  /// Uniform in [0, 1).
  [[nodiscard]] double uniform() { return static_cast<double>(next() >> 11U) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace alignment::io
