#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numbers>
#include <numeric>
#include <utility>
#include <vector>

namespace alignment {

/// Random numbers that are a function of a key alone, on any machine and any number of ranks (SplitMix64).
class Random {
 public:
  explicit Random(std::initializer_list<std::uint64_t> key) {
    for (const std::uint64_t part : key) state_ = mix(state_ + part + kIncrement);
  }

  std::uint64_t next() { return mix(state_ += kIncrement); }
  /// Uniform in 0 .. bound-1; the bias is below bound / 2^64.
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>((static_cast<__uint128_t>(next()) * static_cast<std::uint64_t>(bound)) >> 64U);
  }
  /// Standard normal (Box-Muller).
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
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
  static constexpr std::uint64_t kIncrement = 0x9e3779b97f4a7c15U;
  static std::uint64_t mix(std::uint64_t value) {
    value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31U);
  }
  double uniform() { return static_cast<double>(next() >> 11U) * 0x1p-53; }
  std::uint64_t state_ = 0;
};

}  // namespace alignment
