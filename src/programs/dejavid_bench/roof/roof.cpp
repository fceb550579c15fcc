#include "src/programs/dejavid_bench/roof/roof.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "kernels/parallel.hpp"
#include "src/programs/dejavid_bench/roof/roof_loops.hpp"

namespace alignment::dejavid::bench {
namespace {

constexpr double kRunSeconds = 0.02;
constexpr int kRuns = 4;
constexpr std::int64_t kPartsPerThread = 8;

/// Elements and seconds of one run.
struct Run {
  double elements = 0, seconds = 0;
};

Run run(RoofLoop loop, std::int64_t rounds, int threads) {
  // More parts than threads: where one is late, the others go on.
  std::vector<double> elements_of(static_cast<std::size_t>(kPartsPerThread * threads)), sum_of(elements_of.size());
  const double seconds = seconds_of([&] {
    kernels::cpu::parallel_for(threads, kPartsPerThread * threads, 1, [&](std::int64_t part, int) {
      const auto n = static_cast<std::size_t>(part);
      elements_of[n] = loop(rounds, &sum_of[n]);
    });
  });
  const double elements = std::accumulate(elements_of.begin(), elements_of.end(), 0.0);
  const double sum = std::accumulate(sum_of.begin(), sum_of.end(), 0.0);
  if (!(sum > 0)) throw std::logic_error(fmt::format("roof: found a sum of {}; expected a positive one", sum));
  return {elements, seconds};
}

RoofMeter meter_of(RoofLoop loop, int threads) {
  std::int64_t rounds = 128;
  while (run(loop, rounds, threads).seconds < kRunSeconds / 2) rounds *= 2;
  return [loop, rounds, threads] {
    double best = 0;
    for (int k = 0; k < kRuns; ++k) {
      const Run one = run(loop, rounds, threads);
      best = std::max(best, one.elements / one.seconds);
    }
    return best;
  };
}

std::logic_error no_roof(std::string_view variant) {
  return std::logic_error(fmt::format("variant {}: found no roof for it; expected one; add it to roof.cpp", variant));
}

}  // namespace

RoofLoop roof_loop_of(const kernels::Variant& variant) {
#if defined(DEJAVID_X86_VARIANTS)
  if (variant.name == "avx512") return avx512_roof;
  if (variant.name == "avx2") return avx2_roof;
#endif
  if (variant.name == "portable") return portable_roof;
  throw no_roof(variant.name);
}

RoofMeter roof_meter(const kernels::Variant& variant, int threads) {
  return meter_of(roof_loop_of(variant), threads);
}

RoofMeter f64_roof_meter(const kernels::cpu::AlignmentVariant& variant, int threads) {
#if defined(DEJAVID_X86_VARIANTS)
  if (variant.name == "avx512") return meter_of(avx512_f64_roof, threads);
  if (variant.name == "avx2") return meter_of(avx2_f64_roof, threads);
#endif
  if (variant.name == "portable") return meter_of(portable_f64_roof, threads);
  throw no_roof(variant.name);
}

double measure_roof(const kernels::Variant& variant, int threads) {
  return roof_meter(variant, threads)();
}

}  // namespace alignment::dejavid::bench
