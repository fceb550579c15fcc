#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/dtw.hpp"

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

}  // namespace alignment::kernels
