#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "io/bytes/csv_field.hpp"
#include "io/bytes/utf8.hpp"
#include "io/result_file.hpp"
#include "io/result_folder.hpp"
#include "src/dejavid/commands/command_setup.hpp"
#include "src/dejavid/commands/commands.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/device.hpp"
#include "src/dejavid/evaluation/evaluator.hpp"
#include "src/dejavid/evaluation/objective.hpp"
#include "src/dejavid/evaluation/sample_alignment.hpp"
#include "src/dejavid/model/model_setup.hpp"
#include "src/drawing/alignment_picture.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/environment.hpp"
#include "src/job/result.hpp"
#include "src/job/terminal/log.hpp"

namespace alignment::dejavid {
namespace {

using Json = nlohmann::ordered_json;

/// One sample and what the model says of it.
struct Finding {
  std::string id;
  std::string class_name;  ///< its own, as its store says; empty where it does not
  std::int32_t label = 0;  ///< of that class in the model; io::kNoLabel where the model does not know it
  io::Split split = io::Split::kTrain;
  std::int64_t length = 0;        ///< T
  std::vector<double> distances;  ///< [C]
  std::int32_t prediction = 0;    ///< its class
  double confidence = 0;
  std::vector<ClassAlignment> alignments;  ///< with the predicted class, and with its own where that is another
  std::vector<double> seconds;             ///< [T] or empty
  std::vector<std::int32_t> phases;        ///< [T] or empty
  std::vector<std::string> phase_names;

