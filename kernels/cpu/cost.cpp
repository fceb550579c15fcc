#include "kernels/cost.hpp"

#include <algorithm>

#include "kernels/parallel.hpp"

namespace alignment::kernels::cpu {

PackedParameters pack_parameters(const ParametersView<float>& parameters, float* packed, int threads) {
  const std::int64_t classes = parameters.classes, steps = parameters.steps, feature_dim = parameters.feature_dim;
  const std::int64_t panels = (classes * steps + kPanelRows - 1) / kPanelRows;
  parallel_for(threads, panels, even_chunk(panels, threads), [&](std::int64_t panel, int) {
    float* const destination = packed + panel * feature_dim * 2 * kPanelRows;
    for (std::int64_t lane = 0; lane < kPanelRows; ++lane) {
      const std::int64_t row = panel * kPanelRows + lane;
      const std::int64_t i = row / classes, c = row % classes;
      for (std::int64_t f = 0; f < feature_dim; ++f) {
        float* const pair = destination + f * 2 * kPanelRows + lane;
        const std::int64_t element = (c * steps + i) * feature_dim + f;
        pair[0] = i < steps ? parameters.centroids[element] : 0.0F;
        pair[kPanelRows] = i < steps ? parameters.weights[element] : 0.0F;
      }
    }
  });
  return {packed, classes, steps, feature_dim};
}

void cost_matrices(const PackedParameters& parameters, const BlockedSamples& samples, std::int64_t first_sample,
                   std::int64_t count, float* cost, const Variant& variant) {
  const std::int64_t panels = (parameters.classes * parameters.steps + kPanelRows - 1) / kPanelRows;
  variant.cost(parameters.data, panels, samples, first_sample, count, cost,
               cost_stride(parameters.classes, parameters.steps));
}

}  // namespace alignment::kernels::cpu
