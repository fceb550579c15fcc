#include "kernels/loss.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace alignment::kernels::reference {

SampleLoss sample_loss(const double* distances, std::int64_t classes, std::int32_t label, const LossRule& rule,
                       double scale, double* distance_gradient) {
  const bool normalise = rule.norm == LogitNorm::kLayernorm, logarithms = rule.norm == LogitNorm::kLog;
  const auto count = static_cast<double>(classes);
  const double least = kLeastShare * *std::max_element(distances, distances + classes);
  double mean = 0, deviation = 1;
  if (normalise) {
    double squares = 0;
    for (std::int64_t c = 0; c < classes; ++c) mean -= distances[c] / count;
    for (std::int64_t c = 0; c < classes; ++c) squares += (-distances[c] - mean) * (-distances[c] - mean);
    deviation = std::sqrt(squares / (count - 1));
  }
  const double divisor = normalise ? deviation + 1e-18 : 1;
  std::vector<double> x(static_cast<std::size_t>(classes)), upstream(x.size());
  for (std::int64_t c = 0; c < classes; ++c) {
    double& logit = x[static_cast<std::size_t>(c)];
    logit = (-distances[c] - mean) / divisor;
    if (logarithms)
      logit = least == 0 && distances[c] == 0 ? 0 : -rule.scale * std::log(distances[c] < least ? least : distances[c]);
  }
  const double largest = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const double value : x) sum += std::exp(value - largest);

  SampleLoss result;
  result.loss = std::log(sum) - (x[static_cast<std::size_t>(label)] - largest);
  if (rule.smoothing > 0) {
    result.loss = 0;
    for (std::size_t c = 0; c < x.size(); ++c) {
      const double target = rule.smoothing / count + (static_cast<std::int32_t>(c) == label ? 1 - rule.smoothing : 0);
      result.loss += target * (std::log(sum) - (x[c] - largest));
    }
  }
  result.prediction = static_cast<std::int32_t>(std::min_element(distances, distances + classes) - distances);

  // The chain rule through x, and where it is normalised the deviation and the mean in turn.
  double upstream_sum = 0, projection = 0;
  for (std::size_t c = 0; c < x.size(); ++c) {
    upstream[c] = std::exp(x[c] - largest) / sum - rule.smoothing / count -
                  (static_cast<std::int32_t>(c) == label ? 1 - rule.smoothing : 0);
    upstream_sum += upstream[c];
    projection += upstream[c] * x[c];
  }
  for (std::size_t c = 0; c < x.size(); ++c) {
    double logit_gradient = upstream[c];
    if (normalise) {
      const double deviation_gradient = deviation > 0 ? -projection / divisor : 0;
      const double d_deviation = deviation > 0 ? x[c] * divisor / ((count - 1) * deviation) : 0;
      logit_gradient = (upstream[c] - upstream_sum / count) / divisor + deviation_gradient * d_deviation;
    } else if (logarithms) {
      const bool counts = least > 0 && !(distances[c] < least);
      logit_gradient = counts ? rule.scale * upstream[c] / distances[c] : 0;
    }
    distance_gradient[c] = -scale * logit_gradient;
  }
  return result;
}

}  // namespace alignment::kernels::reference
