#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "dist/communicator.hpp"

namespace dejavid::dist::detail {

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

/// result[i] = ((parts[0,i] + parts[1,i]) + parts[2,i]) + …, or their smallest or largest. `parts` is [ranks,
/// result.size()]. `result` may lie anywhere but in `parts`.
template <typename T>
void combine_in_rank_order(std::span<T> result, std::span<const T> parts, Reduction reduction) {
  const std::size_t count = result.size();
  for (std::size_t i = 0; i < count; ++i) result[i] = parts[i];
  for (std::size_t start = count; start < parts.size(); start += count) {
    const std::span<const T> part = parts.subspan(start, count);
    for (std::size_t i = 0; i < count; ++i) result[i] = combine(result[i], part[i], reduction);
  }
}

}  // namespace dejavid::dist::detail
