#include "src/lrprop/evaluation/result.hpp"

#include <cstddef>

namespace alignment::lrprop {
namespace {

/// Mean of those of `numbers` that there are.
class Mean {
 public:
  void add(const Metrics::Number& number) {
    if (!number) return;
    sum_ += *number;
    ++count_;
  }
  [[nodiscard]] Metrics::Number value() const {
    return count_ > 0 ? Metrics::Number(sum_ / static_cast<double>(count_)) : std::nullopt;
  }

 private:
  double sum_ = 0;
  std::int64_t count_ = 0;
};

Metrics::Number mean_of(const std::vector<ActionResult>& actions, Metrics::Number Metrics::*number) {
  Mean mean;
  for (const ActionResult& action : actions) mean.add(action.metrics.*number);
  return mean.value();
}

std::vector<Metrics::Number> mean_of(const std::vector<ActionResult>& actions,
                                     std::vector<Metrics::Number> Metrics::*numbers) {
  std::vector<Metrics::Number> means;
  for (std::size_t n = 0; n < (actions.front().metrics.*numbers).size(); ++n) {
    Mean mean;
    for (const ActionResult& action : actions) mean.add((action.metrics.*numbers)[n]);
    means.push_back(mean.value());
  }
  return means;
}

std::vector<std::optional<Spread>> mean_of(const std::vector<ActionResult>& actions,
                                           std::vector<std::optional<Spread>> Metrics::*spreads) {
  std::vector<std::optional<Spread>> means;
  for (std::size_t n = 0; n < (actions.front().metrics.*spreads).size(); ++n) {
    Mean mean, deviation;
    for (const ActionResult& action : actions) {
      const std::optional<Spread>& spread = (action.metrics.*spreads)[n];
      if (!spread) continue;
      mean.add(spread->mean);
      deviation.add(spread->deviation);
    }
    means.push_back(mean.value() ? std::optional(Spread{*mean.value(), *deviation.value()}) : std::nullopt);
  }
  return means;
}

}  // namespace

std::int64_t EvaluationResult::videos() const {
  std::int64_t sum = 0;
  for (const ActionResult& action : actions) sum += action.videos;
  return sum;
}

std::int64_t EvaluationResult::frames() const {
  std::int64_t sum = 0;
  for (const ActionResult& action : actions) sum += action.frames;
  return sum;
}

Metrics mean_over_actions(const std::vector<ActionResult>& actions) {
  if (actions.size() == 1) return actions.front().metrics;
  Metrics mean;
  mean.svm_rbf = mean_of(actions, &Metrics::svm_rbf);
  mean.logreg = mean_of(actions, &Metrics::logreg);
  mean.svm_rbf_subsets = mean_of(actions, &Metrics::svm_rbf_subsets);
  mean.logreg_subsets = mean_of(actions, &Metrics::logreg_subsets);
  mean.progress = mean_of(actions, &Metrics::progress);
  mean.ap = mean_of(actions, &Metrics::ap);
  mean.tau_b = mean_of(actions, &Metrics::tau_b);
  mean.tau_dropped = mean_of(actions, &Metrics::tau_dropped);
  mean.tau_b_zero = mean_of(actions, &Metrics::tau_b_zero);
  mean.dtw_accuracy = mean_of(actions, &Metrics::dtw_accuracy);
  return mean;
}

}  // namespace alignment::lrprop
