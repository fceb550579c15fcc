#pragma once

#include <cstddef>

#include "kernels/blocks.hpp"
#include "kernels/cost.hpp"
#include "kernels/device.hpp"
#include "kernels/tensors.hpp"
#include "kernels/variants.hpp"
#include "kernels/workspace.hpp"

/// Distances and gradients on fixed paths (thesis, section 3.4 and appendix A).
///
///   distance = sum over path cells (i,j) and f of u[c,i,f] * |centroid[c,i,f] - m[j,f]|
///
/// With slope = sum of sign(centroid - m) over the columns of row i and intercept = sum of -sign * m,
/// distance = sum u*(centroid*slope + intercept), hence
///   d distance / d centroid = u*slope
///   d distance / d log_weight = u*(centroid*slope + intercept) =: u*magnitude
namespace alignment::kernels {

namespace reference {
/// distances [B,C] on breakpoints [B,C,K-1].
template <typename Real>
void distances_along_paths(const ParametersView<Real>& parameters, const SamplesView<Real>& samples,
                           const std::int32_t* breakpoints, double* distances);

/// | argument          | layout                                                   | direction |
/// | distance_gradient | [B,C] dL/d distance                                      | in |
/// | tie_sign          | sign where centroid = m                                  | in |
/// | slope_sum         | [C,K,F] += sum over b of distance_gradient * slope       | in/out |
/// | magnitude_sum     | [C,K,F] += sum over b of distance_gradient * magnitude   | in/out |
/// dL/d centroid = u * slope_sum and dL/d log_weight = u * magnitude_sum: the factor u is the same for every sample and
/// rank, so it is applied once, after the sums over samples and ranks.
template <typename Real>
void gradient_along_paths(const ParametersView<Real>& parameters, const SamplesView<Real>& samples,
                          const std::int32_t* breakpoints, const Real* distance_gradient, TieSign tie_sign,
                          double* slope_sum, double* magnitude_sum);

/// dL/d m of every sample, written: feature_gradient [sum of T, F] from the first sample on, sum over classes and over
/// the rows i whose columns have j of -distance_gradient * u * sign(centroid - m), which is 0 where centroid = m.
template <typename Real>
void feature_gradient_along_paths(const ParametersView<Real>& parameters, const SamplesView<Real>& samples,
                                  const std::int32_t* breakpoints, const Real* distance_gradient,
                                  Real* feature_gradient);
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

/// As reference::feature_gradient_along_paths: one sum of Real over classes and rows in order, so within C * K + 1
/// roundings of the sum of its terms' magnitudes. The same bits on any number of threads.
template <typename Real>
void feature_gradient_along_paths(const ParametersView<Real>& parameters, const SamplesView<Real>& samples,
                                  const std::int32_t* breakpoints, const Real* distance_gradient,
                                  Real* feature_gradient, int threads);
}  // namespace cpu

namespace cuda {
/// Numbers that distances_along_paths() writes for each sample and class, to be added up in f64: one for each slice of
/// the features and chunk of the centroid steps.
[[nodiscard]] std::int64_t distance_parts(std::int64_t steps, std::int64_t feature_dim);

/// As reference::distances_along_paths, cut into parts: `parts` [distance_parts, B, C] f32. A sample's parts depend on
/// the samples beside it as little as on `processors`, the multiprocessors to keep busy.
void distances_along_paths(const ParametersView<float>& parameters, const Samples& samples,
                           const std::int32_t* breakpoints, float* parts, int processors, Stream stream);

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
/// bits every time. With n cells of a row on a path, p of them positive, slope = 2p - n: slope_sum is twice the sum of
/// distance_gradient * p less the sum of distance_gradient * n, so it is rounded relative to the latter, three times a
/// sample. Where ties have the sign 0, a difference below 2^-126 may count as a part of a sign. `distance_gradient`
/// [B,C] f32. `workspace`: gradient_workspace_bytes().
void gradient_along_paths(const ParametersView<float>& parameters, const Samples& samples,
                          const std::int32_t* breakpoints, const float* distance_gradient, TieSign tie_sign,
                          ClassRange range, float* gradient_sums, std::byte* workspace, int processors, Stream stream);

/// How far a number of HalfPaths may be from its feature's shift, in units of 1/scale: sums of 64 differences are
/// finite.
inline constexpr float kHalfPathLimit = 500.0F;
/// What a number of HalfPaths is a multiple of, in units of 1/scale.
inline constexpr float kHalfPathQuantum = 0x1p-15F;
/// The most cells of a row that are summed in f16.
inline constexpr std::int64_t kHalfPathCells = 64;

/// A batch in f16 and its paths. A number x of feature f is
///   x' = (x - shift[f]) * scale[f]
/// to the nearest multiple of kHalfPathQuantum, kept within kHalfPathLimit, and rounded to f16: off by at most
/// max(2^-16, 2^-11 |x'|) where it is within the limit. What is not finite becomes NaN: what it takes part in must not
/// look finite.
struct HalfPaths {
  const void* columns = nullptr;          ///< halves, a slice of the features after the other: [total_steps, slice]
  const void* routes = nullptr;           ///< what each path does to each tile of at most kHalfPathCells columns
  const std::int32_t* offsets = nullptr;  ///< as in Samples
  const float* shifts = nullptr;          ///< [F]
  const float* scales = nullptr;          ///< [F] powers of two
  std::int64_t count = 0, classes = 0, steps = 0, feature_dim = 0, total_steps = 0;
};

/// Bytes that hold columns and routes of HalfPaths. Of `samples` only extents are read.
[[nodiscard]] std::size_t half_paths_bytes(const Samples& samples, std::int64_t classes, std::int64_t steps);

/// `breakpoints` [B,C,K-1]. `memory`: half_paths_bytes(). `scaling`: shifts and scales, whose arrays must stay as long
/// as `memory`; any centroids' may be taken, but the nearer to the live ones', the smaller the rounding.
HalfPaths prepare_half_paths(const HalfPackedParameters& scaling, const Samples& samples,
                             const std::int32_t* breakpoints, std::byte* memory, Stream stream);

/// As distance_parts(), of the distances in f16.
[[nodiscard]] std::int64_t half_distance_parts(std::int64_t steps, std::int64_t feature_dim);

/// As the distances in f32, cut into parts [half_distance_parts, B, C], with features and centroids in f16, two to an
/// instruction: the distances for numbers x', of which every |c' - m'| is rounded once and sums of at most
/// n <= kHalfPathCells of a row are in f16; weights and all other sums are in f32. So a distance is off by at most
///   (n 2^-11 + N 2^-23) of itself + sum of u * (2^-11 (|c'| + |m'|) + 2^-15) / scale
/// where N is K*F + K + 8, and by much less as roundings go either way: about 2^-12 of itself over the root of its
/// terms. A number that is not finite makes distances not finite. A sample's distances do not depend on the samples
/// beside it.
void distances_along_paths(const ParametersView<float>& parameters, const HalfPaths& paths, float* parts,
                           int processors, Stream stream);

/// Bytes that the gradient in f16 needs, for any range of the classes.
[[nodiscard]] std::size_t half_gradient_workspace_bytes(const Samples& samples, std::int64_t classes,
                                                        std::int64_t steps, int processors);

/// As the gradient in f32, with features and centroids in f16 and a row's cells of one sample, at most kHalfPathCells
/// at a time, summed in f16; distance gradients and all other sums are in f32. What it computes is the gradient for
/// numbers x':
///   - signs are exact, ties included, and so are slopes but for f32's rounding;
///   - a row's magnitude is off by n 2^-11 of it, where n are its cells.
/// So a sign differs from f32's only where centroid and feature are nearer than their roundings, and a sum of
/// |distance_gradient| * |centroid - m| is off by at most
///   n 2^-11 of itself + sum of |distance_gradient| * (2^-11 (|c'| + |m'|) + 2^-15) / scale
/// beside f32's rounding. A number that is not finite makes sums not finite. The same bits every time.
void gradient_along_paths(const ParametersView<float>& parameters, const HalfPaths& paths,
                          const float* distance_gradient, TieSign tie_sign, ClassRange range, float* gradient_sums,
                          std::byte* workspace, int processors, Stream stream);
}  // namespace cuda

}  // namespace alignment::kernels
