#include "src/drawing/ticks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace alignment::drawing {

std::vector<std::int64_t> frame_ticks(std::int64_t count, std::int64_t most) {
  std::int64_t step = 1;
  for (std::int64_t power = 1; (count - 1) / step + 1 > most; power *= 10) {
    for (const std::int64_t factor : {1, 2, 5}) {
      step = factor * power;
      if ((count - 1) / step + 1 <= most) break;
    }
  }
  std::vector<std::int64_t> ticks;
  for (std::int64_t frame = 0; frame < count; frame += step) ticks.push_back(frame);
  return ticks;
}

std::vector<double> number_ticks(double low, double high, std::int64_t most) {
  if (!(high > low) || !std::isfinite(high - low)) return {low};
  const double least = (high - low) / static_cast<double>(most);
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> ticks;
  const double slack = (high - low) * 1e-9;
  for (double n = std::ceil((low - slack) / step); n * step <= high + slack; ++n) {
    const double tick = n * step + 0.0;
    if (!ticks.empty() && !(tick > ticks.back())) break;  // numbers as large as that lie further apart than a step
    ticks.push_back(tick);
  }
  return ticks;
}

std::string number_text(double value) {
  const double size = std::fabs(value);
  return size >= 9999.5 && size < 999999.5 ? fmt::format("{:.0f}", value) : fmt::format("{:.4g}", value);
}

std::string seconds_text(double seconds) {
  return std::fabs(seconds) < 10 ? fmt::format("{:.2f} s", seconds) : fmt::format("{:.1f} s", seconds);
}

}  // namespace alignment::drawing