  [[nodiscard]] bool is_known() const { return label != io::kNoLabel; }
  [[nodiscard]] bool is_wrong() const { return is_known() && label != prediction; }
  /// "predicted" or "true", for one of `alignments`.
  [[nodiscard]] const char* role(const ClassAlignment& one) const {
    return one.label == prediction ? "predicted" : "true";
  }
};

Finding look_at(Dataset& dataset, std::int64_t sample, Aligner& aligner, const Model& model, const Config& config) {
  io::TseStore& store = dataset.store;
  Finding found;
  found.id = store.id(sample);
  found.class_name = store.class_name(sample);
  found.label = store.label(sample);
  found.split = store.split(sample);
  found.length = store.length(sample);

  aligner.start({{sample}}, PathSource::kLive);
  const AlignedBatch batch = aligner.next();
  found.distances.assign(batch.distances.begin(), batch.distances.end());
  require_comparable(found.distances, sample, store);
  std::vector<double> probabilities(found.distances.size());
  class_probabilities(found.distances, config.train.label_rule(), probabilities);
  smallest_distances(found.distances, std::span(&found.prediction, 1));
  found.confidence = probabilities[static_cast<std::size_t>(found.prediction)];

  const std::vector<float> rows = rows_of(store, sample, model);
  std::vector<std::int32_t> classes{found.prediction};
  if (found.is_wrong()) classes.push_back(found.label);
  found.alignments = align_sample(model, rows, classes);
  if (store.has_timestamps()) found.seconds = store.read_timestamps(sample);
  if (store.has_frame_labels()) found.phases = store.read_frame_labels(sample);
  found.phase_names = store.phase_names();
  return found;
}

const std::string& name_of(const Model& model, std::int32_t label) {
  return model.class_names[static_cast<std::size_t>(label)];
}

/// Calls `visit(step, frame, cost)` for every cell of the path, from the first to the last.
template <typename Visit>
void for_each_cell(const ClassAlignment& one, std::int64_t length, Visit&& visit) {
  for (std::size_t step = 0; step < one.columns.size(); ++step) {
    for (std::int64_t frame = one.columns[step].first; frame <= one.columns[step].last; ++frame) {
      visit(static_cast<std::int64_t>(step), frame,
            one.cost[step * static_cast<std::size_t>(length) + static_cast<std::size_t>(frame)]);
    }
  }
}

std::string to_csv(const Finding& found, const Model& model) {
  std::string text = "class,role,step,frame,seconds,cost\n";
  for (const ClassAlignment& one : found.alignments) {
    for_each_cell(one, found.length, [&](std::int64_t step, std::int64_t frame, double cost) {
      text += fmt::format(
          "{},{},{},{},{},{}\n", io::csv_field(name_of(model, one.label)), found.role(one), step, frame,
          found.seconds.empty() ? "" : fmt::format("{}", found.seconds[static_cast<std::size_t>(frame)]), cost);
    });
  }
  return text;
}

std::string to_json(const Finding& found, const Model& model) {
  constexpr const char* kSplits[] = {"train", "val", "test"};
  Json json{{"id", found.id},
            {"split", kSplits[static_cast<std::size_t>(found.split)]},
            {"frames", found.length},
            {"centroid_steps", model.steps},
            {"diagonal", model.diagonal}};
  json["true"] = {{"label", found.is_known() ? Json(found.label) : Json()},
                  {"class", found.class_name.empty() ? Json() : Json(found.class_name)}};
  json["prediction"] = {
      {"label", found.prediction}, {"class", name_of(model, found.prediction)}, {"confidence", found.confidence}};
  json["correct"] = found.is_known() ? Json(!found.is_wrong()) : Json();
  json["distances"] = Json::array();
  for (std::size_t label = 0; label < found.distances.size(); ++label) {
    json["distances"].push_back(
        {{"label", label}, {"class", model.class_names[label]}, {"distance", found.distances[label]}});
  }
  json["paths"] = Json::array();
  for (const ClassAlignment& one : found.alignments) {
    Json path{{"role", found.role(one)},
              {"label", one.label},
              {"class", name_of(model, one.label)},
              {"distance", found.distances[static_cast<std::size_t>(one.label)]},
              {"step_costs", one.step_costs},
              {"cells", Json::array()}};
    for_each_cell(one, found.length, [&](std::int64_t step, std::int64_t frame, double) {
      path["cells"].push_back({step, frame});
    });
    json["paths"].push_back(std::move(path));
  }
  if (found.is_wrong()) {
    std::vector<double> above;
    for (std::size_t step = 0; step < static_cast<std::size_t>(model.steps); ++step) {
      above.push_back(found.alignments[1].step_costs[step] - found.alignments[0].step_costs[step]);
    }
    json["true_above_predicted"] = above;
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string verdict(const Finding& found, const Model& model) {
  const std::string& predicted = name_of(model, found.prediction);
  if (found.is_wrong()) return fmt::format("{} taken for {}", found.class_name, predicted);
  if (found.is_known()) return fmt::format("{}, rightly", predicted);
  if (found.class_name.empty()) return fmt::format("{}, whether rightly is not known", predicted);
  return fmt::format("{}; it is {}, which the model does not know", predicted, found.class_name);
}

std::string to_svg(const Finding& found, const Model& model) {
  drawing::AlignmentPicture picture;
  picture.title = fmt::format("{}: {}", found.id, verdict(found, model));
  picture.caption = fmt::format(
      "What each of {} centroid steps would cost at each frame, and the cheapest path; its cost is the distance to the "
      "class. The bars say how much of it each centroid step costs.",
      model.steps);
  picture.phase_names = found.phase_names;
  for (const ClassAlignment& one : found.alignments) {
    drawing::MatrixPanel panel{
        .title = fmt::format("{}{}: distance {:.4g}", name_of(model, one.label),
                             found.alignments.size() < 2 ? "" : fmt::format(" ({} class)", found.role(one)),
                             found.distances[static_cast<std::size_t>(one.label)]),
        .rows = {"centroid step", model.steps, {}, {}},
        .columns = {fmt::format("frame of {}", found.id), found.length, found.seconds, found.phases},
        .values = one.cost,
        .path = {},
        .row_costs = one.step_costs,
        .row_costs_name = "cost of the step"};
    for_each_cell(one, found.length, [&](std::int64_t step, std::int64_t frame, double) {
      panel.path.push_back({step, frame});
    });
    picture.panels.push_back(std::move(panel));
  }
  return drawing::to_svg(picture);
}

struct ResultFiles {
  io::ResultFile csv, json, svg;
};

/// Makes the folder, and looks whether they can be written.
ResultFiles open_results(const std::filesystem::path& folder, const Config& config) {
  const dist::Deadline deadline = writing_result(config.dist.timeout());
  io::make_result_folder(folder);
  const auto file = [&](const char* name) { return io::ResultFile(folder / name, inputs_of(config)); };
  return {file("alignment.csv"), file("alignment.json"), file("alignment.svg")};
}

}  // namespace

void run_alignment(Config config, const GivenKeys& given, const std::string& id, const std::filesystem::path& out,
                   dist::Communicator& communicator) {
  const std::unique_ptr<Device> device = choose_device(config, communicator, thread_count(config.dist, communicator));
  const ModelContent content = read_initial_model(config, given, communicator);
  Dataset dataset =
      Dataset::open(config, communicator, needs_of_evaluation(*device, config), io::ClassMatching::kUnion);
  std::int64_t sample = 0;
  agreed(communicator, [&] {
    sample = find_sample(dataset.store, id, "--sample",
                         fmt::format("the id of one of {} samples of {}", dataset.store.sample_count(),
                                     config.data.store.front().string()));
  });
  const Model model = load_model(content, config, given, dataset.store, communicator);
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    const std::filesystem::path folder = out.empty() ? std::filesystem::path("align-" + io::file_name_of(id)) : out;
    const ResultFiles files = open_results(folder, config);
    const std::unique_ptr<Aligner> aligner = device->make_aligner(dataset, model);
    const Finding found = look_at(dataset, sample, *aligner, model, config);
    write_result(files.csv, to_csv(found, model), config.dist.timeout());
    write_result(files.json, to_json(found, model), config.dist.timeout());
    write_result(files.svg, to_svg(found, model), config.dist.timeout());
    log_info(fmt::format("{}: {}: {}", io::printable(found.id), io::printable(verdict(found, model)), folder.string()));
  });
}

}  // namespace alignment::dejavid
