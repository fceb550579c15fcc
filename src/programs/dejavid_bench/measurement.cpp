#include "src/programs/dejavid_bench/measurement.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/parallel.hpp"

namespace alignment::bench {
namespace {

constexpr std::size_t kCacheLine = 64;
/// Where the C library does not know the last-level cache: more than any that is known to us.
constexpr std::size_t kLargeCache = std::size_t{512} << 20U;

std::size_t last_level_cache_bytes() {
  const long largest =
      std::max({sysconf(_SC_LEVEL2_CACHE_SIZE), sysconf(_SC_LEVEL3_CACHE_SIZE), sysconf(_SC_LEVEL4_CACHE_SIZE)});
  return largest > 0 ? static_cast<std::size_t>(largest) : kLargeCache;
}

}  // namespace

Summary summarize(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const std::size_t middle = seconds.size() / 2;
  const double median = seconds.size() % 2 == 1 ? seconds[middle] : (seconds[middle - 1] + seconds[middle]) / 2;
  return {median, (seconds.back() - seconds.front()) / median, std::nullopt};
}

CacheFlush::CacheFlush() : buffer_(2 * last_level_cache_bytes()) {}

void CacheFlush::operator()(int threads) {
  // Ordinary stores, line by line: memset would go around the caches for a buffer of this size.
  const auto lines = static_cast<std::int64_t>(buffer_.size() / kCacheLine);
  unsigned char* const bytes = buffer_.data();
  kernels::cpu::parallel_for(threads, lines, kernels::cpu::even_chunk(lines, threads),
                             [&](std::int64_t line, int) { ++bytes[static_cast<std::size_t>(line) * kCacheLine]; });
}

void BesideRoof::add(double seconds) {
  const double before = std::exchange(last_, meter_());
  elements_.push_back(seconds * (before + last_) / 2);
}

double BesideRoof::roof(double seconds) const {
  return summarize(elements_).seconds / seconds;
}

Summary measure(const std::function<void()>& operation, int threads, const Patience& patience, CacheFlush& flush,
                const RoofMeter& roof) {
  operation();
  std::optional<BesideRoof> beside;
  if (roof) beside.emplace(roof);
  std::vector<double> measurements;
  for (int repeat = 0; repeat < patience.repeats; ++repeat) {
    double elapsed = 0, inside = 0;
    int calls = 0;
    do {
      elapsed += seconds_of([&] {
        flush(threads);
        inside += seconds_of(operation);
      });
      ++calls;
    } while (elapsed < patience.seconds);
    measurements.push_back(inside / calls);
    if (beside) beside->add(measurements.back());
  }
  Summary summary = summarize(std::move(measurements));
  if (beside) summary.roof = beside->roof(summary.seconds);
  return summary;
}

}  // namespace alignment::bench
