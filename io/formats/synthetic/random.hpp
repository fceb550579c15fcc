#pragma once

#include <cstdint>

#include "io/bytes/random_bits.hpp"

namespace alignment::io {

/// Random numbers from a key alone: the same key gives the same numbers, whatever else was drawn.
class KeyedRandom {
 public:
  template <typename... Key>
  explicit KeyedRandom(std::uint64_t seed, Key... key) : bits_(state_of(seed, key...)) {}

  [[nodiscard]] std::uint64_t bits() { return bits_.next(); }
  /// Uniform in [0, 1).
  [[nodiscard]] double uniform() { return bits_.uniform(); }
  /// Uniform in 0 .. count-1.
  [[nodiscard]] std::uint64_t below(std::uint64_t count);
  /// Standard normal, by a ziggurat.
  [[nodiscard]] float gaussian();

 private:
  template <typename... Key>
  static std::uint64_t state_of(std::uint64_t seed, Key... key) {
    std::uint64_t state = RandomBits::mix(seed);
    ((state = RandomBits::mix(state ^ static_cast<std::uint64_t>(key)) + RandomBits::kStep), ...);
    return state;
  }
  RandomBits bits_;
};

}  // namespace alignment::io
