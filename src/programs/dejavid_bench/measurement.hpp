#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace dejavid::bench {

/// What repeated measurements of the same thing have in common.
struct Summary {
  double seconds = 0;  ///< median
  double spread = 0;   ///< (max - min) / median
};
/// `seconds`: at least one.
[[nodiscard]] Summary summarize(std::vector<double> seconds);

/// Wall time of `work`.
template <typename Work>
[[nodiscard]] double seconds_of(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  std::forward<Work>(work)();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// How long and how often to measure.
struct Patience {
  int repeats = 5;       ///< measurements, of which the median counts
  double seconds = 0.2;  ///< the least that a measurement takes, flushing included; it averages over its calls
};

/// Pushes everything else out of the caches that these threads see.
class CacheFlush {
 public:
  CacheFlush();
  void operator()(int threads);
  [[nodiscard]] std::size_t bytes() const { return buffer_.size(); }

 private:
  std::vector<unsigned char> buffer_;  ///< larger than the last-level cache
};

/// Measures `operation` (one warming call first), each call on flushed caches; only the calls' own time counts.
[[nodiscard]] Summary measure(const std::function<void()>& operation, int threads, const Patience& patience,
                              CacheFlush& flush);

}  // namespace dejavid::bench
