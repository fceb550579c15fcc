#include "src/dejavid/objective.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace alignment {
namespace {

constexpr double kEpsilon = 1e-18;

/// Mean and unbiased standard deviation of the logits.
struct Normalisation {
  double mean = 0, deviation = 0;
};

Normalisation normalisation_of(std::span<const double> distances) {
  const auto count = static_cast<double>(distances.size());
  Normalisation result;
  for (const double distance : distances) result.mean -= distance / count;
  double squares = 0;
  for (const double distance : distances) squares += (-distance - result.mean) * (-distance - result.mean);
  result.deviation = std::sqrt(squares / (count - 1));
  return result;
}

/// x of every class; returns the largest.
double normalised_logits(std::span<const double> distances, LogitNorm norm, std::span<double> logits) {
  Normalisation normalisation{0, 1};
  if (norm == LogitNorm::kLayernorm) normalisation = normalisation_of(distances);
  double largest = -HUGE_VAL;
  for (std::size_t c = 0; c < distances.size(); ++c) {
    logits[c] = (-distances[c] - normalisation.mean) / (normalisation.deviation + kEpsilon);
    largest = std::max(largest, logits[c]);
  }
  return largest;
}

/// Turns x into softmax(x); returns the sum of exp(x - largest).
double softmax(std::span<double> logits, double largest) {
  double sum = 0;
  for (double& value : logits) sum += value = std::exp(value - largest);
  for (double& value : logits) value /= sum;
  return sum;
}

}  // namespace

void class_probabilities(std::span<const double> distances, LogitNorm norm, std::span<double> probabilities) {
  static_cast<void>(softmax(probabilities, normalised_logits(distances, norm, probabilities)));
}

Outcome evaluate_sample(std::span<const double> distances, std::int32_t label, LogitNorm norm,
                        std::span<double> probabilities) {
  const double largest = normalised_logits(distances, norm, probabilities);
  const auto at_label = static_cast<std::size_t>(label);
  const double label_value = probabilities[at_label];
  const double sum = softmax(probabilities, largest);

  Outcome outcome;
  outcome.loss = std::log(sum) - (label_value - largest);
  std::int64_t ahead = 0;
  for (std::size_t c = 0; c < distances.size(); ++c) {
    if (distances[c] < distances[static_cast<std::size_t>(outcome.prediction)]) {
      outcome.prediction = static_cast<std::int32_t>(c);
    }
    if (distances[c] < distances[at_label] || (distances[c] == distances[at_label] && c < at_label)) ++ahead;
  }
  outcome.in_top5 = ahead < 5;
  return outcome;
}

Outcome evaluate_sample_with_gradient(std::span<const double> distances, std::int32_t label, LogitNorm norm,
                                      double scale, std::span<double> probabilities,
                                      std::span<float> distance_gradient) {
  const Outcome outcome = evaluate_sample(distances, label, norm, probabilities);
  const auto at_label = static_cast<std::size_t>(label);
  // dL/dx = softmax(x) - one hot. With x = (logit - mean)/(s + eps):
  //   dL/dlogit_k = (dL/dx_k - mean(dL/dx)) / (s + eps) - (logit_k - mean) * sum_j dL/dx_j (logit_j - mean) / ((C-1) s
  //   (s + eps)^2)
  const auto upstream = [&](std::size_t c) { return probabilities[c] - (c == at_label ? 1.0 : 0.0); };
  if (norm == LogitNorm::kNone) {
    for (std::size_t c = 0; c < distances.size(); ++c) distance_gradient[c] = static_cast<float>(-scale * upstream(c));
    return outcome;
  }
  const auto count = static_cast<double>(distances.size());
  const auto [mean, deviation] = normalisation_of(distances);
  const double divisor = deviation + kEpsilon;
  double upstream_mean = 0, projection = 0;
  for (std::size_t c = 0; c < distances.size(); ++c) {
    upstream_mean += upstream(c) / count;
    projection += upstream(c) * (-distances[c] - mean);
  }
  // All distances equal: the deviation's own gradient is taken as 0.
  const double curvature = deviation > 0 ? projection / ((count - 1) * deviation * divisor * divisor) : 0;
  for (std::size_t c = 0; c < distances.size(); ++c) {
    const double logit_gradient = (upstream(c) - upstream_mean) / divisor - (-distances[c] - mean) * curvature;
    distance_gradient[c] = static_cast<float>(-scale * logit_gradient);
  }
  return outcome;
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

}  // namespace alignment
