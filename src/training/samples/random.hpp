#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numbers>
#include <numeric>
#include <utility>
#include <vector>

#include "io/bytes/random_bits.hpp"

namespace alignment {

/// Random numbers that are a function of a key alone, on any machine and any number of ranks.
class Random {
 public:
  explicit Random(std::initializer_list<std::uint64_t> key) : bits_(state_of(key)) {}

  std::uint64_t next() { return bits_.next(); }
  /// Uniform in [0, 1).
  double uniform() { return bits_.uniform(); }
  /// Uniform in 0 .. bound-1; the bias is below bound / 2^64.
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>((static_cast<__uint128_t>(next()) * static_cast<std::uint64_t>(bound)) >> 64U);
  }
  /// Standard normal (Box-Muller).
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - bits_.uniform()));
    return radius * std::cos(2 * std::numbers::pi * bits_.uniform());
  }
  /// The first `count` of a random order of 0 .. total-1.
  std::vector<std::int64_t> draw(std::int64_t total, std::int64_t count) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(total));
    std::iota(order.begin(), order.end(), 0);
    for (std::int64_t k = 0; k < count; ++k) {
      std::swap(order[static_cast<std::size_t>(k)], order[static_cast<std::size_t>(k + below(total - k))]);
    }
    order.resize(static_cast<std::size_t>(count));
    return order;
  }

 private:
  static std::uint64_t state_of(std::initializer_list<std::uint64_t> key) {
    std::uint64_t state = 0;
    for (const std::uint64_t part : key) state = io::RandomBits::mix(state + part + io::RandomBits::kStep);
    return state;
  }
  io::RandomBits bits_;
};

}  // namespace alignment
