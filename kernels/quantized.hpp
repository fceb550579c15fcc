#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>

#include "kernels/blocks.hpp"
#include "kernels/cost.hpp"
#include "kernels/device.hpp"
#include "kernels/tensors.hpp"
#include "kernels/variants.hpp"

/// Path search on integers of seven bits: four features an instruction where f32 has one.
///
/// Feature f of the frozen centroids spans [least, most]; low = middle - (most - least), step = 2*(most - least)/127,
/// and a number x becomes q(x) = floor(clamp((x - low) / step, 0, 127) + 1/2), in f32. A weight becomes w =
/// u*step*127 / (largest u*step of its class), rounded; what rounding took or gave goes into the next feature, so that
/// many small weights do not all vanish. Then
///
///   cost(c,i,j) = sum_f w[c,i,f] * |q(centroid[c,i,f]) - q(m[j,f])|      in integers,
///
/// which differs from the cost of cost.hpp by rounding, clamping and a factor a class; paths know no factor. A feature
/// in which all centroids agree counts for nothing. A number that is not finite becomes 0 or 127.
namespace alignment::kernels {

/// Largest value of a quantized number, and of a weight.
inline constexpr int kMostQuantized = 127;
/// Costs must fit into 32 bits.
inline constexpr std::int64_t kMostQuantizedFeatures = 2147483647 / (kMostQuantized * kMostQuantized);
/// Features that lie side by side.
inline constexpr std::int64_t kQuantizedGroup = 4;

[[nodiscard]] constexpr std::int64_t quantized_groups(std::int64_t feature_dim) {
  return (feature_dim + kQuantizedGroup - 1) / kQuantizedGroup;
}

/// How numbers are quantized: [F] each.
struct FeatureScale {
  const float* lows = nullptr;
  const float* inverse_steps = nullptr;  ///< 0 where all centroids agree
};

/// The number `value` of a feature.
[[nodiscard]] inline std::uint8_t quantize(float value, float low, float inverse_step) {
  const float position = (value - low) * inverse_step;
  const float least = position > 0.0F ? position : 0.0F;  // also where it is not a number
  const float clamped = least < static_cast<float>(kMostQuantized) ? least : static_cast<float>(kMostQuantized);
  return static_cast<std::uint8_t>(std::floor(clamped + 0.5F));
}

namespace reference {
/// | argument      | layout            | direction |
/// | parameters    | [C,K,F]           | in |
/// | lows          | [F]               | out |
/// | inverse_steps | [F]               | out |
/// | centroids     | [C,K,F] 0 .. 127  | out |
/// | weights       | [C,K,F] 0 .. 127  | out |
void quantize_parameters(const ParametersView<float>& parameters, float* lows, float* inverse_steps,
                         std::uint8_t* centroids, std::uint8_t* weights);
/// The cost of one centroid step [F] and one sample step [F], all quantized.
[[nodiscard]] std::int64_t quantized_cost(const std::uint8_t* centroid, const std::uint8_t* weight,
                                          const std::uint8_t* step, std::int64_t feature_dim);
}  // namespace reference

namespace cpu {

/// One instruction set's build of the inner loops; see QuantizedParameters and quantize_sample() for the layouts.
struct QuantizedVariant {
  std::string_view name;  ///< "avx512vnni", "avx2vnni", "avx2", "portable"
  bool (*supported)();
  /// Costs of every panel against one sample's `length` steps, as f32; a column is `stride` elements.
  void (*cost)(const std::int8_t* packed, std::int64_t first_panel, std::int64_t last_panel, std::int64_t groups,
               const std::int8_t* sample, std::int64_t length, float* cost, std::int64_t stride);
  /// blocked [T,F] -> [groups][T][4].
  void (*quantize_sample)(const float* blocked, std::int64_t length, std::int64_t feature_dim,
                          const FeatureScale& scale, std::int8_t* sample);
};

/// Every variant built into this program, fastest first.
[[nodiscard]] std::span<const QuantizedVariant> quantized_variants();
/// The first that this processor supports.
[[nodiscard]] const QuantizedVariant& best_quantized_variant();

/// Parameters rearranged for the kernels: [panel of 16 rows][groups][centroid, weight][16][4], row i*C + c; rows and
/// features beyond the last are zero.
struct QuantizedParameters {
  const std::int8_t* data = nullptr;
  FeatureScale scale;
  std::int64_t classes = 0, steps = 0, feature_dim = 0;
};

/// Bytes that quantize_parameters() writes.
[[nodiscard]] std::size_t quantized_parameter_bytes(std::int64_t classes, std::int64_t steps, std::int64_t feature_dim);
/// As reference::quantize_parameters, packed into `memory` (quantized_parameter_bytes(), aligned to
/// Workspace::kAlignment). At most kMostQuantizedFeatures features.
QuantizedParameters quantize_parameters(const ParametersView<float>& parameters, std::byte* memory, int threads);

/// Bytes that search_quantized_paths() needs for these samples on `threads` threads.
[[nodiscard]] std::size_t search_quantized_paths_workspace_bytes(const QuantizedParameters& parameters,
                                                                 const BlockedSamples& samples, int threads);
/// Paths [B,C,K-1] of every sample to every class in the costs above, as search_paths() finds them; the same on every
/// variant where a path's costs add up to less than 2^24.
void search_quantized_paths(const QuantizedParameters& parameters, const BlockedSamples& samples, bool diagonal,
                            std::int32_t* breakpoints, std::byte* workspace, int threads,
                            const QuantizedVariant& variant = best_quantized_variant());

}  // namespace cpu

namespace cuda {

/// Groups of four features, padded to whole stages of the cost kernel.
[[nodiscard]] constexpr std::int64_t padded_quantized_groups(std::int64_t feature_dim) {
  return padded_to(quantized_groups(feature_dim), kFeatureStage);
}
/// Words of quantized samples.
[[nodiscard]] constexpr std::int64_t quantized_sample_count(std::int64_t total_steps, std::int64_t feature_dim) {
  return padded_to(total_steps, kTileWidth) * padded_quantized_groups(feature_dim);
}

/// Parameters rearranged for the kernels: [panel][group][centroid, weight][row in panel], row i*C + c; a word is four
/// features, the first in its lowest byte. Rows and features beyond the last are zero.
struct QuantizedParameters {
  const std::uint32_t* words = nullptr;
  FeatureScale scale;  ///< padded with zeros to whole stages
  std::int64_t classes = 0, steps = 0, feature_dim = 0;
};

/// Bytes that hold everything QuantizedParameters points at.
[[nodiscard]] std::size_t quantized_parameter_bytes(std::int64_t classes, std::int64_t steps, std::int64_t feature_dim);

/// As reference::quantize_parameters, in its bits, packed into `memory` (quantized_parameter_bytes()). At most
/// kMostQuantizedFeatures features.
QuantizedParameters quantize_parameters(const ParametersView<float>& parameters, std::byte* memory, Stream stream);

/// `samples` -> [panel][group][column in panel], quantize() of every number by the scale of `parameters`;
/// quantized_sample_count() words.
void quantize_samples(const QuantizedParameters& parameters, const Samples& samples, std::uint32_t* packed,
                      Stream stream);

/// cost [total_steps, cost_stride], row = i*C + c, of the packed numbers: exact sums in integers, rounded to f32. The
/// same bits as the CPU's variants give.
void cost_matrices(const QuantizedParameters& parameters, const std::uint32_t* packed_samples, std::int64_t total_steps,
                   float* cost, Stream stream);

}  // namespace cuda
}  // namespace alignment::kernels
