#pragma once

#include <cstdint>
#include <vector>

#include "src/lrprop/evaluation/pooled_frames.hpp"
#include "src/lrprop/evaluation/probe.hpp"

namespace alignment::lrprop {

/// Multinomial logistic regression (softmax, of two phases as well): the smallest
///
///   sum over frames of -log p(label) + |W|^2 / 2,   p = softmax(W x + b)
///
/// by L-BFGS, until the gradient is too small to matter for any prediction. What it searches in are coordinates in
/// which the frames have no mean and, with the penalty, about unit covariance: the same minimum in far fewer steps.
class LogisticRegression {
 public:
  /// On at least one frame. Throws FitStopped.
  LogisticRegression(const PooledFrames& frames, const StopFlag& stop);

  /// The likeliest phase of every frame, [N]; of equals the lowest.
  [[nodiscard]] std::vector<std::int32_t> predict(const PooledFrames& frames) const;

  /// Largest entry of the gradient of the mean over frames of the sum above, with respect to W and b.
  [[nodiscard]] double gradient() const { return gradient_; }
  [[nodiscard]] const std::vector<double>& weights() const { return weights_; }  ///< [phases of the frames,E]

 private:
  std::vector<std::int32_t> phases_;  ///< that occur, ascending
  std::vector<double> weights_;
  std::vector<double> intercepts_;  ///< of rows without means_
  std::vector<double> means_;       ///< [E]
  double gradient_ = 0;
};

}  // namespace alignment::lrprop
