#include "src/dejavid/evaluation/path_statistics.hpp"

#include <algorithm>
#include <vector>

#include "kernels/tensors.hpp"

namespace alignment::dejavid {

double largest_share_on_one_step(std::span<const std::int32_t> breakpoints, std::int64_t length) {
  const auto steps = static_cast<std::int64_t>(breakpoints.size()) + 1;
  std::vector<std::int64_t> on_step(static_cast<std::size_t>(length), 0);
  for (std::int64_t row = 0; row < steps; ++row) {
    const kernels::ColumnRange columns = kernels::row_columns(breakpoints.data(), row, steps, length);
    for (std::int64_t column = columns.first; column <= columns.last; ++column) {
      ++on_step[static_cast<std::size_t>(column)];
    }
  }
  return static_cast<double>(*std::max_element(on_step.begin(), on_step.end())) / static_cast<double>(steps);
}

void PathSums::add(double largest_share) {
  samples += 1;
  halves += largest_share >= 0.5 ? 1 : 0;
  largest_shares += largest_share;
}

}  // namespace alignment::dejavid
