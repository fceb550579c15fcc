#include "src/dejavid/evaluation/objective.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace alignment::dejavid {

void class_probabilities(std::span<const double> distances, const kernels::LossRule& rule,
                         std::span<double> probabilities) {
  kernels::cpu::class_probabilities(distances.data(), static_cast<std::int64_t>(distances.size()), rule,
                                    probabilities.data());
}

Outcome evaluate_sample(std::span<const double> distances, std::int32_t label, const kernels::LossRule& rule,
                        std::span<double> probabilities) {
  const kernels::SampleLoss sample = kernels::cpu::sample_loss(
      distances.data(), static_cast<std::int64_t>(distances.size()), label, rule, 1, probabilities.data(), nullptr);
  const auto at_label = static_cast<std::size_t>(label);
  std::int64_t ahead = 0;
  for (std::size_t c = 0; c < distances.size(); ++c) {
    if (distances[c] < distances[at_label] || (distances[c] == distances[at_label] && c < at_label)) ++ahead;
  }
  return {sample.loss, sample.prediction, ahead < 5};
}

void smallest_distances(std::span<const double> distances, std::span<std::int32_t> classes) {
  std::vector<std::int32_t> order(distances.size());
  std::iota(order.begin(), order.end(), 0);
  const auto closer = [&](std::int32_t a, std::int32_t b) {
    const double first = distances[static_cast<std::size_t>(a)], second = distances[static_cast<std::size_t>(b)];
    return first < second || (first == second && a < b);
  };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(classes.size()), order.end(), closer);
  std::copy_n(order.begin(), classes.size(), classes.begin());
}

std::int32_t nearest_other(std::span<const double> distances, std::int32_t label) {
  const auto own = static_cast<std::size_t>(label);
  std::size_t nearest = own == 0 ? 1 : 0;
  for (std::size_t c = 0; c < distances.size(); ++c) {
    if (c != own && distances[c] < distances[nearest]) nearest = c;
  }
  return static_cast<std::int32_t>(nearest);
}

}  // namespace alignment::dejavid
