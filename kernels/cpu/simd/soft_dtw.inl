// Soft-DTW along anti-diagonals. The table keeps r alone: the way back computes the shares of a cell's three
// predecessors again, which takes two exponentials.
#pragma once

#include <limits>
#include <type_traits>

#include "kernels/cpu/simd/diagonals.inl"
#include "kernels/workspace.hpp"

namespace alignment::kernels::cpu {
namespace {

/// r of the three cells before each of some cells.
template <int Count>
struct Before {
  Wides<Count> above, left, corner;

  Before(const double* above_from, const double* left_from, const double* corner_from) {
#pragma GCC unroll 4
    for (int v = 0; v < Count; ++v) {
      above[v] = load_wide(above_from + v * kWideLanes);
      left[v] = load_wide(left_from + v * kWideLanes);
      corner[v] = load_wide(corner_from + v * kWideLanes);
    }
  }
};

/// exp(-(a - min a) / gamma) of those three: 1 for the smallest, other[] for the larger of the corner and the nearer
/// side, far[] for the farther side.
template <int Count>
struct SoftShares {
  Wides<Count> smallest, other, far, sum;

  /// `scale`: log2(e) / gamma.
  SoftShares(const Before<Count>& before, double scale) {
    Wides<2 * Count> exponents;
#pragma GCC unroll 4
    for (int v = 0; v < Count; ++v) {
      const Wide near = smaller(before.above[v], before.left[v]);
      smallest[v] = smaller(near, before.corner[v]);
      exponents[2 * v] = absolute(near - before.corner[v]) * -scale;
      exponents[2 * v + 1] = (smallest[v] - larger(before.above[v], before.left[v])) * scale;
    }
    exp2_of_negative<2 * Count>(exponents);
#pragma GCC unroll 4
    for (int v = 0; v < Count; ++v) {
      other[v] = exponents[2 * v];
      far[v] = exponents[2 * v + 1];
      sum[v] = other[v] + far[v] + 1;
    }
  }
};

/// Calls body(k, vectors) for all numbers of a row, `vectors` vectors from k on: as many as pay, then one.
template <typename Body>
void for_each_vector(std::int64_t length, const Body& body) {
  constexpr std::int64_t kTogether = 2;
  std::int64_t k = 0;
  for (; k + (kTogether - 1) * kWideLanes < length; k += kTogether * kWideLanes)
    body(k, std::integral_constant<int, kTogether>{});
  if (k < length) body(k, std::integral_constant<int, 1>{});
}

/// r of one diagonal. `above`, `left` and `corner` begin at what lies before its first cell.
inline void soft_dtw_diagonal(const double* above, const double* left, const double* corner, const double* distances,
                              std::int64_t length, double gamma, double scale, double* reached) {
  for_each_vector(length, [&](std::int64_t k, auto vectors) {
    constexpr int kCount = decltype(vectors)::value;
    const Before<kCount> before(above + k, left + k, corner + k);
    SoftShares<kCount> shares(before, scale);
    log_of_sum<kCount>(shares.sum);
#pragma GCC unroll 4
    for (int v = 0; v < kCount; ++v) {
      const Wide softmin = multiply_add(shares.sum[v], wide(-gamma), shares.smallest[v]);
      store_to(reached + k + v * kWideLanes, load_wide(distances + k + v * kWideLanes) + softmin);
    }
  });
}

/// What the cells of a diagonal hand on to those before them, each array beginning at the diagonal's first cell.
struct Handed {
  double *above, *left, *corner;
};

/// Handed on from diagonals d + 1 (above, left) and d + 2 (corner), for the first cell of diagonal d.
struct Received {
  const double *above, *left, *corner;
};

/// `alignment`: E of this diagonal, 0 where it is below `least`.
inline void soft_dtw_way_back(const double* above, const double* left, const double* corner, const Received& received,
                              std::int64_t length, double scale, double least, double* alignment,
                              const Handed& handed) {
  for_each_vector(length, [&](std::int64_t first, auto vectors) {
    constexpr int kCount = decltype(vectors)::value;
    const Before<kCount> before(above + first, left + first, corner + first);
    const SoftShares<kCount> shares(before, scale);
#pragma GCC unroll 4
    for (int v = 0; v < kCount; ++v) {
      const std::int64_t k = first + v * kWideLanes;
      Wide share = load_wide(received.above + k) + load_wide(received.left + k) + load_wide(received.corner + k);
      share = share < least ? wide(0) : share;
      store_to(alignment + k, share);
      share = share / shares.sum[v];
      const Wide other = share * shares.other[v], far = share * shares.far[v];
      const WideInt above_is_nearer = before.above[v] <= before.left[v];
      const WideInt side_is_smallest = smaller(before.above[v], before.left[v]) <= before.corner[v];
      const Wide near = side_is_smallest ? share : other;
      store_to(handed.corner + k, side_is_smallest ? other : share);
      store_to(handed.above + k, above_is_nearer ? near : far);
      store_to(handed.left + k, above_is_nearer ? far : near);
    }
  });
}

template <typename Real>
void soft_dtw(const Real* distances, std::int64_t rows, std::int64_t columns, double gamma, double* value,
              Real* alignment, std::byte* workspace) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  // Neither a product of two shares nor one in Real is denormal.
  constexpr double kLeastShare = std::is_same_v<Real, float> ? 0x1p-126 : 0x1p-500;
  const double scale = 1.4426950408889634 / gamma;  // log2(e)
  const Diagonals diagonals{rows, columns};
  const std::int64_t stride = block_stride(diagonals), count = diagonals.count(), widest = table_row(rows, columns);
  Workspace arena(workspace);
  auto* const block = arena.request<double>(block_count(rows, columns));
  auto* const rolling = arena.request<double>(kRollingRows * widest);
  const bool keep = alignment != nullptr;
  double* const table = keep ? arena.request<double>(table_count(rows, columns)) : nullptr;

