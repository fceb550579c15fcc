#include "kernels/loss.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace alignment::kernels::cpu {
namespace {

constexpr double kEpsilon = 1e-18;

/// What x is made with.
struct Normalisation {
  double mean = 0, deviation = 1;  ///< of the logits, unbiased; of kLayernorm
  double least = 0;                ///< distance that counts; of kLog
};

Normalisation normalisation_of(const double* distances, std::int64_t classes, LogitNorm norm) {
  if (norm == LogitNorm::kNone) return {};
  if (norm == LogitNorm::kLog) return {.least = kLeastShare * *std::max_element(distances, distances + classes)};
  const auto count = static_cast<double>(classes);
  double mean = 0, squares = 0;
  for (std::int64_t c = 0; c < classes; ++c) mean -= distances[c] / count;
  for (std::int64_t c = 0; c < classes; ++c) squares += (-distances[c] - mean) * (-distances[c] - mean);
  return {.mean = mean, .deviation = std::sqrt(squares / (count - 1))};
}

/// x of every class; returns the largest.
double logits(const double* distances, std::int64_t classes, const LossRule& rule, const Normalisation& normalisation,
              double* x) {
  const auto [mean, deviation, least] = normalisation;
  double largest = -HUGE_VAL;
  for (std::int64_t c = 0; c < classes; ++c) {
    if (rule.norm != LogitNorm::kLog) {
      x[c] = (-distances[c] - mean) / (deviation + kEpsilon);
    } else {
      x[c] = least == 0 && distances[c] == 0 ? 0 : -rule.scale * std::log(distances[c] < least ? least : distances[c]);
    }
    largest = std::max(largest, x[c]);
  }
  return largest;
}

/// Turns x into softmax(x); returns the sum of exp(x - largest).
double softmax(double* x, std::int64_t classes, double largest) {
  double sum = 0;
  for (std::int64_t c = 0; c < classes; ++c) sum += x[c] = std::exp(x[c] - largest);
  for (std::int64_t c = 0; c < classes; ++c) x[c] /= sum;
  return sum;
}

/// dL/dx = softmax(x) - targets. With x = (logit - mean)/(s + eps):
///   dL/dlogit_k = (dL/dx_k - mean(dL/dx)) / (s + eps) - (logit_k - mean) * sum_j dL/dx_j (logit_j - mean) / ((C-1) s
///   (s + eps)^2)
/// With x = -scale ln(distance): dL/ddistance_k = -scale dL/dx_k / distance_k.
void loss_gradient(const double* distances, std::int64_t classes, std::int32_t label, const LossRule& rule,
                   const Normalisation& normalisation, double scale, const double* probabilities, float* gradient) {
  const double everywhere = rule.smoothing / static_cast<double>(classes);
  const auto upstream = [&](std::int64_t c) {
    return probabilities[c] - (c == label ? 1.0 - rule.smoothing : 0.0) - everywhere;
  };
  const auto [mean, deviation, least] = normalisation;
  if (rule.norm == LogitNorm::kNone) {
    for (std::int64_t c = 0; c < classes; ++c) gradient[c] = static_cast<float>(-scale * upstream(c));
    return;
  }
  if (rule.norm == LogitNorm::kLog) {
    for (std::int64_t c = 0; c < classes; ++c) {
      const bool counts = least > 0 && !(distances[c] < least);
      gradient[c] = counts ? static_cast<float>(-scale * rule.scale * upstream(c) / distances[c]) : 0.0F;
    }
    return;
  }
  const auto count = static_cast<double>(classes);
  const double divisor = deviation + kEpsilon;
  double upstream_mean = 0, projection = 0;
  for (std::int64_t c = 0; c < classes; ++c) {
    upstream_mean += upstream(c) / count;
    projection += upstream(c) * (-distances[c] - mean);
  }
  // All distances equal: the deviation's own gradient is taken as 0.
  const double curvature = deviation > 0 ? projection / ((count - 1) * deviation * divisor * divisor) : 0;
  for (std::int64_t c = 0; c < classes; ++c) {
    const double logit_gradient = (upstream(c) - upstream_mean) / divisor - (-distances[c] - mean) * curvature;
    gradient[c] = static_cast<float>(-scale * logit_gradient);
  }
}

}  // namespace

SampleLoss sample_loss(const double* distances, std::int64_t classes, std::int32_t label, const LossRule& rule,
                       double scale, double* probabilities, float* distance_gradient) {
  const Normalisation normalisation = normalisation_of(distances, classes, rule.norm);
  const double largest = logits(distances, classes, rule, normalisation, probabilities);
  double target_value = probabilities[label];
  if (rule.smoothing > 0) {
    const double sum = std::accumulate(probabilities, probabilities + classes, 0.0);
    target_value = (1 - rule.smoothing) * target_value + rule.smoothing * sum / static_cast<double>(classes);
  }
  const double sum = softmax(probabilities, classes, largest);

  SampleLoss result;
  result.loss = std::log(sum) - (target_value - largest);
  for (std::int64_t c = 0; c < classes; ++c) {
    if (distances[c] < distances[result.prediction]) result.prediction = static_cast<std::int32_t>(c);
  }
  if (distance_gradient == nullptr) return result;
  if (std::isfinite(result.loss)) {
    loss_gradient(distances, classes, label, rule, normalisation, scale, probabilities, distance_gradient);
  } else {
    std::fill_n(distance_gradient, classes, std::numeric_limits<float>::quiet_NaN());
  }
  return result;
}

void class_probabilities(const double* distances, std::int64_t classes, const LossRule& rule, double* probabilities) {
  const Normalisation normalisation = normalisation_of(distances, classes, rule.norm);
  static_cast<void>(softmax(probabilities, classes, logits(distances, classes, rule, normalisation, probabilities)));
}

}  // namespace alignment::kernels::cpu
