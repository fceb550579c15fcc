#pragma once

#include <cstdint>
#include <span>

#include "kernels/loss.hpp"

namespace alignment::dejavid {

/// What the distances of one sample to all classes say.
struct Outcome {
  double loss = 0;              ///< cross-entropy of softmax(x) at the label
  std::int32_t prediction = 0;  ///< smallest distance, on a tie the lowest class
  bool in_top5 = false;         ///< label among the five smallest distances, ties to the lower class
};

/// Loss of one sample as kernels/loss.hpp has it, without its gradient.
/// | distances     | [C]                                        | in  |
/// | probabilities | [C] softmax(x)                             | out |
[[nodiscard]] Outcome evaluate_sample(std::span<const double> distances, std::int32_t label,
                                      const kernels::LossRule& rule, std::span<double> probabilities);

/// softmax(x) of the same x, [C], where no label is asked about.
void class_probabilities(std::span<const double> distances, const kernels::LossRule& rule,
                         std::span<double> probabilities);

/// The classes in order of distance, ties to the lower class: the first `count`.
void smallest_distances(std::span<const double> distances, std::span<std::int32_t> classes);

/// Of the classes but `label` the nearest, on a tie the lowest. At least two classes.
[[nodiscard]] std::int32_t nearest_other(std::span<const double> distances, std::int32_t label);

}  // namespace alignment::dejavid
