#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "src/lrprop/evaluation/action.hpp"
#include "src/lrprop/evaluation/tasks.hpp"

namespace alignment::lrprop {

/// What is trained on an action's train videos and judged on all labelled frames of the others: support vectors and
/// logistic regression for each fraction and subset, and phase progression.
///
/// At a fraction f of N labelled train videos, the first max(1, int(f N)) of them are trained on; a subset is as many,
/// drawn from (seed, action, fraction, subset). Accuracy: frames whose phase is predicted, of all.
class Probes {
 public:
  /// Adds to `tasks` what `action` asks for. Says in its notes what cannot be computed. `action`, `settings` and the
  /// probes themselves stay where they are until the tasks are done.
  Probes(Action& action, const EvaluationSettings& settings, std::vector<Task>& tasks);
  Probes(const Probes&) = delete;
  Probes& operator=(const Probes&) = delete;

  /// `results`: of all tasks.
  void take(const std::vector<std::vector<double>>& results);

 private:
  enum class Kind : std::uint8_t { kSupportVectors, kLogisticRegression };

  void add_fits(std::vector<Task>& tasks);
  void add_fit(Kind kind, std::vector<std::int64_t> train_videos, std::vector<Task>& tasks);
  void add_progression(std::vector<Task>& tasks);
  void note_thinning();

  Action& action_;
  const EvaluationSettings& settings_;
  PooledFrames judged_;
  std::size_t first_task_ = 0;
  bool fits_ = false, progression_ = false;
};

}  // namespace alignment::lrprop
