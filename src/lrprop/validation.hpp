#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/lrprop/network/network.hpp"
#include "src/training/scores.hpp"

namespace alignment::lrprop {

/// What judges an embedding while it is trained.
class Validation {
 public:
  virtual ~Validation() = default;
  Validation() = default;
  Validation(const Validation&) = delete;
  Validation& operator=(const Validation&) = delete;

  /// Adds what it tells to the names: the scores, the one that is largest at the best epoch, and of which videos.
  virtual void name_scores(ScoreNames& names) const = 0;
  /// Whether it judges the model after that epoch.
  [[nodiscard]] virtual bool is_due(std::int64_t epoch, std::int64_t epochs) const = 0;
  /// Collective. Scores of the network as it is, in the order of their names.
  [[nodiscard]] virtual Scores validate(const Network& network) = 0;
};

}  // namespace alignment::lrprop
