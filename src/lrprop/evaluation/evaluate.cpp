#include "src/lrprop/evaluation/evaluate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>

#include "io/store/splits.hpp"
#include "src/job/agreed.hpp"
#include "src/lrprop/evaluation/action.hpp"
#include "src/lrprop/evaluation/probes.hpp"

namespace alignment::lrprop {
namespace {

/// The actions of each embedding that have videos to judge, and why the others have none.
struct Prepared {
  std::vector<Action> actions;
  std::vector<std::string> notes;

  Prepared(const Embedding& embedding, const EvaluationSettings& settings) {
    for (Action& action : split_into_actions(embedding, settings)) {
      if (action.judged_videos == 0) {
        action.note(fmt::format("no {} videos", name_of(settings.split)));
        for (const std::string& line : action.notes) notes.push_back(fmt::format("{}: {}", action.result.name, line));
      } else {
        actions.push_back(std::move(action));
      }
    }
    if (actions.empty()) notes.push_back(fmt::format("nothing to judge: no {} videos", name_of(settings.split)));
  }
};

void run_probes(std::vector<Prepared>& embeddings, const EvaluationSettings& settings, const EvaluationWatch& watch,
                dist::Communicator& communicator) {
  std::deque<Probes> probes;
  std::vector<Task> tasks;
  agreed(communicator, [&] {
    for (Prepared& prepared : embeddings) {
      for (Action& action : prepared.actions) probes.emplace_back(action, settings, tasks);
    }
  });
  WorkWatch probes_watch(watch, "evaluation: probes", std::ssize(tasks), "fits", communicator);
  const std::vector<std::vector<double>> results = run_tasks(tasks, settings.threads, probes_watch, communicator);
  for (Probes& one : probes) one.take(results);
}

/// The means over pairs, and why there are none.
void take(const PairScores& scores, const EvaluationSettings& settings, Action& action) {
  Metrics& metrics = action.result.metrics;
  metrics.ap.resize(settings.k.size());
  for (std::size_t place = 0; place < scores.ap.size(); ++place) metrics.ap[place] = scores.ap[place];
  const std::int64_t largest = settings.k.empty() ? 0 : *std::max_element(settings.k.begin(), settings.k.end());
  if (!scores.ap.empty() && largest > action.fewest_others) {
    action.note(
        fmt::format("ap: of some frames' other videos there are {} frames, all of which count where K is larger",
                    action.fewest_others));
  }
  if (!scores.dtw_accuracy.empty()) {
    metrics.dtw_accuracy = std::accumulate(scores.dtw_accuracy.begin(), scores.dtw_accuracy.end(), 0.0) /
                           static_cast<double>(scores.dtw_accuracy.size());
  }
  if (action.judged_videos < 2) {
    return action.note(fmt::format("ap, tau, dtw_accuracy: one {} video makes no pair", name_of(settings.split)));
  }
  if (action.labelled_videos < 2 && !action.without_phases) {
    action.note(fmt::format("ap, dtw_accuracy: no two labelled {} videos", name_of(settings.split)));
  }
  double sum = 0;
  std::int64_t defined = 0;
  for (const std::optional<double>& tau : scores.tau) {
    sum += tau.value_or(0);
    defined += tau ? 1 : 0;
  }
  const auto pairs = static_cast<double>(scores.tau.size());
  metrics.tau_dropped = (pairs - static_cast<double>(defined)) / pairs;
  metrics.tau_b_zero = sum / pairs;
  if (defined > 0) metrics.tau_b = sum / static_cast<double>(defined);
  if (defined == 0) action.note("tau_b: every pair dropped, as all frames of a video have the same nearest frame");
}

EvaluationResult result_of(const Embedding& embedding, Prepared& prepared, const EvaluationSettings& settings) {
  EvaluationResult result;
  result.name = embedding.name;
  result.split = name_of(settings.split);
  result.stride = settings.stride;
  result.dtw_stride = settings.dtw_stride;
  result.svm_frames = settings.svm_frames;
  result.fractions = settings.fractions;
  result.k = settings.k;
  result.notes = std::move(prepared.notes);
  const bool name_actions = prepared.actions.size() > 1;
  const auto has_phases = [](const Action& action) { return !action.without_phases; };
  const bool all_without = std::none_of(prepared.actions.begin(), prepared.actions.end(), has_phases);
  static constexpr std::string_view kWithoutPhases =
      "frames have no phases, so Kendall's tau is the only metric; dejavid_convert labels says which they belong to";
  if (all_without && !prepared.actions.empty()) result.notes.emplace_back(kWithoutPhases);
  for (Action& action : prepared.actions) {
    if (action.without_phases && !all_without) action.note(std::string(kWithoutPhases));
    for (const std::string& line : action.notes) {
      result.notes.push_back(name_actions ? fmt::format("{}: {}", action.result.name, line) : line);
    }
    result.actions.push_back(std::move(action.result));
  }
  result.metrics = result.actions.empty() ? Metrics(settings.fractions.size(), settings.k.size())
                                          : mean_over_actions(result.actions);
  return result;
}

}  // namespace

std::vector<EvaluationResult> evaluate(const std::vector<Embedding>& embeddings, const EvaluationSettings& settings,
                                       const EvaluationWatch& watch, dist::Communicator& communicator) {
  std::vector<Prepared> prepared;
  agreed(communicator, [&] {
    settings.require_usable();
    for (const Embedding& embedding : embeddings) prepared.emplace_back(embedding, settings);
  });
  run_probes(prepared, settings, watch, communicator);

  std::int64_t pairs = 0;
  for (const Prepared& one : prepared) {
    for (const Action& action : one.actions) pairs += action.judged_videos * (action.judged_videos - 1) / 2;
  }
  WorkWatch pairs_watch(watch, "evaluation: pairs of videos", pairs, "pairs", communicator);
  std::vector<EvaluationResult> results;
  for (std::size_t n = 0; n < embeddings.size(); ++n) {
    for (Action& action : prepared[n].actions) {
      take(action.compare_all(pairs_watch, communicator), settings, action);
    }
    results.push_back(result_of(embeddings[n], prepared[n], settings));
  }
  return results;
}

EvaluationResult evaluate(const std::vector<EmbeddedVideo>& videos, const EvaluationSettings& settings,
                          const EvaluationWatch& watch, dist::Communicator& communicator) {
  return evaluate({{"model", &videos}}, settings, watch, communicator).front();
}

}  // namespace alignment::lrprop
