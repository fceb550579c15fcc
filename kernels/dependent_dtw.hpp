#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/alignment_variants.hpp"
#include "kernels/pairwise.hpp"

/// Dependent dynamic time warping (DTW_D) of two multivariate sequences a [n,F] and b [m,F], full window:
///
///   D(i,j) = sum_f (a(i,f) - b(j,f))^2,  r(i,j) = D(i,j) + min{r(i-1,j-1), r(i-1,j), r(i,j-1)},  cost = r(n-1,m-1)
///
/// All in f64, features in their order. Only the cost is found; dtw.hpp finds paths.
namespace alignment::kernels {

namespace reference {
[[nodiscard]] double dependent_dtw(const RowsView<float>& a, const RowsView<float>& b);
}  // namespace reference

namespace cpu {
/// How a sequence is packed: as the side whose steps are the rows of the table, or as the one of the columns.
enum class TableSide : std::uint8_t { kRows, kColumns };

/// Numbers of a packed sequence of `count` steps.
[[nodiscard]] std::int64_t packed_sequence_count(std::int64_t count, std::int64_t width, TableSide side);
void pack_sequence(const RowsView<float>& sequence, TableSide side, double* packed);

/// A packed sequence: its `count` steps of `width` features.
struct PackedSequence {
  const double* packed = nullptr;
  std::int64_t count = 0, width = 0;
};

struct DependentDtw {
  double cost = 0;         ///< infinity where it was not finished
  std::int64_t cells = 0;  ///< of the table that were computed, in whole rows
};

/// The reference's cost to the bit, on any instruction set; or infinity, once it is known not to be below `limit`: no
/// cost decreases along a path, and every path crosses every row. All features finite. `workspace`:
/// dependent_dtw_workspace_bytes() of these columns or more.
[[nodiscard]] std::size_t dependent_dtw_workspace_bytes(std::int64_t columns);
[[nodiscard]] DependentDtw dependent_dtw(const PackedSequence& rows, const PackedSequence& columns, double limit,
                                         std::byte* workspace,
                                         const AlignmentVariant& variant = best_alignment_variant());
}  // namespace cpu

}  // namespace alignment::kernels
