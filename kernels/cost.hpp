#pragma once

#include <cstddef>

#include "kernels/blocks.hpp"
#include "kernels/device.hpp"
#include "kernels/tensors.hpp"
#include "kernels/variants.hpp"

/// Weighted L1 cost matrices:
///   cost(c,i,j) = sum over f of u[c,i,f] * |centroid[c,i,f] - m[j,f]|        (thesis, section 3.3)
///
/// All samples' steps stand one after the other as columns, all classes' steps as rows, step-major: row i*C + c.
/// Neighbouring classes of one step are neighbours in memory, so that the dynamic programme runs over classes side by
/// side.
namespace alignment::kernels {

/// Rows are processed in panels of this many; packed parameters and cost rows are padded to it.
inline constexpr std::int64_t kPanelRows = 16;

/// Distance between two columns of a cost buffer, in elements: K*C and room to read a whole vector from any class
/// onward.
[[nodiscard]] constexpr std::int64_t cost_stride(std::int64_t classes, std::int64_t steps) {
  return (classes * steps + 2 * kPanelRows - 2) / kPanelRows * kPanelRows;
}

/// Elements of a packed copy of parameters.
[[nodiscard]] constexpr std::int64_t packed_parameter_count(std::int64_t classes, std::int64_t steps,
                                                            std::int64_t feature_dim) {
  return (classes * steps + kPanelRows - 1) / kPanelRows * kPanelRows * feature_dim * 2;
}

/// Parameters rearranged for the cost kernels: [panel][F][centroid, weight][row in panel], padding rows zero.
struct PackedParameters {
  const float* data = nullptr;  ///< packed_parameter_count() elements, aligned to 64 bytes
  std::int64_t classes = 0, steps = 0, feature_dim = 0;
};

namespace reference {
/// | argument   | layout                                  | direction |
/// | parameters | [C,K,F]                                 | in        |
/// | samples    | ragged [sum of T, F]                    | in        |
/// | cost       | [sum of T, cost_stride], row i*C + c    | out; padding is left alone |
template <typename Real>
void cost_matrices(const ParametersView<Real>& parameters, const SamplesView<Real>& samples, double* cost);
}  // namespace reference

namespace cpu {
/// Rearranges `parameters` into `packed` (packed_parameter_count() elements, aligned to 64 bytes).
PackedParameters pack_parameters(const ParametersView<float>& parameters, float* packed, int threads);

/// As reference::cost_matrices. Every element is one f32 sum over the features in order, whatever the samples beside
/// it; variants with fused multiply-add give the same bits. Samples first_sample .. first_sample + count only, whose
/// columns `cost` begins with. One thread; `cost` aligned to 64 bytes.
void cost_matrices(const PackedParameters& parameters, const BlockedSamples& samples, std::int64_t first_sample,
                   std::int64_t count, float* cost, const Variant& variant = best_variant());
}  // namespace cpu

namespace cuda {
/// Rows and columns are packed in panels of this many.
inline constexpr std::int64_t kPanelWidth = 64;
/// Packed arrays and cost columns are padded to whole tiles of this many rows or columns.
inline constexpr std::int64_t kTileWidth = 128;
/// Packed arrays are padded with zeros to a multiple of this many features.
inline constexpr std::int64_t kFeatureStage = 16;

[[nodiscard]] constexpr std::int64_t padded_to(std::int64_t count, std::int64_t multiple) {
  return (count + multiple - 1) / multiple * multiple;
}
/// Distance between two columns of a cost buffer on the GPU, in elements.
[[nodiscard]] constexpr std::int64_t cost_stride(std::int64_t classes, std::int64_t steps) {
  return padded_to(classes * steps, kTileWidth);
}
[[nodiscard]] constexpr std::int64_t packed_parameter_count(std::int64_t classes, std::int64_t steps,
                                                            std::int64_t feature_dim) {
  return padded_to(classes * steps, kTileWidth) * padded_to(feature_dim, kFeatureStage) * 2;
}
[[nodiscard]] constexpr std::int64_t packed_sample_count(std::int64_t total_steps, std::int64_t feature_dim) {
  return padded_to(total_steps, kTileWidth) * padded_to(feature_dim, kFeatureStage);
}

/// `parameters` -> [panel][F][centroid, weight][row in panel], row = i*C + c; packed_parameter_count() elements.
PackedParameters pack_parameters(const ParametersView<float>& parameters, float* packed, Stream stream);

/// `samples` -> [panel][F][column in panel], f32; packed_sample_count() elements.
void pack_samples(const Samples& samples, float* packed, Stream stream);

/// cost [total_steps, cost_stride], row = i*C + c. Every element is one f32 sum over the features in order, each term a
/// subtraction and a fused multiply-add: the same bits as the CPU's variants with fused multiply-add give.
void cost_matrices(const PackedParameters& parameters, const float* packed_samples, std::int64_t total_steps,
                   float* cost, Stream stream);

/// Arrays packed in f16 are padded with zeros to a multiple of this many features.
inline constexpr std::int64_t kHalfFeatureStage = 32;
/// The largest packed number. Samples further from the centroids' mean than so many of their spreads count as that far.
inline constexpr float kHalfLimit = 2000.0F;

/// Parameters in f16, scaled so that path searches stay as exact as f16 allows and cannot overflow:
///   centroid' = (centroid - shift[f]) * scale[f]
///   weight' = weight / scale[f] * class_factor[c]
/// rounded to nearest, centroid' kept within kHalfLimit. Samples are packed as centroids are. Scales and factors are
/// powers of two: a scale makes the mean distance of a feature's centroids from their mean at least 1/2 and less than 1
/// (1 where there is none), a factor the largest weight' of its class. A shift is a multiple of 1/scale near that mean,
/// so that small integers stay exact. A cost is class_factor[c] times what it would be, and paths are the same, as a
/// path compares costs of one class only.
///
/// Halves lie as the lanes of a warp take them to tensor cores:
///   [panel of 64 rows][F/16][centroid', 2 weight'][row/2 % 32][f/2 % 4][row % 2][f/8 % 2][f % 2]
/// A row's constant is what its costs begin with: the sum of -weight' centroid' over features with f % 16 < 8 and of
/// weight' centroid' over the others, rounded to f32 once.
struct HalfPackedParameters {
  const void* halves = nullptr;          ///< centroids and weights, rows and features padded with zeros
  const float* constants = nullptr;      ///< [rows padded to kTileWidth]
  const float* shifts = nullptr;         ///< [F]
  const float* scales = nullptr;         ///< [F]
  const float* class_factors = nullptr;  ///< [C]
  std::int64_t classes = 0, steps = 0, feature_dim = 0;
};

/// Bytes that hold everything HalfPackedParameters points at.
[[nodiscard]] std::size_t half_packed_parameter_bytes(std::int64_t classes, std::int64_t steps,
                                                      std::int64_t feature_dim);
/// Halves of packed samples.
[[nodiscard]] constexpr std::int64_t half_packed_sample_count(std::int64_t total_steps, std::int64_t feature_dim) {
  return padded_to(total_steps, kTileWidth) * padded_to(feature_dim, kHalfFeatureStage);
}

/// `packed`: half_packed_parameter_bytes().
HalfPackedParameters pack_half_parameters(const ParametersView<float>& parameters, std::byte* packed, Stream stream);

/// `samples` -> [panel][F/8][column in panel][8], scaled as `parameters` are; half_packed_sample_count() halves.
void pack_half_samples(const HalfPackedParameters& parameters, const Samples& samples, void* packed, Stream stream);

/// cost [total_steps, cost_stride], row = i*C + c, of the packed numbers u, c and m. Of every 16 features
///   u|c-m| = 2u max(c,m)  - uc - um    for the first 8 and
///   u|c-m| = 2u relu(m-c) + uc - um    for the others,
/// where m-c is rounded to f16 and products are exact. Sums, in f32 on tensor cores, begin with the row's constant; one
/// matrix product for every 16 features adds -um, a second one the rest. Each may make a sum wrong by 18 * 2^-23 of the
/// largest among the 16 terms and the sums before and after, hence a cost by
///   2^-10 cost + ceil(F/16) * 36 * 2^-23 * (cost + sum of u|c| + L),
/// L being the largest of 2u(|c|+|m|) and of the sums of u|m| over 16 features. A cost that this would leave below 0 is
/// 0. Always finite, and the same whatever the samples beside it.
void cost_matrices(const HalfPackedParameters& parameters, const void* packed_samples, std::int64_t total_steps,
                   float* cost, Stream stream);
}  // namespace cuda

}  // namespace alignment::kernels
