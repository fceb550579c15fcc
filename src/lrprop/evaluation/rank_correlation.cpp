#include "src/lrprop/evaluation/rank_correlation.hpp"

#include <algorithm>
#include <cmath>

namespace alignment::lrprop {
namespace {

/// Pairs i < j with values[i] > values[j]. Sorts `values`, runs of twice the length at a time.
std::int64_t sort_and_count_discordant(std::span<std::int64_t> values, std::span<std::int64_t> other) {
  const std::size_t count = values.size();
  std::int64_t discordant = 0;
  for (std::size_t run = 1; run < count; run *= 2) {
    for (std::size_t begin = 0; begin < count; begin += 2 * run) {
      const std::size_t middle = std::min(begin + run, count), end = std::min(begin + 2 * run, count);
      std::size_t left = begin, right = middle;
      for (std::size_t out = begin; out < end; ++out) {
        if (left == middle || (right < end && values[right] < values[left])) {
          discordant += static_cast<std::int64_t>(middle - left);
          other[out] = values[right++];
        } else {
          other[out] = values[left++];
        }
      }
    }
    std::copy(other.begin(), other.end(), values.begin());
  }
  return discordant;
}

}  // namespace

std::optional<double> tau_b(std::span<const std::int64_t> values, std::vector<std::int64_t>& scratch) {
  const std::size_t count = values.size();
  scratch.resize(2 * count);
  const std::span sorted = std::span(scratch).first(count);
  std::copy(values.begin(), values.end(), sorted.begin());
  const std::int64_t discordant = sort_and_count_discordant(sorted, std::span(scratch).last(count));

  std::int64_t tied = 0;
  for (std::size_t begin = 0, end = 0; begin < count; begin = end) {
    while (end < count && sorted[end] == sorted[begin]) ++end;
    const auto equal = static_cast<std::int64_t>(end - begin);
    tied += equal * (equal - 1) / 2;
  }
  const auto n = static_cast<std::int64_t>(count);
  const std::int64_t pairs = n * (n - 1) / 2;
  if (tied == pairs) return std::nullopt;
  const auto excess = static_cast<double>(pairs - tied - 2 * discordant);
  const double tau = excess / std::sqrt(static_cast<double>(pairs)) / std::sqrt(static_cast<double>(pairs - tied));
  return std::clamp(tau, -1.0, 1.0);
}

}  // namespace alignment::lrprop
