#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace alignment::operations {

/// The first number that is not finite, or nullptr.
template <typename Real>
const Real* first_not_finite(const Real* numbers, std::int64_t count) {
  const Real* const found = std::find_if(numbers, numbers + count, [](Real number) { return !std::isfinite(number); });
  return found == numbers + count ? nullptr : found;
}

/// Refuses rows [count,width] that are not finite. `name` and `sequence` ("sample 3") are for the message. Throws
/// std::invalid_argument.
template <typename Real>
void require_finite_rows(const char* name, const Real* rows, std::int64_t count, std::int64_t width,
                         const std::string& sequence) {
  const Real* const found = first_not_finite(rows, count * width);
  if (found == nullptr) return;
  const std::int64_t at = found - rows;
  throw std::invalid_argument(std::string(name) + ": found " + std::to_string(*found) + " in " + sequence + ", step " +
                              std::to_string(at / width) + ", feature " + std::to_string(at % width) +
                              "; expected finite numbers");
}

}  // namespace alignment::operations
