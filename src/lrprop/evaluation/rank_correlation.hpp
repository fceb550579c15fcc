#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace alignment::lrprop {

/// Kendall's tau-b of 0, 1, ..., n-1 and `values` [n], as scipy.stats.kendalltau has it, in O(n log n) (Knight):
///
///   (concordant - discordant) / sqrt(pairs) / sqrt(pairs - pairs of equal values)
///
/// Nothing where all values are equal or n < 2 (there scipy gives NaN). `scratch` is reused memory.
[[nodiscard]] std::optional<double> tau_b(std::span<const std::int64_t> values, std::vector<std::int64_t>& scratch);

}  // namespace alignment::lrprop
