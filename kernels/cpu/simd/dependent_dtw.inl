// Dependent DTW, cost alone, by strips of kStripRows rows: step t of a strip computes cell (i, t - i) of each of its
// rows i, which are lanes, from the two steps before it, and from the row above the strip. What lies left of a matrix
// is infinite; what lies right of it or below it reaches no cell of the matrix and may be anything.
#pragma once

#include <algorithm>
#include <limits>
#include <utility>

#include "kernels/cpu/simd/pairwise.inl"
#include "kernels/cpu/table_rows.hpp"
#include "kernels/workspace.hpp"

namespace alignment::kernels::cpu {
namespace {

constexpr int kStripVectors = static_cast<int>(kStripRows) / kWideLanes;

template <std::size_t... Lane>
Wide last_then_all_but_last(Wide before, Wide lanes, std::index_sequence<Lane...> /*lanes*/) {
  return __builtin_shufflevector(before, lanes, (kWideLanes - 1 + static_cast<int>(Lane))...);
}

/// The last lane of `before`, then the lanes of `lanes` but the last.
inline Wide shifted_in(Wide before, Wide lanes) {
  return last_then_all_but_last(before, lanes, std::make_index_sequence<static_cast<std::size_t>(kWideLanes)>{});
}

/// One strip. `squares`: its first row, of rows `stride` apart. `above`: r of the row above the strip, by column;
/// overwritten by that of the strip's row `last`. `begins`: what lies before the first cell of the first row.
inline void dependent_dtw_strip(const double* squares, std::int64_t stride, std::int64_t columns, std::int64_t last,
                                double begins, double* above) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Wides<kStripVectors> reached, corner;
  for (int v = 0; v < kStripVectors; ++v) reached[v] = corner[v] = wide(kInfinity);
  corner[0][0] = begins;
  for (std::int64_t t = 0; t < columns + last; t += kWideLanes) {
    Wide square[kStripVectors][kWideLanes];
#pragma GCC unroll 8
    for (int v = 0; v < kStripVectors; ++v) {
#pragma GCC unroll 8
      for (int l = 0; l < kWideLanes; ++l) square[v][l] = load_wide(squares + (v * kWideLanes + l) * (stride - 1) + t);
      transpose(square[v]);
    }
    double steps[kWideLanes][kStripRows];
#pragma GCC unroll 8
    for (int k = 0; k < kWideLanes; ++k) {
      Wides<kStripVectors> up;
#pragma GCC unroll 8
      for (int v = 0; v < kStripVectors; ++v)
        up[v] = shifted_in(v == 0 ? wide(above[t + k]) : reached[v - 1], reached[v]);
#pragma GCC unroll 8
      for (int v = 0; v < kStripVectors; ++v) {
        reached[v] = square[v][k] + smaller(smaller(corner[v], up[v]), reached[v]);
        corner[v] = up[v];
        store_to(steps[k] + v * kWideLanes, reached[v]);
      }
    }
    for (int k = 0; k < kWideLanes; ++k) above[t + k - last] = steps[k][last];
  }
}

double dependent_dtw(const double* rows, std::int64_t count, const double* panels, std::int64_t columns,
                     std::int64_t width, double limit, std::byte* workspace, std::int64_t* cells) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::int64_t stride = strip_stride(columns);
  Workspace arena(workspace);
  auto* const memory = arena.request<double>((kStripRows + 1) * stride);
  std::fill_n(memory, (kStripRows + 1) * stride, kInfinity);
  double* const squares = memory + kStripRows;
  double* const above = squares + kStripRows * stride;
  for (std::int64_t first = 0; first < count; first += kStripRows) {
    const std::int64_t here = std::min(kStripRows, count - first);
    for (std::int64_t i = 0; i < here; i += kBlockRows) {
      for (std::int64_t j = 0; j < columns; j += kPanelColumns) {
        squares_by_differences(rows + (first + i) * width, panels + j * width, width, squares + i * stride + j, stride);
      }
    }
    dependent_dtw_strip(squares, stride, columns, here - 1, first == 0 ? 0 : kInfinity, above);
    *cells = (first + here) * columns;
    if (first + here < count && !(*std::min_element(above, above + columns) < limit)) return kInfinity;
  }
  return above[columns - 1];
}

}  // namespace
}  // namespace alignment::kernels::cpu
