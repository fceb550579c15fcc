#include "src/lrprop/evaluation/probes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "io/store/splits.hpp"
#include "src/lrprop/evaluation/logistic_regression.hpp"
#include "src/lrprop/evaluation/progression.hpp"
#include "src/lrprop/evaluation/support_vectors.hpp"
#include "src/training/samples/random.hpp"

namespace alignment::lrprop {
namespace {

/// Gradients above this may leave an accuracy that is not the minimum's.
constexpr double kLargestGradient = 1e-5;

/// The first videos that a fraction trains on.
std::int64_t videos_of(double fraction, std::int64_t videos) {
  constexpr double kRounding = 1e-9;  // 0.29 * 100 is 28.999999999999996
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(fraction * static_cast<double>(videos) + kRounding));
}

std::vector<std::int64_t> first_videos(std::int64_t count) {
  std::vector<std::int64_t> videos(static_cast<std::size_t>(count));
  std::iota(videos.begin(), videos.end(), 0);
  return videos;
}

/// Mean and deviation with N - 1, of one value 0.
Spread spread_of(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, values.size() > 1 ? std::sqrt(squares / (count - 1)) : 0};
}

}  // namespace

Probes::Probes(Action& action, const EvaluationSettings& settings, std::vector<Task>& tasks)
    : action_(action), settings_(settings), judged_(action.judged()), first_task_(tasks.size()) {
  Metrics& metrics = action.result.metrics;
  metrics.svm_rbf.resize(settings.fractions.size());
  metrics.logreg.resize(settings.fractions.size());
  metrics.svm_rbf_subsets.resize(settings.fractions.size());
  metrics.logreg_subsets.resize(settings.fractions.size());
  if (action.without_phases) return;
  if (action.train_videos == 0) {
    action.note("svm_rbf, logreg, progress: no labelled train videos");
  } else if (judged_.count() == 0) {
    action.note(fmt::format("svm_rbf, logreg, progress: no labelled {} videos", name_of(settings.split)));
  } else {
    add_fits(tasks);
    add_progression(tasks);
  }
}

void Probes::add_fits(std::vector<Task>& tasks) {
  fits_ = true;
  for (std::size_t place = 0; place < settings_.fractions.size(); ++place) {
    const std::int64_t videos = videos_of(settings_.fractions[place], action_.train_videos);
    add_fit(Kind::kSupportVectors, first_videos(videos), tasks);
    add_fit(Kind::kLogisticRegression, first_videos(videos), tasks);
    for (std::int64_t subset = 0; subset < settings_.subsets && videos < action_.train_videos; ++subset) {
      Random random{settings_.seed, static_cast<std::uint64_t>(action_.label), place,
                    static_cast<std::uint64_t>(subset)};
      const std::vector<std::int64_t> drawn = random.draw(action_.train_videos, videos);
      add_fit(Kind::kSupportVectors, drawn, tasks);
      add_fit(Kind::kLogisticRegression, drawn, tasks);
    }
  }
  note_thinning();
}

/// Results: frames predicted, and the gradient left of a logistic regression.
void Probes::add_fit(Kind kind, std::vector<std::int64_t> train_videos, std::vector<Task>& tasks) {
  const std::int64_t frames = action_.train(train_videos).count(), width = judged_.width(), judged = judged_.count();
  Task task;
  task.numbers = 2;
  if (kind == Kind::kSupportVectors) {
    const std::int64_t trained = settings_.svm_frames > 0 ? std::min(frames, settings_.svm_frames) : frames;
    task.cost = trained * (trained + judged) * width;
    task.work = [this, videos = std::move(train_videos)](const StopFlag& stop) -> std::vector<double> {
      const SupportVectors machine(action_.train(videos), settings_.svm_frames, stop);
      return {static_cast<double>(count_right(judged_, machine.predict(judged_, stop))), 0};
    };
  } else {
    constexpr std::int64_t kSteps = 100;
    task.cost = frames * width * kSteps * action_.result.phases;
    task.work = [this, videos = std::move(train_videos)](const StopFlag& stop) -> std::vector<double> {
      const LogisticRegression regression(action_.train(videos), stop);
      return {static_cast<double>(count_right(judged_, regression.predict(judged_))), regression.gradient()};
    };
  }
  tasks.push_back(std::move(task));
}

void Probes::add_progression(std::vector<Task>& tasks) {
  if (action_.result.phases < 2) return action_.note("progress: a single phase has no progression");
  if (judged_.count() < 2) return action_.note("progress: R^2 takes two frames");
  progression_ = true;
  const std::int64_t width = judged_.width();
  Task task;
  task.cost = action_.result.train_frames * width * width;
  task.numbers = action_.result.phases - 1;
  task.work = [this](const StopFlag&) {
    return progression_scores(action_.train(first_videos(action_.train_videos)), judged_, action_.phases);
  };
  tasks.push_back(std::move(task));
}

void Probes::note_thinning() {
  for (const double fraction : settings_.fractions) {
    const std::int64_t frames = action_.train(first_videos(videos_of(fraction, action_.train_videos))).count();
    if (settings_.svm_frames == 0 || frames <= settings_.svm_frames) continue;
    action_.note(fmt::format("svm_rbf at {}: trained on {} of {} frames, evenly spaced", fraction, settings_.svm_frames,
                             frames));
  }
}

void Probes::take(const std::vector<std::vector<double>>& results) {
  Metrics& metrics = action_.result.metrics;
  auto next = results.begin() + static_cast<std::ptrdiff_t>(first_task_);
  const auto take_accuracy = [&] { return (*next++)[0] / static_cast<double>(judged_.count()); };
  for (std::size_t place = 0; fits_ && place < settings_.fractions.size(); ++place) {
    metrics.svm_rbf[place] = take_accuracy();
    if ((*next)[1] > kLargestGradient) {
      action_.note(fmt::format("logreg at {}: the search ended with a gradient of {:.1e}", settings_.fractions[place],
                               (*next)[1]));
    }
    metrics.logreg[place] = take_accuracy();
    if (settings_.subsets == 0 || videos_of(settings_.fractions[place], action_.train_videos) == action_.train_videos)
      continue;
    std::vector<double> svm_rbf, logreg;
    for (std::int64_t subset = 0; subset < settings_.subsets; ++subset) {
      svm_rbf.push_back(take_accuracy());
      logreg.push_back(take_accuracy());
    }
    metrics.svm_rbf_subsets[place] = spread_of(svm_rbf);
    metrics.logreg_subsets[place] = spread_of(logreg);
  }
  if (!progression_) return;
  metrics.progress_columns.assign(next->begin(), next->end());
  metrics.progress = std::accumulate(next->begin(), next->end(), 0.0) / static_cast<double>(next->size());
}

}  // namespace alignment::lrprop
