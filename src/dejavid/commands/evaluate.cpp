#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "io/bytes/csv_field.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/result_file.hpp"
#include "src/dejavid/commands/class_report.hpp"
#include "src/dejavid/commands/command_setup.hpp"
#include "src/dejavid/commands/commands.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/device.hpp"
#include "src/dejavid/evaluation/baseline.hpp"
#include "src/dejavid/evaluation/evaluator.hpp"
#include "src/dejavid/model/data_settings.hpp"
#include "src/dejavid/model/model_file.hpp"
#include "src/dejavid/model/model_setup.hpp"
#include "src/gpu/gpus.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/environment.hpp"
#include "src/job/environment/threads.hpp"
#include "src/job/result.hpp"
#include "src/job/terminal/log.hpp"

namespace alignment::dejavid {
namespace {

constexpr const char* kUnknownToTheModel = "of classes that the model does not know";

/// The split of eval.split. Samples that training held out are no training samples, where these are asked for by name.
EvaluationSplit split_as_trained(io::TseStore& store, const Config& config, const ModelContent& content) {
  EvaluationSplit of_store = choose_split(store, config.eval.split);
  const HeldOut held_out = hold_out(store, config_of(content, config.model.init));
  if (config.eval.split == EvalSplit::kAuto || config.eval.split == EvalSplit::kTest) return of_store;
  if (held_out.digest != content.held_out) {
    throw io::ModelFileError(fmt::format(
        "{}: found that training held out samples (data.holdout) which these stores do not give, or not these alone; "
        "expected the stores, and data.bad_samples, that it was trained with; give them, or another eval.split",
        config.model.init.string()));
  }
  return choose_split(store, config.eval.split);
}

/// A model and the data that it is to be tried on. Made collectively.
struct ModelOnSplit {
  ModelOnSplit(Config& config, const GivenKeys& given, dist::Communicator& communicator)
      : device(choose_device(config, communicator, thread_count(config.dist, communicator))),
        content(read_initial_model(config, given, communicator)),
        dataset(Dataset::open(config, communicator, needs_of_evaluation(*device, config), io::ClassMatching::kUnion)),
        model(load_model(content, config, given, dataset.store, communicator)),
        split(split_as_trained(dataset.store, config, content)) {
    agreed(communicator, [&] {
      require_samples(split, config);
      aligner = device->make_aligner(dataset, model);
    });
  }

  std::unique_ptr<Device> device;
  ModelContent content;
  Dataset dataset;
  Model model;
  EvaluationSplit split;
  std::unique_ptr<Aligner> aligner;
};

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

/// Everything that is told of an evaluation.
struct Judgement {
  const Evaluation& evaluation;
  const EvaluationSplit& split;
  const LeftOut& left_out;
  const Baseline& baseline;
  const std::vector<std::string>& class_names;
  const std::string& validated_on;  ///< as ModelContent has it
};

/// Whether these samples had a part in choosing the model.
std::string to_text(const EvaluationSplit& split, const std::string& validated_on) {
  if (validated_on.empty()) return "";
  if (split.split == io::Split::kTrain) return "these samples were trained on\n";
  if (validated_on == "none") return "training was not validated: no epoch was chosen by these samples\n";
  if (validated_on == split.name) {
    return fmt::format(
        "training was validated on this split: the epoch of best.h5, and settings, that were chosen by it look better "
        "here than they are\n");
  }
  return fmt::format("training was validated on the {} split, not on this one\n", io::printable(validated_on));
}

std::string to_text(const PathSums& paths) {
  if (paths.samples == 0) return "";
  return fmt::format(
      "paths of the {:.0f} predicted rightly: {:.1f} % have half of their centroid steps or more on one sample step; "
      "on "
      "average the most on one are {:.1f} %\n",
      paths.samples, 100 * paths.halves / paths.samples, 100 * paths.largest_shares / paths.samples);
}

std::string to_text(const Judgement& judgement) {
  const auto& [evaluation, split, left_out, baseline, class_names, validated_on] = judgement;
  std::string text = fmt::format("{} {} samples: loss {:.4f}, top-1 {:.4f}, top-5 {:.4f}\n", evaluation.samples,
                                 split.name, evaluation.loss, evaluation.top1, evaluation.top5);
  if (left_out.samples > 0) text += fmt::format("left out of all numbers: {}\n", left_out.text(kUnknownToTheModel));
  text += to_text(split, validated_on);
  text += to_text(baseline, evaluation, class_names.size());
  if (evaluation.right_paths) text += to_text(*evaluation.right_paths);
  text += text_of_classes(evaluation.confusion, class_names);
  return text;
}

std::string to_json(const Judgement& judgement) {
  const auto& [evaluation, split, left_out, baseline, class_names, validated_on] = judgement;
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
  return json.dump(2) + "\n";
}

}  // namespace

void run_evaluation(Config config, const GivenKeys& given, const std::filesystem::path& json,
                    dist::Communicator& communicator) {
  const std::optional<io::ResultFile> result =
      open_result(json, inputs_of(config), config.dist.timeout(), communicator);
  ModelOnSplit tried(config, given, communicator);
  const std::vector<std::string>& class_names = tried.dataset.store.class_names();
  const LeftOut left_out(tried.dataset.store, tried.split.samples,
                         [&](std::int64_t sample) { return tried.dataset.store.label(sample) != io::kNoLabel; });
  const EvaluationSplit judged = labelled(tried.dataset.store, tried.split);
  agreed(communicator, [&] {
    if (!judged.samples.empty()) return;
    throw io::StoreError(fmt::format(
        "{}:labels: found no {} samples that can be right or wrong: {}; expected some of the model's classes; use "
        "predict for what is new",
        config.data.store.front().string(), judged.name, left_out.text(kUnknownToTheModel)));
  });
  const EvaluationExtras extras{Baseline::choose(tried.dataset, judged.samples, config, communicator), true};
  const Evaluation evaluation =
      evaluate(tried.dataset, judged.samples, *tried.aligner, PathSource::kLive, config, communicator, extras);
  const Judgement judgement{evaluation, judged, left_out, extras.baseline, class_names, tried.content.validated_on};
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    if (!result || !result->is_standard_output()) {
      io::write_standard_output(to_text(judgement));
    }
    if (result) write_result(*result, to_json(judgement), config.dist.timeout());
  });
}

