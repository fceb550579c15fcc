#pragma once

#include <cstddef>

#include "kernels/cost.hpp"
#include "kernels/tensors.hpp"
#include "kernels/variants.hpp"
#include "kernels/workspace.hpp"

/// Dynamic time warping of every sample to every class, down to breakpoints (thesis, algorithms 2 and 3).
///
///   D(i,j) = cost(i,j) + min(D(i-1,j), D(i,j-1) [, D(i-1,j-1) with the diagonal])
///
/// Walking back from (K-1,T-1): without the diagonal, to i-1 only where D(i-1,j) is strictly smaller, else to j-1. With
/// it, to i-1 where that is strictly smaller than both others, else to j-1 where strictly smaller than the diagonal,
/// else the diagonal.
namespace alignment::kernels {

namespace reference {
/// | argument    | layout                              | direction |
/// | parameters  | [C,K,F]                             | in |
/// | samples     | ragged [sum of T, F]                | in |
/// | diagonal    | whether (i-1,j-1) is a step         | in |
/// | breakpoints | [B,C,K-1], see row_columns()        | out |
/// | distances   | [B,C] smallest path cost, or nullptr | out |
template <typename Real>
void search_paths(const ParametersView<Real>& parameters, const SamplesView<Real>& samples, bool diagonal,
                  std::int32_t* breakpoints, double* distances);

/// The dynamic programme alone, on one sample's cost matrix [K,T]; returns D(K-1,T-1). `breakpoints` [K-1].
double warp(const double* cost, std::int64_t steps, std::int64_t length, bool diagonal, std::int32_t* breakpoints);
}  // namespace reference

namespace cpu {
/// Bytes that search_paths() needs for these samples on `threads` threads.
[[nodiscard]] std::size_t search_paths_workspace_bytes(const PackedParameters& parameters,
                                                       const BlockedSamples& samples, int threads);

/// As reference::search_paths, in f32; a distance is the f64 sum of the path's costs, from the last cell to the first.
/// A sample's path does not depend on the samples beside it nor on the threads. `workspace`:
/// search_paths_workspace_bytes(), aligned to Workspace::kAlignment.
void search_paths(const PackedParameters& parameters, const BlockedSamples& samples, bool diagonal,
                  std::int32_t* breakpoints, double* distances, std::byte* workspace, int threads,
                  const Variant& variant = best_variant());
}  // namespace cpu

namespace cuda {
/// The dynamic programme alone, on cost [total_steps, cost_stride]; see search_precision.hpp for whole searches.
/// `workspace`: warp_workspace_bytes().
[[nodiscard]] std::size_t warp_workspace_bytes(std::int64_t classes, std::int64_t steps, const Samples& samples,
                                               bool diagonal);
void warp(const float* cost, std::int64_t classes, std::int64_t steps, const Samples& samples, bool diagonal,
          std::int32_t* breakpoints, double* distances, std::byte* workspace, Stream stream);
}  // namespace cuda

}  // namespace alignment::kernels
