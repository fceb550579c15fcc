#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "io/bytes/csv_field.hpp"
#include "io/result_file.hpp"
#include "src/dejavid/commands/command_setup.hpp"
#include "src/dejavid/commands/commands.hpp"
#include "src/dejavid/commands/judgement.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/device.hpp"
#include "src/dejavid/evaluation/evaluator.hpp"
#include "src/dejavid/model/data_settings.hpp"
#include "src/dejavid/model/model_file.hpp"
#include "src/dejavid/model/model_setup.hpp"
#include "src/gpu/gpus.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/environment.hpp"
#include "src/job/result.hpp"
#include "src/job/terminal/log.hpp"

namespace alignment::dejavid {

void run_evaluation(Config config, const GivenKeys& given, const std::filesystem::path& json,
                    dist::Communicator& communicator) {
  const std::optional<io::ResultFile> result =
      open_result(json, inputs_of(config), config.dist.timeout(), communicator);
  ModelOnSplit tried(config, given, communicator);
  const Judgement judgement = judge(tried, config, communicator);
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    if (!result || !result->is_standard_output()) {
      io::write_standard_output(to_text(judgement));
    }
    if (result) write_result(*result, to_json(judgement).dump(2) + "\n", config.dist.timeout());
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
