#include "kernels/quantized.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/cost.hpp"
#include "kernels/cpu/path_search.hpp"
#include "kernels/cpu/simd/quantized_table.hpp"
#include "kernels/parallel.hpp"
#include "kernels/workspace.hpp"

namespace alignment::kernels::cpu {
namespace {

struct ParameterArrays {
  std::int8_t* packed;
  float* lows;           ///< [padded F]
  float* inverse_steps;  ///< [padded F]
  float* steps;          ///< [padded F]
};

std::int64_t panel_count(std::int64_t classes, std::int64_t steps) {
  return (classes * steps + kPanelRows - 1) / kPanelRows;
}

std::int64_t panel_bytes(std::int64_t feature_dim) {
  return quantized_groups(feature_dim) * 2 * kPanelRows * kQuantizedGroup;
}

ParameterArrays carve(Workspace& workspace, std::int64_t classes, std::int64_t steps, std::int64_t feature_dim) {
  const std::int64_t features = padded_features(feature_dim);
  return {workspace.request<std::int8_t>(panel_count(classes, steps) * panel_bytes(feature_dim)),
          workspace.request<float>(features), workspace.request<float>(features), workspace.request<float>(features)};
}

void choose_scale(const ParametersView<float>& parameters, const ParameterArrays& arrays) {
  const std::int64_t rows = parameters.classes * parameters.steps, feature_dim = parameters.feature_dim;
  std::copy_n(parameters.centroids, feature_dim, arrays.lows);   // the least of every feature
  std::copy_n(parameters.centroids, feature_dim, arrays.steps);  // the most
  for (std::int64_t row = 1; row < rows; ++row) {
    for (std::int64_t f = 0; f < feature_dim; ++f) {
      const float centroid = parameters.centroids[row * feature_dim + f];
      arrays.lows[f] = std::min(arrays.lows[f], centroid);
      arrays.steps[f] = std::max(arrays.steps[f], centroid);
    }
  }
  for (std::int64_t f = 0; f < feature_dim; ++f) {
    const float least = arrays.lows[f], most = arrays.steps[f], range = most - least;
    arrays.lows[f] = (least + most) / 2 - range;
    arrays.steps[f] = 2 * range / kMostQuantized;
    arrays.inverse_steps[f] = range > 0 ? 1 / arrays.steps[f] : 0.0F;
  }
  for (float* const array : {arrays.lows, arrays.steps, arrays.inverse_steps}) {
    std::fill(array + feature_dim, array + padded_features(feature_dim), 0.0F);
  }
}

void pack_class(const ParametersView<float>& parameters, const ParameterArrays& arrays, std::int64_t c) {
  const std::int64_t steps = parameters.steps, feature_dim = parameters.feature_dim;
  const float* const weights = parameters.weights + c * steps * feature_dim;
  const float* const centroids = parameters.centroids + c * steps * feature_dim;
  float largest = 0;
  for (std::int64_t i = 0; i < steps; ++i) {
    for (std::int64_t f = 0; f < feature_dim; ++f) {
      largest = std::max(largest, weights[i * feature_dim + f] * arrays.steps[f]);
    }
  }
  const float factor = largest > 0 ? kMostQuantized / largest : 0.0F;
  for (std::int64_t i = 0; i < steps; ++i) {
    const std::int64_t row = i * parameters.classes + c;
    std::int8_t* const panel = arrays.packed + row / kPanelRows * panel_bytes(feature_dim);
    std::int8_t* const lane = panel + row % kPanelRows * kQuantizedGroup;
    float left = 0;
    for (std::int64_t f = 0; f < feature_dim; ++f) {
      const float wanted = weights[i * feature_dim + f] * arrays.steps[f] * factor;
      const float rounded = std::clamp(std::nearbyint(wanted + left), 0.0F, static_cast<float>(kMostQuantized));
      left = wanted + left - rounded;
      std::int8_t* const centroid = lane + f / kQuantizedGroup * 2 * kPanelRows * kQuantizedGroup + f % kQuantizedGroup;
      centroid[0] =
          static_cast<std::int8_t>(quantize(centroids[i * feature_dim + f], arrays.lows[f], arrays.inverse_steps[f]));
      centroid[kPanelRows * kQuantizedGroup] = static_cast<std::int8_t>(rounded);
    }
  }
}

PathSearch path_search(const QuantizedParameters& parameters) {
  return {parameters.classes, parameters.steps, (padded_features(parameters.feature_dim) + 63) / 64 * 64, {}};
}

}  // namespace

std::span<const QuantizedVariant> quantized_variants() {
#if defined(DEJAVID_X86_VARIANTS)
  static const std::array table{avx512vnni_quantized_variant(), avx2vnni_quantized_variant(), avx2_quantized_variant(),
                                portable_quantized_variant()};
#else
  static const std::array table{portable_quantized_variant()};
#endif
  return table;
}

const QuantizedVariant& best_quantized_variant() {
  static const QuantizedVariant& best = *std::find_if(quantized_variants().begin(), quantized_variants().end(),
                                                      [](const auto& variant) { return variant.supported(); });
  return best;
}

std::size_t quantized_parameter_bytes(std::int64_t classes, std::int64_t steps, std::int64_t feature_dim) {
  Workspace sizing(nullptr);
  carve(sizing, classes, steps, feature_dim);
  return sizing.required_bytes();
}

QuantizedParameters quantize_parameters(const ParametersView<float>& parameters, std::byte* memory, int threads) {
  Workspace arena(memory);
  const ParameterArrays arrays = carve(arena, parameters.classes, parameters.steps, parameters.feature_dim);
  choose_scale(parameters, arrays);
  std::fill_n(arrays.packed, panel_count(parameters.classes, parameters.steps) * panel_bytes(parameters.feature_dim),
              std::int8_t{0});
  parallel_for(threads, parameters.classes, even_chunk(parameters.classes, threads),
               [&](std::int64_t c, int) { pack_class(parameters, arrays, c); });
  return {
      arrays.packed, {arrays.lows, arrays.inverse_steps}, parameters.classes, parameters.steps, parameters.feature_dim};
}

std::size_t search_quantized_paths_workspace_bytes(const QuantizedParameters& parameters, const BlockedSamples& samples,
                                                   int threads) {
  return workspace_bytes(path_search(parameters), samples, threads);
}

void search_quantized_paths(const QuantizedParameters& parameters, const BlockedSamples& samples, bool diagonal,
                            std::int32_t* breakpoints, std::byte* workspace, int threads,
                            const QuantizedVariant& variant) {
  const std::int64_t panels = panel_count(parameters.classes, parameters.steps);
  const std::int64_t stride = cost_stride(parameters.classes, parameters.steps);
  const std::int64_t step_bytes = padded_features(parameters.feature_dim);
  PathSearch search = path_search(parameters);
  search.costs = [&](std::int64_t first, std::int64_t count, float* cost, std::byte* scratch) {
    auto* const quantized = reinterpret_cast<std::int8_t*>(scratch);
    const auto offset = [&](std::int64_t b) { return samples.offsets[b] - samples.offsets[first]; };
    for (std::int64_t b = first; b < first + count; ++b) {
      variant.quantize_sample(samples.features[b], samples.length(b), parameters.feature_dim, parameters.scale,
                              quantized + offset(b) * step_bytes);
    }
    // Two panels at a time stay in a near cache while all samples pass.
    for (std::int64_t panel = 0; panel < panels; panel += 2) {
      for (std::int64_t b = first; b < first + count; ++b) {
        variant.cost(parameters.data, panel, std::min(panel + 2, panels), quantized_groups(parameters.feature_dim),
                     quantized + offset(b) * step_bytes, samples.length(b), cost + offset(b) * stride, stride);
      }
    }
  };
  run(search, samples, diagonal, breakpoints, nullptr, workspace, threads, best_variant());
}

}  // namespace alignment::kernels::cpu
