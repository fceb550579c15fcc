#include "src/drawing/matrix.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace alignment::drawing {

Matrix block_means(std::span<const double> values, std::int64_t rows, std::int64_t columns, std::int64_t most) {
  Matrix reduced{{}, std::min(rows, most), std::min(columns, most)};
  reduced.values.resize(static_cast<std::size_t>(reduced.rows * reduced.columns));
  for (std::int64_t i = 0; i < reduced.rows; ++i) {
    const std::int64_t first_row = i * rows / reduced.rows, last_row = (i + 1) * rows / reduced.rows;
    for (std::int64_t j = 0; j < reduced.columns; ++j) {
      const std::int64_t first = j * columns / reduced.columns, last = (j + 1) * columns / reduced.columns;
      double sum = 0;
      std::int64_t count = 0;
      for (std::int64_t row = first_row; row < last_row; ++row) {
        for (std::int64_t column = first; column < last; ++column) {
          const double value = values[static_cast<std::size_t>(row * columns + column)];
          if (!std::isfinite(value)) continue;
          sum += value;
          ++count;
        }
      }
      reduced.values[static_cast<std::size_t>(i * reduced.columns + j)] =
          count > 0 ? sum / static_cast<double>(count) : std::numeric_limits<double>::quiet_NaN();
    }
  }
  return reduced;
}

Matrix strongest_columns(std::span<const float> values, std::int64_t rows, std::int64_t columns, std::int64_t most) {
  Matrix reduced{{}, rows, std::min(columns, most)};
  reduced.values.reserve(static_cast<std::size_t>(rows * reduced.columns));
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t j = 0; j < reduced.columns; ++j) {
      const std::int64_t last = (j + 1) * columns / reduced.columns;
      double strongest = 0;
      for (std::int64_t column = j * columns / reduced.columns; column < last; ++column) {
        const auto value = static_cast<double>(values[static_cast<std::size_t>(row * columns + column)]);
        if (std::fabs(value) > std::fabs(strongest)) strongest = value;
      }
      reduced.values.push_back(strongest);
    }
  }
  return reduced;
}

double quantile(std::span<const double> values, double share) {
  if (values.empty()) return 0;
  std::vector<double> ordered(values.begin(), values.end());
  const auto place = static_cast<std::ptrdiff_t>(share * static_cast<double>(ordered.size() - 1));
  std::nth_element(ordered.begin(), ordered.begin() + place, ordered.end());
  return ordered[static_cast<std::size_t>(place)];
}

double magnitude_quantile(std::span<const double> values, double share) {
  std::vector<double> magnitudes;
  magnitudes.reserve(values.size());
  for (const double value : values) magnitudes.push_back(std::fabs(value));
  return quantile(magnitudes, share);
}

Limits limits_of(std::span<const double> values) {
  Limits limits;
  bool any = false;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    limits.low = any ? std::min(limits.low, value) : value;
    limits.high = any ? std::max(limits.high, value) : value;
    any = true;
  }
  return limits;
}

}  // namespace alignment::drawing
