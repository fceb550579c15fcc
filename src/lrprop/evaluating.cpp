#include "src/lrprop/evaluating.hpp"

#include <algorithm>

#include "src/job/agreed.hpp"
#include "src/job/signals/signals.hpp"
#include "src/lrprop/config/config_keys.hpp"
#include "src/lrprop/embedding.hpp"

namespace alignment::lrprop {

EvaluationSettings evaluation_settings(const Config& config, const io::TseStore& store, int threads) {
  EvaluationSettings settings;
  settings.split = choose_split(store, config.eval.split).split;
  settings.stride = config.eval.stride;
  settings.dtw_stride = config.eval.dtw_stride;
  settings.fractions = fractions_of(config);
  settings.k = ks_of(config);
  settings.svm_frames = config.eval.svm_frames;
  settings.subsets = config.eval.subsets;
  settings.seed = static_cast<std::uint64_t>(config.train.seed);
  settings.threads = threads;
  settings.action_names = store.class_names();
  return settings;
}

EvaluationWatch evaluation_watch(const Config& config) {
  return {config.run.progress, [] { return stop_requested(); }};
}

std::vector<std::int64_t> evaluated_samples(const io::TseStore& store, const Config& config) {
  std::vector<std::int64_t> samples = store.samples_of(io::Split::kTrain);
  const EvaluationSplit judged = choose_split(store, config.eval.split);
  if (judged.split != io::Split::kTrain) samples.insert(samples.end(), judged.samples.begin(), judged.samples.end());
  std::erase_if(samples, [&](std::int64_t sample) { return store.label(sample) == io::kNoLabel; });
  std::sort(samples.begin(), samples.end());
  return samples;
}

namespace {

/// Collective. `first`, and then the baselines.
std::vector<EvaluationResult> evaluate_with_baselines(std::vector<Embedding> first, Dataset& dataset,
                                                      const Config& config, int threads,
                                                      dist::Communicator& communicator) {
  std::vector<EmbeddedVideo> raw;
  std::vector<PreciseVideo> clock;
  agreed(communicator, [&] {
    raw = stored_videos(dataset.store, evaluated_samples(dataset.store, config));
    clock = time_only(raw);
  });
  first.push_back({"raw", &raw});
  first.push_back({"time_only", &clock});
  return evaluate(first, evaluation_settings(config, dataset.store, threads), evaluation_watch(config), communicator);
}

}  // namespace

std::vector<EvaluationResult> evaluate_beside_baselines(const std::vector<EmbeddedVideo>& embedded, Dataset& dataset,
                                                        const Config& config, int threads,
                                                        dist::Communicator& communicator) {
  return evaluate_with_baselines({{"model", &embedded}}, dataset, config, threads, communicator);
}

std::vector<EvaluationResult> beside_baselines(EvaluationResult model, Dataset& dataset, const Config& config,
                                               int threads, dist::Communicator& communicator) {
  std::vector<EvaluationResult> results = evaluate_with_baselines({}, dataset, config, threads, communicator);
  results.insert(results.begin(), std::move(model));
  return results;
}

}  // namespace alignment::lrprop