void run_prediction(Config config, const GivenKeys& given, const std::filesystem::path& out,
                    dist::Communicator& communicator) {
  const std::optional<io::ResultFile> result = open_result(out, inputs_of(config), config.dist.timeout(), communicator);
  ModelOnSplit tried(config, given, communicator);
  const std::vector<Prediction> predictions =
      predict(tried.dataset, tried.split.samples, *tried.aligner, config, communicator);
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    const io::TseStore& store = tried.dataset.store;
    const auto name_of = [&](std::int32_t label) { return store.class_names()[static_cast<std::size_t>(label)]; };
    std::string text = "id,label,prediction,confidence,top5,label_name,prediction_name,top5_names\n";
    for (const Prediction& row : predictions) {
      const std::int32_t label = store.label(row.sample);
      std::vector<std::string> closest;
      for (const std::int32_t near : row.closest) closest.push_back(name_of(near));
      text += fmt::format("{},{},{},{:.6f},{},{},{},{}\n", io::csv_field(store.id(row.sample)),
                          label == io::kNoLabel ? "" : std::to_string(label), row.prediction, row.confidence,
                          fmt::join(row.closest, " "), io::csv_field(store.class_name(row.sample)),
                          io::csv_field(name_of(row.prediction)),
                          io::csv_field(fmt::format("{}", fmt::join(closest, ";"))));
    }
    write_result(*result, text, config.dist.timeout());
    log_info(fmt::format("{} predictions for the {} split: {}", predictions.size(), tried.split.name, result->text()));
  });
}

void run_centroids(Config config, const std::filesystem::path& out, dist::Communicator& communicator) {
  require_device(config.dist, "dejavid_dist", communicator);
  const std::optional<io::ResultFile> result = open_result(out, inputs_of(config), config.dist.timeout(), communicator);
  const int threads = thread_count(config.dist, communicator);
  Dataset dataset = Dataset::open(config, communicator, needs_of_rows(config));
  agreed(communicator, [&] {
    dataset.store.require_training_samples();
    static_cast<void>(hold_out(dataset.store, config));  // the centroids of a run do not know them either
    config.model.steps = steps_of(config, dataset.store);
  });
  const Model model = barycenter_model(dataset, communicator, config, threads);
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    if (result->is_regular()) {
      const dist::Deadline deadline = writing_result(config.dist.timeout());
      write_model(out, content_of(model, config));
    } else {
      result->write(model_bytes(out, content_of(model, config)));
    }
    log_info(fmt::format("centroids of {} classes: {}", model.classes, result->text()));
  });
}

}  // namespace alignment::dejavid
