#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace alignment::drawing {

/// Numbers in rows and columns, row-major.
struct Matrix {
  std::vector<double> values;
  std::int64_t rows = 0, columns = 0;
};

/// `values` [rows, columns] where neither extent is above `most`, else reduced: that extent is cut into `most` blocks,
/// as even as they can be, and a cell is the mean of its block. What is not finite does not count; a block of nothing
/// else is NaN.
[[nodiscard]] Matrix block_means(std::span<const double> values, std::int64_t rows, std::int64_t columns,
                                 std::int64_t most);

/// `values` [rows, columns] where `columns` is at most `most`, else each row cut into `most` blocks likewise, a cell
/// being the number of its block that lies furthest from 0, with its sign; of equally far ones the first.
[[nodiscard]] Matrix strongest_columns(std::span<const float> values, std::int64_t rows, std::int64_t columns,
                                       std::int64_t most);

/// The magnitude that the share `share` (0 to 1) of the numbers does not exceed; 0 where there are none.
[[nodiscard]] double magnitude_quantile(std::span<const double> values, double share);

/// The number that the share `share` (0 to 1) of the numbers does not exceed; 0 where there are none.
[[nodiscard]] double quantile(std::span<const double> values, double share);

/// Smallest and largest finite number; 0 and 0 where there is none.
struct Limits {
  double low = 0, high = 0;
};
[[nodiscard]] Limits limits_of(std::span<const double> values);

}  // namespace alignment::drawing
