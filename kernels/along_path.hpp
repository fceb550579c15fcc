#pragma once

#include <cstddef>

#include "kernels/blocks.hpp"
#include "kernels/device.hpp"
#include "kernels/tensors.hpp"
#include "kernels/variants.hpp"
#include "kernels/workspace.hpp"

/// Distances and gradients on fixed paths (thesis, section 3.4 and appendix A).
///
///   distance = sum over path cells (i,j) and f of u[c,i,f] * |centroid[c,i,f] - m[j,f]|
///
/// With S = sum of sign(centroid - m) over the columns of row i and B = sum of -sign * m, distance = sum u*(centroid*S
/// + B), hence
///   d distance / d centroid = u*S        d distance / d log_weight = u*(centroid*S + B) =: u*A
namespace dejavid::kernels {

namespace reference {
/// distances [B,C] on breakpoints [B,C,K-1].
template <typename Real>
void distances_along_paths(const ParametersView<Real>& parameters, const SamplesView<Real>& samples,
                           const std::int32_t* breakpoints, double* distances);

/// | argument          | layout                                                   | direction |
/// | distance_gradient | [B,C] dL/d distance                                      | in |
/// | tie_sign          | sign where centroid = m                                  | in |
/// | slope_sum         | [C,K,F] += sum over b of distance_gradient * S           | in/out |
/// | magnitude_sum     | [C,K,F] += sum over b of distance_gradient * A           | in/out |
/// dL/d centroid = u * slope_sum and dL/d log_weight = u * magnitude_sum: the factor u is the same for every sample and
/// rank, so it is applied once, after the sums over samples and ranks.
template <typename Real>
void gradient_along_paths(const ParametersView<Real>& parameters, const SamplesView<Real>& samples,
                          const std::int32_t* breakpoints, const Real* distance_gradient, TieSign tie_sign,
                          double* slope_sum, double* magnitude_sum);
}  // namespace reference

namespace cpu {
/// Bytes that distances_along_paths() needs for these samples on `threads` threads.
[[nodiscard]] std::size_t distances_workspace_bytes(const BlockedParameters& parameters, const BlockedSamples& samples,
                                                    int threads);

/// As reference::distances_along_paths: f32 within at most three blocks of features, f64 across them. A sample's
/// distances depend neither on the samples beside it nor on the threads. `workspace`: distances_workspace_bytes(),
/// aligned to Workspace::kAlignment.
void distances_along_paths(const BlockedParameters& parameters, const BlockedSamples& samples,
                           const std::int32_t* breakpoints, double* distances, std::byte* workspace, int threads,
                           const Variant& variant = best_variant());

/// Bytes that gradient_along_paths() needs for these samples on `threads` threads.
[[nodiscard]] std::size_t gradient_workspace_bytes(const BlockedParameters& parameters, const BlockedSamples& samples,
                                                   std::int64_t group, int threads);

/// As reference::gradient_along_paths, with slope_sum and magnitude_sum blocked [C*K, F]. Samples are added in groups
/// of `group` consecutive ones: f32 within a group, f64 across groups, in order and
/// without atomics. So the result does not depend on the threads, nor (but for the last bits of f64) on how whole
/// groups are spread over ranks.
void gradient_along_paths(const BlockedParameters& parameters, const BlockedSamples& samples,
                          const std::int32_t* breakpoints, const float* distance_gradient, TieSign tie_sign,
                          std::int64_t group, double* slope_sum, double* magnitude_sum, std::byte* workspace,
                          int threads, const Variant& variant = best_variant());
}  // namespace cpu

namespace cuda {
/// Numbers that distances_along_paths() writes for each sample and class, to be added up in f64: one for each slice of
/// the features and chunk of the centroid steps.
[[nodiscard]] std::int64_t distance_parts(std::int64_t steps, std::int64_t feature_dim);

/// As reference::distances_along_paths, cut into parts: `parts` [distance_parts, B, C] f32.
void distances_along_paths(const ParametersView<float>& parameters, const Samples& samples,
                           const std::int32_t* breakpoints, float* parts, Stream stream);

/// Some consecutive classes.
struct ClassRange {
  std::int64_t first = 0, count = 0;
};

/// Bytes that gradient_along_paths() needs, for any range of the classes. `processors`: multiprocessors to keep busy.
[[nodiscard]] std::size_t gradient_workspace_bytes(const ParametersView<float>& parameters, const Samples& samples,
                                                   int processors);

/// As reference::gradient_along_paths for the classes of `range`, in f32, written and not added: gradient_sums
/// [C,2,K,F], slope_sum and magnitude_sum of a class side by side, so that a range of classes is one piece of memory.
///
/// Each element is summed by one thread, over a fixed part of the samples in order, and the parts in order: the same
/// bits every time. A difference below 2^-126 may count as a part of a sign. `distance_gradient` [B,C] f32.
/// `workspace`: gradient_workspace_bytes().
void gradient_along_paths(const ParametersView<float>& parameters, const Samples& samples,
                          const std::int32_t* breakpoints, const float* distance_gradient, TieSign tie_sign,
                          ClassRange range, float* gradient_sums, std::byte* workspace, int processors, Stream stream);
}  // namespace cuda

}  // namespace dejavid::kernels
