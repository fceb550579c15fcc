#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/alignment_variants.hpp"
#include "kernels/device.hpp"
#include "kernels/matrices.hpp"

/// Soft-DTW of ragged distance matrices of any length (LRProp, eq. 10 and 11; Cuturi and Blondel 2017):
///
///   r(i,j) = D(i,j) + softmin{r(i-1,j), r(i,j-1), r(i-1,j-1)},  softmin a = -gamma log sum exp(-a / gamma)
///
/// It may be negative: gamma times the logarithm of the number of paths is taken off. Its gradient in D is the expected
/// alignment E: E(i,j) is the share of the paths that pass (i,j).
namespace alignment::kernels {

namespace reference {
/// values [B] r(n-1,m-1); alignments: E of matrix b from alignments + offsets[b], or nullptr. Tables are f64.
template <typename Real>
void soft_dtw(const MatricesView<Real>& distances, double gamma, double* values, Real* alignments);
}  // namespace reference

namespace cpu {
/// As the reference, tables in f64, with exponentials and logarithms of its own: off by less than 1e-15 of the sum that
/// they enter. A cell that less than 2^-500 of the paths pass, in f32 2^-126, counts as passed by none. Every distance
/// finite. The same bits on any number of threads, which
/// share out matrices. `workspace`: soft_dtw_workspace_bytes(), which looks at extents only; without alignments it does
/// not grow with the matrices' area.
template <typename Real>
[[nodiscard]] std::size_t soft_dtw_workspace_bytes(const MatricesView<Real>& matrices, bool alignments, int threads);
template <typename Real>
void soft_dtw(const MatricesView<Real>& distances, double gamma, double* values, Real* alignments, std::byte* workspace,
              int threads, const AlignmentVariant& variant = best_alignment_variant());
}  // namespace cpu

namespace cuda {
/// As the reference, in f64; values and alignments in GPU memory. `workspace`: soft_dtw_workspace_bytes().
template <typename Real>
[[nodiscard]] std::size_t soft_dtw_workspace_bytes(const Matrices<Real>& distances, bool alignments);
template <typename Real>
void soft_dtw(const Matrices<Real>& distances, double gamma, double* values, Real* alignments, std::byte* workspace,
              Stream stream);
}  // namespace cuda

}  // namespace alignment::kernels
