#include "kernels/quantized.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

namespace alignment::kernels::reference {

void quantize_parameters(const ParametersView<float>& parameters, float* lows, float* inverse_steps,
                         std::uint8_t* centroids, std::uint8_t* weights) {
  const std::int64_t rows = parameters.classes * parameters.steps, feature_dim = parameters.feature_dim;
  std::vector<float> steps(static_cast<std::size_t>(feature_dim));
  for (std::int64_t f = 0; f < feature_dim; ++f) {
    float least = parameters.centroids[f], most = least;
    for (std::int64_t row = 1; row < rows; ++row) {
      least = std::min(least, parameters.centroids[row * feature_dim + f]);
      most = std::max(most, parameters.centroids[row * feature_dim + f]);
    }
    const float range = most - least;
    steps[static_cast<std::size_t>(f)] = 2 * range / kMostQuantized;
    lows[f] = (least + most) / 2 - range;
    inverse_steps[f] = range > 0 ? 1 / steps[static_cast<std::size_t>(f)] : 0.0F;
  }
  for (std::int64_t c = 0; c < parameters.classes; ++c) {
    const std::int64_t first_row = c * parameters.steps, last_row = first_row + parameters.steps;
    const auto scaled = [&](std::int64_t row, std::int64_t f) {
      return parameters.weights[row * feature_dim + f] * steps[static_cast<std::size_t>(f)];
    };
    float largest = 0;
    for (std::int64_t row = first_row; row < last_row; ++row) {
      for (std::int64_t f = 0; f < feature_dim; ++f) largest = std::max(largest, scaled(row, f));
    }
    const float factor = largest > 0 ? kMostQuantized / largest : 0.0F;
    for (std::int64_t row = first_row; row < last_row; ++row) {
      float left = 0;
      for (std::int64_t f = 0; f < feature_dim; ++f) {
        const float wanted = scaled(row, f) * factor;
        const float rounded = std::clamp(std::nearbyint(wanted + left), 0.0F, static_cast<float>(kMostQuantized));
        left = wanted + left - rounded;
        weights[row * feature_dim + f] = static_cast<std::uint8_t>(rounded);
        centroids[row * feature_dim + f] =
            quantize(parameters.centroids[row * feature_dim + f], lows[f], inverse_steps[f]);
      }
    }
  }
}

std::int64_t quantized_cost(const std::uint8_t* centroid, const std::uint8_t* weight, const std::uint8_t* step,
                            std::int64_t feature_dim) {
  std::int64_t cost = 0;
  for (std::int64_t f = 0; f < feature_dim; ++f) cost += weight[f] * std::abs(centroid[f] - step[f]);
  return cost;
}

}  // namespace alignment::kernels::reference
