#include "src/dejavid/commands/judgement.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "src/dejavid/commands/command_setup.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/model/data_settings.hpp"
#include "src/dejavid/model/model_setup.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/environment.hpp"

namespace alignment::dejavid {
namespace {

/// The split of eval.split. Samples that training held out are no training samples where these are asked for by name,
/// and are what auto takes where the store has neither val nor test.
EvaluationSplit split_as_trained(io::TseStore& store, const Config& config, const ModelContent& content) {
  EvaluationSplit of_store = choose_split(store, config.eval.split);
  const HeldOut held_out = drawn_to_hold_out(store, config_of(content, config.model.init));
  const bool as_trained = held_out.digest == content.held_out;
  if (as_trained) store.move_to_validation(held_out.drawn);  // of other stores training knows all training samples
  if (config.eval.split == EvalSplit::kTest) return of_store;
  if (config.eval.split == EvalSplit::kAuto && (!of_store.samples.empty() || !as_trained)) return of_store;
  if (!as_trained) {
    throw io::ModelFileError(fmt::format(
        "{}: found that training held out samples (data.holdout) which these stores do not give, or not these alone; "
        "expected the stores, and data.bad_samples, that it was trained with; give them, or another eval.split",
        config.model.init.string()));
  }
  return choose_split(store, config.eval.split);
}

/// What beside the accuracy stands for averaging over time.
std::string to_text(const Baseline& baseline, const Evaluation& evaluation, std::size_t classes) {
  switch (baseline.kind) {
    case Baseline::Kind::kLogits:
      return fmt::format(
          "averaging over time (argmax of the mean of the last features, the encoder's logits): top-1 {:.4f}\n",
          *evaluation.baseline_top1);
    case Baseline::Kind::kClassMeans:
      return fmt::format(
          "averaging over time (nearest class mean of {} training samples' mean features{}): top-1 {:.4f}\n",
          baseline.training_samples,
          baseline.classes_without_means == 0
              ? ""
              : fmt::format(", for {} of {} classes",
                            classes - static_cast<std::size_t>(baseline.classes_without_means), classes),
          *evaluation.baseline_top1);
    case Baseline::Kind::kNone:
      break;
  }
  return "averaging over time: nothing to compare with, as the store says of no logits and has no training samples of "
         "the model's classes\n";
}

std::string to_text(const PathSums& paths) {
  if (paths.samples == 0) return "";
  return fmt::format(
      "paths of the {:.0f} predicted rightly: {:.1f} % squeeze half of the centroid's steps or more onto one step of "
      "the sample, as paths do that jump; on average at most {:.1f} % lie on one\n",
      paths.samples, 100 * paths.halves / paths.samples, 100 * paths.largest_shares / paths.samples);
}

}  // namespace

ModelOnSplit::ModelOnSplit(Config& config, const GivenKeys& given, dist::Communicator& communicator)
    : device(choose_device(config, communicator, thread_count(config.dist, communicator))),
      content(read_initial_model(config, given, communicator)),
      dataset(Dataset::open(config, communicator, needs_of_evaluation(*device, config), io::ClassMatching::kUnion)),
      model(load_model(content, config, given, dataset.store, communicator)),
      split(split_as_trained(dataset.store, config, content)) {
  agreed(communicator, [&] {
    require_samples(split, dataset.store, config);
    aligner = device->make_aligner(dataset, model);
  });
}

Judgement judge(ModelOnSplit& tried, const Config& config, dist::Communicator& communicator, std::size_t hardest) {
  const io::TseStore& store = tried.dataset.store;
  Judgement judgement{
      labelled(store, tried.split),
      LeftOut(store, tried.split.samples, [&](std::int64_t sample) { return store.label(sample) != io::kNoLabel; }),
      {},
      {},
      store.class_names(),
      tried.content.validated_on,
      tried.content.epoch,
      config_of(tried.content, config.model.init).train.epochs};
  const std::vector<std::int64_t>& judged = judgement.split.samples;
  agreed(communicator, [&] {
    if (!judged.empty()) return;
    throw io::StoreError(fmt::format(
        "{}:labels: found no {} samples that can be right or wrong: {}; expected some of the model's classes; use "
        "predict for what is new, or another eval.split",
        config.data.store.front().string(), judgement.split.name, text_of(judgement.left_out)));
  });
  const EvaluationExtras extras{Baseline::choose(tried.dataset, judged, config, communicator), true, hardest};
  judgement.evaluation =
      evaluate(tried.dataset, judged, *tried.aligner, PathSource::kLive, config, communicator, extras);
  judgement.baseline = extras.baseline;
  return judgement;
}

std::string text_of(const LeftOut& left_out) {
  return left_out.text("of classes that the model does not know");
}

std::string part_in_choosing(const Judgement& judgement) {
  const EvaluationSplit& split = judgement.split;
  const std::string& validated_on = judgement.validated_on;
  if (validated_on.empty()) return "";
  if (split.split == io::Split::kTrain) return "these samples were trained on";
  if (validated_on == "none") return "training was not validated: no epoch was chosen by these samples";
  if (validated_on == split.name) {
    if (judgement.epoch + 1 >= judgement.epochs)
      return "this split did not choose this model, of the last epoch, but settings tuned on it would flatter it";
    return fmt::format(
        "this model, of epoch {} of {}, was chosen on this split, so these numbers are optimistic; use model.h5 or "
        "another split",
        judgement.epoch + 1, judgement.epochs);
  }
  return fmt::format("training was validated on the {} split, not on this one", io::printable(validated_on));
}

std::string to_text(const Judgement& judgement) {
  const auto& [split, left_out, baseline, evaluation, class_names, validated_on, epoch, epochs] = judgement;
  std::string text = fmt::format("{} {} samples: loss {:.4f}, top-1 {:.4f}, top-5 {:.4f}\n", evaluation.samples,
                                 split.name, evaluation.loss, evaluation.top1, evaluation.top5);
  if (left_out.samples > 0) text += fmt::format("left out of all numbers: {}\n", text_of(left_out));
  if (const std::string part = part_in_choosing(judgement); !part.empty()) text += part + "\n";
  text += to_text(baseline, evaluation, class_names.size());
  if (evaluation.right_paths) text += to_text(*evaluation.right_paths);
  text += text_of_classes(evaluation.confusion, class_names);
  return text;
}

nlohmann::ordered_json to_json(const Judgement& judgement) {
  const auto& [split, left_out, baseline, evaluation, class_names, validated_on, epoch, epochs] = judgement;
  nlohmann::ordered_json json{{"split", split.name},
                              {"samples", evaluation.samples},
                              {"loss", evaluation.loss},
                              {"top1", evaluation.top1},
                              {"top5", evaluation.top5}};
  json["left_out"] = json_of(left_out);
  if (baseline.kind == Baseline::Kind::kLogits) json["supersampling_top1"] = *evaluation.baseline_top1;
  if (baseline.kind == Baseline::Kind::kClassMeans) json["class_means_top1"] = *evaluation.baseline_top1;
  json["validated_on"] = validated_on.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(validated_on);
  if (const auto& paths = evaluation.right_paths; paths && paths->samples > 0) {
    json["right_paths"] = {{"samples", static_cast<std::int64_t>(paths->samples)},
                           {"half_on_one_step", paths->halves / paths->samples},
                           {"largest_share_on_one_step", paths->largest_shares / paths->samples}};
  }
  add_classes(evaluation.confusion, class_names, json);
  return json;
}

}  // namespace alignment::dejavid
