#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace alignment::bench {

/// What repeated measurements of the same thing have in common.
struct Summary {
  double seconds = 0;          ///< median
  double spread = 0;           ///< (max - min) / median
  std::optional<double> roof;  ///< elements a second: median seconds times this is what the roof's loop does meanwhile
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

/// Measures a roof once more: elements a second.
using RoofMeter = std::function<double()>;

/// Puts measurements of a roof between those of something else. A core's speed changes from second to second, so a
/// share is taken within each measurement, and the median of shares counts.
class BesideRoof {
 public:
  explicit BesideRoof(RoofMeter meter) : meter_(std::move(meter)), last_(meter_()) {}
  /// What took `seconds` has just ended.
  void add(double seconds);
  /// As Summary::roof, `seconds` being their median.
  [[nodiscard]] double roof(double seconds) const;

 private:
  RoofMeter meter_;
  double last_;
  std::vector<double> elements_;  ///< that the roof's loop would have done in each measurement
};

/// Measures `operation` (one warming call first), each call on flushed caches; only the calls' own time counts. With a
/// roof: beside it.
[[nodiscard]] Summary measure(const std::function<void()>& operation, int threads, const Patience& patience,
                              CacheFlush& flush, const RoofMeter& roof = {});

}  // namespace alignment::bench
