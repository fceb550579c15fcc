#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace alignment::lrprop {

/// Accuracy over random subsets of the train videos.
struct Spread {
  double mean = 0, deviation = 0;  ///< the latter with N - 1

  friend bool operator==(const Spread&, const Spread&) = default;
};

/// What an embedding scores. A number that could not be computed is none. Numbers by fraction and K are in the order of
/// the settings.
struct Metrics {
  using Number = std::optional<double>;

  Metrics() = default;
  /// Nothing but the places of numbers.
  Metrics(std::size_t fractions, std::size_t ks)
      : svm_rbf(fractions), logreg(fractions), svm_rbf_subsets(fractions), logreg_subsets(fractions), ap(ks) {}

  std::vector<Number> svm_rbf, logreg;                                 ///< [fractions]
  std::vector<std::optional<Spread>> svm_rbf_subsets, logreg_subsets;  ///< [fractions]; none where not asked for
  Number progress;
  std::vector<Number> progress_columns;  ///< [phases-1]; empty where there are none, or several actions
  std::vector<Number> ap;                ///< [k]
  Number tau_b;                          ///< mean of the pairs for which it is defined
  Number tau_dropped;                    ///< share of those for which it is not
  Number tau_b_zero;                     ///< mean with 0 for the latter
  Number dtw_accuracy;
};

/// One action of an evaluation.
struct ActionResult {
  std::string name;
  std::int64_t train_videos = 0, videos = 0;  ///< that count: trained on, judged
  std::int64_t train_frames = 0, frames = 0;
  std::int32_t phases = 0;
  Metrics metrics;
};

/// What an evaluation of one embedding found, the same on every rank.
struct EvaluationResult {
  std::string name;  ///< of the embedding
  std::string split;
  std::int64_t stride = 1, dtw_stride = 1, svm_frames = 0;
  std::vector<double> fractions;
  std::vector<std::int64_t> k;
  Metrics metrics;                    ///< plain mean over the actions for which there is a number
  std::vector<ActionResult> actions;  ///< with videos to judge
  std::vector<std::string> notes;     ///< why numbers are missing, and what was left out: a line each

  [[nodiscard]] std::int64_t videos() const;
  [[nodiscard]] std::int64_t frames() const;
};

/// The plain mean of each number over the actions that have it; of one action that action's. At least one action.
[[nodiscard]] Metrics mean_over_actions(const std::vector<ActionResult>& actions);

}  // namespace alignment::lrprop