  // Before the first diagonal nothing can be reached, but for where every path begins.
  std::fill_n(rolling, 3 * widest, kInfinity);
  rolling[0] = 0;
  const double *before_last = rolling + 1, *last = rolling + widest + 1;
  double* row = keep ? table + 1 : rolling + 2 * widest + 1;
  for (std::int64_t d = 0; d < count; ++d) {
    const std::int64_t d0 = d / kBlockDiagonals * kBlockDiagonals, first = diagonals.first(d),
                       length = diagonals.length(d);
    if (d == d0) gather_block(distances, diagonals, d0, block);
    const double* const left = last + first - diagonals.first(d - 1);
    soft_dtw_diagonal(left - 1, left, before_last + first - 1 - diagonals.first(d - 2),
                      block + (d - d0) * stride + first - diagonals.first(d0), length, gamma, scale, row);
    close_row(row, length);
    double* const next = keep ? row + length + 1 + kMostLanes : rolling + d % 3 * widest + 1;
    before_last = last, last = row, row = next;
  }
  *value = *last;
  if (!keep) return;

  // The same rows from the last on; of what is handed on the last two diagonals are kept, of corners three.
  std::fill_n(rolling, kRollingRows * widest, 0.0);
  const auto handed_by = [&](std::int64_t d) {
    double* const first_row = rolling + 1;
    return Handed{first_row + d % 2 * widest, first_row + (2 + d % 2) * widest, first_row + (4 + d % 3) * widest};
  };
  auto* const outside = arena.request<double>(widest);
  std::fill_n(outside, widest, kInfinity);
  const auto start_before = [&](const double* start, std::int64_t d) -> const double* {
    return d > 0 ? start - (diagonals.length(d - 1) + 1 + kMostLanes) : outside + 1;
  };
  handed_by(count).left[-1] = 1;  // the last cell's own share
  const double* here = last;
  for (std::int64_t d = count - 1; d >= 0; --d) {
    const std::int64_t d0 = d / kBlockDiagonals * kBlockDiagonals, first = diagonals.first(d),
                       length = diagonals.length(d);
    const double* const one_before = start_before(here, d);
    const double* const two_before = d > 0 ? start_before(one_before, d - 1) : outside + 1;
    const double* const left = one_before + first - diagonals.first(d - 1);
    const std::int64_t from_next = first - diagonals.first(d + 1), from_second = first - diagonals.first(d + 2);
    const Handed next = handed_by(d + 1), handed = handed_by(d);
    soft_dtw_way_back(left - 1, left, two_before + first - 1 - diagonals.first(d - 2),
                      {next.above + from_next + 1, next.left + from_next, handed_by(d + 2).corner + from_second + 1},
                      length, scale, kLeastShare, block + (d - d0) * stride + first - diagonals.first(d0), handed);
    for (double* const part : {handed.above, handed.left, handed.corner}) part[-1] = part[length] = 0;
    if (d == d0) scatter_block(block, diagonals, d0, alignment);
    here = one_before;
  }
}

}  // namespace
}  // namespace alignment::kernels::cpu
