#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/alignment_variants.hpp"
#include "kernels/device.hpp"
#include "kernels/matrices.hpp"

/// Dynamic time warping of two videos on their distance matrix, diagonal steps allowed (LRProp, eq. 5 and 6):
///
///   r(i,j) = D(i,j) + min{r(i-1,j-1), r(i-1,j), r(i,j-1)}
///
/// Walking back from the last cell, of equally small predecessors the first in that order counts.
namespace alignment::kernels {

namespace reference {
/// The path of smallest cost through distances [n,m], from (0,0) to (n-1,m-1), into `path` (room for n + m - 1 cells).
/// Returns how many cells it has. The table is f64. `cost`: r(n-1,m-1), or nullptr.
template <typename Real>
std::int64_t dtw_path(const Real* distances, std::int64_t rows, std::int64_t columns, PathCell* path, double* cost);
}  // namespace reference

namespace cpu {
/// As reference::dtw_path, to the bit.
[[nodiscard]] std::size_t dtw_path_workspace_bytes(std::int64_t rows, std::int64_t columns);
template <typename Real>
std::int64_t dtw_path(const Real* distances, std::int64_t rows, std::int64_t columns, PathCell* path, double* cost,
                      std::byte* workspace, const AlignmentVariant& variant = best_alignment_variant());

/// The same of a batch. Path b begins at cells[sum over the matrices before it of n + m - 1] and has lengths[b] cells.
/// | cells   | [sum of n + m - 1] | out |
/// | lengths | [B]                | out |
/// | costs   | [B], or nullptr    | out |
/// `workspace`: dtw_paths_workspace_bytes(), which looks at extents only.
template <typename Real>
[[nodiscard]] std::size_t dtw_paths_workspace_bytes(const MatricesView<Real>& matrices, int threads);
template <typename Real>
void dtw_paths(const MatricesView<Real>& matrices, PathCell* cells, std::int64_t* lengths, double* costs,
               std::byte* workspace, int threads, const AlignmentVariant& variant = best_alignment_variant());
}  // namespace cpu

namespace cuda {
/// As reference::dtw_path for every matrix, to the bit; cells, lengths and costs as cpu::dtw_paths() has them, in GPU
/// memory. `workspace`: dtw_paths_workspace_bytes().
template <typename Real>
[[nodiscard]] std::size_t dtw_paths_workspace_bytes(const Matrices<Real>& distances);
template <typename Real>
void dtw_paths(const Matrices<Real>& distances, PathCell* cells, std::int64_t* lengths, double* costs,
               std::byte* workspace, Stream stream);
}  // namespace cuda

}  // namespace alignment::kernels
