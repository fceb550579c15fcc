#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "src/lrprop/model/encoder_sizes.hpp"
#include "src/lrprop/network/network.hpp"

namespace alignment::dejavid::bench {

/// An encoder and the frames of a view.
struct LrpropShape {
  std::string name;  ///< the preset, or empty
  lrprop::EncoderSizes sizes;
};

/// "small", "paper-40", "paper-80", "paper-240", or eight numbers: features, fc_width, hidden, heads, ff_width, layers,
/// embedding, frames. Throws ConfigError.
[[nodiscard]] LrpropShape parse_lrprop_shape(const std::string& text);

/// What is timed of a step, in this order.
inline constexpr std::array<const char*, 5> kStepPhases{"encode", "losses", "backward", "reduce", "update"};
using StepPhases = std::array<double, kStepPhases.size()>;  ///< seconds

/// A drawn encoder and one pair of drawn videos, whose views have all `train_frames` frames.
class LrpropProblem {
 public:
  explicit LrpropProblem(const LrpropShape& shape);

  /// From the same weights each time.
  [[nodiscard]] lrprop::NetworkSettings settings(double dropout, int threads) const;
  [[nodiscard]] const std::vector<float>& weights() const { return weights_; }
  [[nodiscard]] const std::vector<float>& statistics() const { return statistics_; }
  /// With its own dropout. `step`: from 1.
  [[nodiscard]] lrprop::TrainingPair pair(std::int64_t step) const;
  /// [frames,F] of view a0, a1, b0 or b1.
  [[nodiscard]] std::vector<float> view(std::size_t which) const;

  /// Multiply-adds of the encoder's linear layers in a step: two products back for each one forward.
  [[nodiscard]] double multiply_adds() const;

 private:
  lrprop::EncoderSizes sizes_;
  std::vector<float> weights_, statistics_;
  std::array<std::vector<float>, 2> videos_;
  lrprop::PairViews views_;
};

/// Steps of one network on this rank alone, timed phase by phase.
class LrpropSteps {
 public:
  LrpropSteps(const LrpropProblem& problem, double dropout, int threads);

  [[nodiscard]] lrprop::PairTerms step(StepPhases& seconds);

 private:
  const LrpropProblem& problem_;
  lrprop::Network network_;
  std::int64_t step_ = 0;
};

}  // namespace alignment::dejavid::bench
