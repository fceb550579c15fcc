// Dynamic time warping along anti-diagonals: two rows of the table and one byte a cell are kept.
#pragma once

#include <limits>

#include "kernels/cpu/simd/diagonals.inl"
#include "kernels/workspace.hpp"

namespace alignment::kernels::cpu {
namespace {

/// Where the path to a cell came from; beyond an edge of the matrix it does not say so.
constexpr std::int8_t kCorner = 0, kAbove = 1, kLeft = 2;

/// One diagonal. `above`, `left` and `corner` begin at what lies before the first cell.
inline void dtw_diagonal(const double* above, const double* left, const double* corner, const double* distances,
                         std::int64_t length, double* reached, std::int8_t* steps) {
  for (std::int64_t k = 0; k < length; k += kWideLanes) {
    const Wide up = load_wide(above + k), back = load_wide(left + k), across = load_wide(corner + k);
    const Wide side = smaller(up, back);
    store_to(reached + k, load_wide(distances + k) + smaller(across, side));
    const WideInt step = (kLeft + (up <= back)) & ~(across <= side);  // a comparison is -1 where it is so
    store_to(steps + k, __builtin_convertvector(step, WideBytes));
  }
}

template <typename Real>
std::int64_t dtw(const Real* distances, std::int64_t rows, std::int64_t columns, PathCell* path, double* cost,
                 std::byte* workspace) {
  const Diagonals diagonals{rows, columns};
  const std::int64_t stride = block_stride(diagonals), count = diagonals.count();
  Workspace arena(workspace);
  auto* const table = arena.request<double>(3 * table_row(rows, columns));
  const auto row_of = [&](std::int64_t d) { return table + 1 + (d + 3) % 3 * table_row(rows, columns); };
  std::fill_n(table, 3 * table_row(rows, columns), std::numeric_limits<double>::infinity());
  row_of(-2)[-1] = 0;  // where every path begins
  auto* const block = arena.request<double>(block_count(rows, columns));
  auto* steps = arena.request<std::int8_t>(step_count(rows, columns));
  for (std::int64_t d = 0; d < count; ++d) {
    const std::int64_t d0 = d / kBlockDiagonals * kBlockDiagonals, first = diagonals.first(d),
                       length = diagonals.length(d);
    if (d == d0) gather_block(distances, diagonals, d0, block);
    const double* const left = row_of(d - 1) + first - diagonals.first(d - 1);
    dtw_diagonal(left - 1, left, row_of(d - 2) + first - 1 - diagonals.first(d - 2),
                 block + (d - d0) * stride + first - diagonals.first(d0), length, row_of(d), steps);
    close_row(row_of(d), length);
    steps += length + kMostLanes;
  }
  if (cost != nullptr) *cost = *row_of(count - 1);

  PathCell* const end = path + count;
  PathCell* cell = end;
  std::int64_t i = rows - 1, j = columns - 1;
  const auto back_to_diagonal = [&](std::int64_t d) { steps -= diagonals.length(d) + kMostLanes; };
  back_to_diagonal(count - 1);
  for (;;) {
    *--cell = {static_cast<std::int32_t>(i), static_cast<std::int32_t>(j)};
    if (i == 0 && j == 0) break;
    const std::int8_t step = i == 0 ? kLeft : (j == 0 ? kAbove : steps[i - diagonals.first(i + j)]);
    if (step != kLeft) --i;
    if (step != kAbove) --j;
    if (step == kCorner) back_to_diagonal(i + j + 1);
    back_to_diagonal(i + j);
  }
  std::copy(cell, end, path);
  return end - cell;
}

}  // namespace
}  // namespace alignment::kernels::cpu
