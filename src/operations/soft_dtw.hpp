#pragma once

#include <cstdint>

#include "kernels/matrices.hpp"

/// Soft-DTW (kernels/soft_dtw.hpp) of pairs of ragged sequences, and its derivatives. What a pair takes beside its
/// result, n x m numbers a few times over, is one thread's and goes with it. The same bits on any number of threads.
///
/// All arrays are the caller's. The number of pairs may be 0. Bad input throws std::invalid_argument.
namespace alignment::operations {

/// What two steps cost: the squared distance, or kernels/pairwise.hpp's distance with its smallest one.
enum class StepCost : std::uint8_t { kSquaredEuclidean, kEuclidean };

/// Pair p: rows a_offsets[p] .. a_offsets[p+1] of a and rows b_offsets[p] .. b_offsets[p+1] of b, at least one of each.
template <typename Real>
struct SequencePairs {
  const Real* a = nullptr;                  ///< [a_offsets[P], F]
  const std::int64_t* a_offsets = nullptr;  ///< [P+1]
  const Real* b = nullptr;                  ///< [b_offsets[P], F]
  const std::int64_t* b_offsets = nullptr;  ///< [P+1]
  std::int64_t count = 0;                   ///< P
  std::int64_t feature_dim = 0;             ///< F
  StepCost cost = StepCost::kSquaredEuclidean;
  double gamma = 1;
};

/// values [P], out.
template <typename Real>
void soft_dtw(const SequencePairs<Real>& pairs, Real* values, int threads);

/// Adds dL/da and dL/db to arrays of the shapes of a and b. value_gradient [P] dL/d value.
template <typename Real>
void soft_dtw_gradient(const SequencePairs<Real>& pairs, const Real* value_gradient, Real* a_gradient, Real* b_gradient,
                       int threads);

/// Of given distance matrices: values [P], out.
template <typename Real>
void soft_dtw_of_distances(const kernels::MatricesView<Real>& distances, double gamma, Real* values, int threads);

/// dL/d distance, out: the expected alignment of each matrix, times value_gradient [P], where the matrix lies.
template <typename Real>
void soft_dtw_of_distances_gradient(const kernels::MatricesView<Real>& distances, double gamma,
                                    const Real* value_gradient, Real* distance_gradient, int threads);

}  // namespace alignment::operations
