#include "src/lrprop/evaluating.hpp"

#include <algorithm>
#include <cmath>

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
std::vector<EvaluationResult> evaluate_with_baselines(std::vector<Embedding> first, const ModelContent& content,
                                                      Dataset& dataset, const Config& config, int threads,
                                                      dist::Communicator& communicator) {
  std::vector<EmbeddedVideo> raw;
  std::vector<PreciseVideo> clock;
  agreed(communicator, [&] {
    raw = network_inputs(dataset.store, evaluated_samples(dataset.store, config), content);
    clock = time_only(raw);
  });
  first.push_back({"raw", &raw});
  first.push_back({"time_only", &clock});
  return evaluate(first, evaluation_settings(config, dataset.store, threads), evaluation_watch(config), communicator);
}

}  // namespace

std::vector<EvaluationResult> evaluate_beside_baselines(const std::vector<EmbeddedVideo>& embedded,
                                                        const ModelContent& content, Dataset& dataset,
                                                        const Config& config, int threads,
                                                        dist::Communicator& communicator) {
  return evaluate_with_baselines({{"model", &embedded}}, content, dataset, config, threads, communicator);
}

std::vector<EvaluationResult> beside_baselines(EvaluationResult model, const ModelContent& content, Dataset& dataset,
                                               const Config& config, int threads, dist::Communicator& communicator) {
  std::vector<EvaluationResult> results = evaluate_with_baselines({}, content, dataset, config, threads, communicator);
  results.insert(results.begin(), std::move(model));
  return results;
}

RunValidation::RunValidation(const Config& config, Dataset& dataset, int threads, dist::Communicator& communicator)
    : config_(config),
      dataset_(dataset),
      threads_(threads),
      communicator_(communicator),
      judged_(labelled(dataset.store, choose_split(dataset.store, config.eval.split))) {}

void RunValidation::name_scores(ScoreNames& names) const {
  names.validation = {
      {"svm_rbf", "SVM"}, {"ap", "AP"}, {"tau_b", "tau-b"}, {"progress", "progress"}, {"dtw_accuracy", "DTW accuracy"}};
  names.criterion = dataset_.store.has_frame_labels() ? "dtw_accuracy" : "tau_b";
  names.validated_on = judges() ? judged_.name : "";
}

bool RunValidation::is_due(std::int64_t epoch, std::int64_t epochs) const {
  const std::int64_t every = config_.eval.every_epochs;
  return epoch + 1 == epochs || (every > 0 && (epoch + 1) % every == 0);
}

Scores RunValidation::validate(const Network& network) {
  const std::vector<EmbeddedVideo> embedded =
      embed_videos(dataset_, evaluated_samples(dataset_.store, config_), network, config_, threads_, communicator_);
  EvaluationWatch quiet = evaluation_watch(config_);
  quiet.progress = ProgressChoice::kOff;
  quiet.asked_to_stop = {};  // the loop stops between steps, with a checkpoint
  found_ = evaluate(embedded, evaluation_settings(config_, dataset_.store, threads_), quiet, communicator_);
  const EvaluationResult& result = *found_;
  const Metrics& metrics = result.metrics;
  const auto k = std::find(result.k.begin(), result.k.end(), 5);  // where it was asked for, else the first
  const std::size_t which = k == result.k.end() ? 0 : static_cast<std::size_t>(k - result.k.begin());
  const auto largest = std::max_element(result.fractions.begin(), result.fractions.end()) - result.fractions.begin();
  const auto or_nan = [](const Metrics::Number& number) { return number.value_or(std::nan("")); };
  return {or_nan(metrics.svm_rbf[static_cast<std::size_t>(largest)]), or_nan(metrics.ap[which]), or_nan(metrics.tau_b),
          or_nan(metrics.progress), or_nan(metrics.dtw_accuracy)};
}

}  // namespace alignment::lrprop
