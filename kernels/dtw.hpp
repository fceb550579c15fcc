#pragma once

#include <cstddef>
#include <cstdint>

/// Dynamic time warping of two videos on their distance matrix, diagonal steps allowed (LRProp, eq. 5 and 6):
///
///   r(i,j) = D(i,j) + min{r(i-1,j-1), r(i-1,j), r(i,j-1)}
///
/// Walking back from the last cell, of equally small predecessors the first in that order counts.
namespace alignment::kernels {

/// B ragged matrices: matrix b is [rows[b], columns[b]], row-major from values + offsets[b]. Every extent is at least
/// 1.
template <typename Real>
struct MatricesView {
  const Real* values = nullptr;
  const std::int64_t* offsets = nullptr;  ///< [B]
  const std::int64_t* rows = nullptr;     ///< [B] n
  const std::int64_t* columns = nullptr;  ///< [B] m
  std::int64_t count = 0;                 ///< B
};

/// One step of a path: frame `row` of one video goes with frame `column` of the other.
struct PathCell {
  std::int32_t row = 0, column = 0;
};

namespace reference {
/// The path of smallest cost through distances [n,m], from (0,0) to (n-1,m-1), into `path` (room for n + m - 1 cells).
/// Returns how many cells it has. The table is f64. `cost`: r(n-1,m-1), or nullptr.
template <typename Real>
std::int64_t dtw_path(const Real* distances, std::int64_t rows, std::int64_t columns, PathCell* path, double* cost);
}  // namespace reference

}  // namespace alignment::kernels
