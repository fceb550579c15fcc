#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "io/model_file.hpp"
#include "io/result_file.hpp"
#include "src/dejavid/command_setup.hpp"
#include "src/dejavid/commands.hpp"
#include "src/dejavid/device.hpp"
#include "src/dejavid/evaluator.hpp"
#include "src/dejavid/model_setup.hpp"
#include "src/run/environment.hpp"
#include "src/run/file_deadline.hpp"
#include "src/run/log.hpp"
#include "src/run/threads.hpp"

namespace dejavid {
namespace {

/// A model and the data that it is to be tried on. Made collectively.
struct Trial {
  Trial(const Config& config, dist::Communicator& communicator)
      : device(choose_device(config, communicator, thread_count(config, communicator))),
        dataset(Dataset::open(config, communicator, device.get())),
        model(load_model(config, dataset.store, communicator)),
        split(choose_split(dataset.store, config.eval.split)) {
    agreed(communicator, [&] {
      require_samples(split, config);
      model.diagonal = model.diagonal || config.model.diagonal;
      aligner = device->make_aligner(dataset, model);
    });
  }

  std::unique_ptr<Device> device;
  Dataset dataset;
  Model model;
  EvaluationSplit split;
  std::unique_ptr<Aligner> aligner;
};

struct ClassAccuracy {
  std::int64_t samples = 0, correct = 0;
  [[nodiscard]] double fraction() const { return static_cast<double>(correct) / static_cast<double>(samples); }
};

ClassAccuracy accuracy_of(const Evaluation& evaluation, std::size_t label, std::size_t classes) {
  ClassAccuracy accuracy;
  for (std::size_t c = 0; c < classes; ++c) accuracy.samples += evaluation.confusion[label * classes + c];
  accuracy.correct = evaluation.confusion[label * classes + label];
  return accuracy;
}

std::string to_text(const Evaluation& evaluation, const EvaluationSplit& split,
                    const std::vector<std::string>& class_names) {
  std::string text = fmt::format("{} {} samples: loss {:.4f}, top-1 {:.4f}, top-5 {:.4f}\n", evaluation.samples,
                                 split.name, evaluation.loss, evaluation.top1, evaluation.top5);
  if (evaluation.supersampling_top1) {
    text += fmt::format("averaging over time (argmax of the mean of the last {} features): top-1 {:.4f}\n",
                        class_names.size(), *evaluation.supersampling_top1);
  }
  for (std::size_t label = 0; label < class_names.size(); ++label) {
    const ClassAccuracy accuracy = accuracy_of(evaluation, label, class_names.size());
    if (accuracy.samples == 0) continue;
    text += fmt::format("  {:<32} {:>7} samples  {:.4f}\n", class_names[label], accuracy.samples, accuracy.fraction());
  }
  return text;
}

std::string to_json(const Evaluation& evaluation, const EvaluationSplit& split,
                    const std::vector<std::string>& class_names) {
  nlohmann::ordered_json json{{"split", split.name},
                              {"samples", evaluation.samples},
                              {"loss", evaluation.loss},
                              {"top1", evaluation.top1},
                              {"top5", evaluation.top5}};
  if (evaluation.supersampling_top1) json["supersampling_top1"] = *evaluation.supersampling_top1;
  const std::size_t classes = class_names.size();
  json["per_class"] = nlohmann::ordered_json::array();
  json["confusion"] = nlohmann::ordered_json::array();
  for (std::size_t label = 0; label < classes; ++label) {
    const ClassAccuracy accuracy = accuracy_of(evaluation, label, classes);
    nlohmann::ordered_json row{{"class", class_names[label]}, {"samples", accuracy.samples}, {"accuracy", nullptr}};
    if (accuracy.samples > 0) row["accuracy"] = accuracy.fraction();
    json["per_class"].push_back(row);
    const auto first = evaluation.confusion.begin() + static_cast<std::ptrdiff_t>(label * classes);
    json["confusion"].push_back(std::vector<std::int64_t>(first, first + static_cast<std::ptrdiff_t>(classes)));
  }
  return json.dump(2) + "\n";
}

/// A CSV field, quoted where it has to be.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char character : text) {
    if (character == '"') quoted += '"';
    quoted += character;
  }
  return quoted + '"';
}

/// While the result lives, rank 0 waits for the file of its result, and for nothing else: who reads standard output or
/// a pipe may take any time.
dist::Deadline writing_result(const Config& config) {
  return waiting_for_files("a write of the result", config.dist.timeout());
}

/// Where rank 0 will write, looked at before any work is done; nothing where no file is asked for.
std::optional<io::ResultFile> open_result(const std::filesystem::path& out, const Config& config,
                                          dist::Communicator& communicator) {
  std::optional<io::ResultFile> result;
  agreed(communicator, [&] {
    if (out.empty() || !communicator.is_root()) return;
    std::vector<std::filesystem::path> inputs = config.data.store;
    inputs.push_back(config.model.init);
    const dist::Deadline deadline = writing_result(config);
    result.emplace(out, inputs);
  });
  return result;
}

void write_result(const io::ResultFile& result, const std::string& content, const Config& config) {
  if (!result.is_regular()) return result.write(content);
  const dist::Deadline deadline = writing_result(config);
  result.write(content);
}

}  // namespace

void run_evaluation(Config config, const std::filesystem::path& json, dist::Communicator& communicator) {
  const std::optional<io::ResultFile> result = open_result(json, config, communicator);
  Trial trial(config, communicator);
  const std::vector<std::string>& class_names = trial.dataset.store.class_names();
  const bool has_logits = trial.model.feature_dim >= trial.model.classes;
  const Evaluation evaluation =
      evaluate(trial.dataset, trial.split.samples, *trial.aligner, PathSource::kLive, config, communicator, has_logits);
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    if (!result || !result->is_standard_output()) {
      io::write_standard_output(to_text(evaluation, trial.split, class_names));
    }
    if (result) write_result(*result, to_json(evaluation, trial.split, class_names), config);
  });
}

void run_prediction(Config config, const std::filesystem::path& out, dist::Communicator& communicator) {
  const std::optional<io::ResultFile> result = open_result(out, config, communicator);
  Trial trial(config, communicator);
  const std::vector<Prediction> predictions =
      predict(trial.dataset, trial.split.samples, *trial.aligner, config, communicator);
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    std::string text = "id,label,prediction,confidence,top5\n";
    for (const Prediction& row : predictions) {
      text += fmt::format("{},{},{},{:.6f},{}\n", csv_field(trial.dataset.store.id(row.sample)),
                          trial.dataset.store.label(row.sample), row.prediction, row.confidence,
                          fmt::join(row.closest, " "));
    }
    write_result(*result, text, config);
    log_info(fmt::format("{} predictions for the {} split: {}", predictions.size(), trial.split.name, result->text()));
  });
}

void run_centroids(Config config, const std::filesystem::path& out, dist::Communicator& communicator) {
  require_device(config, communicator);
  const std::optional<io::ResultFile> result = open_result(out, config, communicator);
  const int threads = thread_count(config, communicator);
  Dataset dataset = Dataset::open(config, communicator);
  agreed(communicator, [&] { dataset.store.require_training_samples(); });
  const Model model = barycenter_model(dataset, communicator, config, threads);
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    if (result->is_regular()) {
      const dist::Deadline deadline = writing_result(config);
      io::write_model(out, content_of(model, config));
    } else {
      result->write(io::model_image(out, content_of(model, config)));
    }
    log_info(fmt::format("centroids of {} classes: {}", model.classes, result->text()));
  });
}

}  // namespace dejavid
