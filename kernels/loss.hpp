#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/device.hpp"

/// From distances to the loss and its gradient, sample by sample.
///
///   logit = -distance, x = (logit - mean) / (std + 1e-18) over the classes with the unbiased std (kLayernorm),
///   x = -distance (kNone), or x = -scale ln(max(distance, 1e-6 of the largest)) (kLog);
///   loss = cross-entropy of softmax(x) and the targets: (1 - smoothing) at the label, and smoothing / C everywhere
///
/// kLog does not see a factor that all distances have in common, and tells two classes apart. Distances that it lifts
/// to the least that counts have no gradient; where all are 0, x is.
namespace alignment::kernels {

enum class LogitNorm : std::uint8_t { kLayernorm, kNone, kLog };

/// How distances become logits x, and these a loss.
struct LossRule {
  LogitNorm norm = LogitNorm::kLayernorm;
  double scale = 8;      ///< of kLog
  double smoothing = 0;  ///< of the targets, in [0, 1)
};

/// The least distance that counts in kLog, as a share of the sample's largest.
inline constexpr double kLeastShare = 1e-6;

/// What became of one sample.
struct SampleLoss {
  double loss = 0;
  std::int32_t prediction = 0;  ///< smallest distance, on a tie the lowest class
};

namespace reference {
/// | distances         | [C] | in |
/// | rule              | how distances become a loss | in |
/// | scale             | factor of the gradient: 1 / size of the global batch | in |
/// | distance_gradient | [C] scale * d loss / d distance, through the rule | out |
[[nodiscard]] SampleLoss sample_loss(const double* distances, std::int64_t classes, std::int32_t label,
                                     const LossRule& rule, double scale, double* distance_gradient);
}  // namespace reference

namespace cpu {
/// As reference::sample_loss in f64.
/// | distances         | [C] | in |
/// | probabilities     | [C] softmax(x) | out |
/// | distance_gradient | [C] f32, or nullptr; NaN throughout where the loss is not finite | out |
[[nodiscard]] SampleLoss sample_loss(const double* distances, std::int64_t classes, std::int32_t label,
                                     const LossRule& rule, double scale, double* probabilities,
                                     float* distance_gradient);

/// softmax(x) of the same x, [C], where no label is asked about.
void class_probabilities(const double* distances, std::int64_t classes, const LossRule& rule, double* probabilities);
}  // namespace cpu

namespace cuda {
/// distances[b,c] = sum over parts of parts[part,b,c], in order, in f64. parts [part_count,B,C]; distances [B,C].
void add_distance_parts(const float* parts, std::int64_t part_count, std::int64_t count, std::int64_t classes,
                        double* distances, Stream stream);

/// As reference::sample_loss for every sample of a batch, in f64; sums run in a fixed order.
/// | distances         | [B,C] f64 | in |
/// | labels            | [B]       | in |
/// | losses            | [B]       | out |
/// | distance_gradient | [B,C] f32 | out; NaN in the whole row of a sample whose loss is not finite |
void sample_losses(const double* distances, const std::int32_t* labels, std::int64_t count, std::int64_t classes,
                   const LossRule& rule, double scale, SampleLoss* losses, float* distance_gradient, Stream stream);
}  // namespace cuda

}  // namespace alignment::kernels
