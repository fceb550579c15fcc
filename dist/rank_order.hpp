#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include "dist/communicator.hpp"

namespace alignment::dist::detail {

/// Combines two values; NaN in either gives NaN.
template <typename T>
T combine(T left, T right, Reduction reduction) {
  switch (reduction) {
    case Reduction::kSum:
      return left + right;
    case Reduction::kMin:
      return std::isnan(right) || right < left ? right : left;
    case Reduction::kMax:
      return std::isnan(right) || right > left ? right : left;
  }
  return left;
}

/// Values of one part that stay in the nearest cache while the other parts are added to them.
inline constexpr std::size_t kBlock = 2048;

/// result[i] = ((parts[0,i] + parts[1,i]) + parts[2,i]) + …, or their smallest or largest. `parts` is [ranks,
/// result.size()]. `result` may lie anywhere but in `parts`.
template <typename T>
void combine_in_rank_order(std::span<T> result, std::span<const T> parts, Reduction reduction) {
  const std::size_t count = result.size();
  for (std::size_t start = 0; start < count; start += kBlock) {
    const std::size_t end = std::min(start + kBlock, count);
    std::copy(parts.begin() + static_cast<std::ptrdiff_t>(start), parts.begin() + static_cast<std::ptrdiff_t>(end),
              result.begin() + static_cast<std::ptrdiff_t>(start));
    for (std::size_t part = count; part < parts.size(); part += count) {
      for (std::size_t i = start; i < end; ++i) result[i] = combine(result[i], parts[part + i], reduction);
    }
  }
}

}  // namespace alignment::dist::detail
