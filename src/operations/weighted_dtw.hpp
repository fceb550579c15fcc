#pragma once

#include <cstdint>

#include "kernels/tensors.hpp"

/// DejaVid's distance of ragged samples to the centroid sequences of classes, along the cheapest paths, and its
/// derivatives. By the fast kernels in f32, by their references in f64. The same bits on any number of threads.
///
/// Symbols as in kernels/tensors.hpp; all arrays are the caller's. B may be 0. Bad input throws std::invalid_argument.
namespace alignment::operations {

/// Samples and parameters as they come: logarithms of the weights.
template <typename Real>
struct WeightedDtw {
  kernels::SamplesView<Real> samples;
  const Real* centroids = nullptr;    ///< [C,K,F]
  const Real* log_weights = nullptr;  ///< [C,K,F]
  kernels::Extents extents;
};

/// | distances   | [B,C]                                        | out |
/// | breakpoints | [B,C,K-1], see row_columns()                 | out |
template <typename Real>
void weighted_dtw(const WeightedDtw<Real>& input, bool diagonal, Real* distances, std::int32_t* breakpoints,
                  int threads);

/// | breakpoints         | [B,C,K-1] of weighted_dtw()                | in |
/// | distance_gradient   | [B,C] dL/d distance                        | in |
/// | centroid_gradient   | [C,K,F] dL/d centroid                      | out |
/// | log_weight_gradient | [C,K,F] dL/d log_weight                    | out |
/// Where a centroid equals a sample the distance has a kink, and no slope there.
template <typename Real>
void weighted_dtw_parameter_gradient(const WeightedDtw<Real>& input, const std::int32_t* breakpoints,
                                     const Real* distance_gradient, Real* centroid_gradient, Real* log_weight_gradient,
                                     int threads);

/// feature_gradient [sum of T, F] from the first sample on: dL/d feature, out.
template <typename Real>
void weighted_dtw_feature_gradient(const WeightedDtw<Real>& input, const std::int32_t* breakpoints,
                                   const Real* distance_gradient, Real* feature_gradient, int threads);

}  // namespace alignment::operations
