#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "io/bytes/csv_field.hpp"
#include "io/bytes/first_few.hpp"
#include "io/bytes/utf8.hpp"
#include "io/result_file.hpp"
#include "io/result_folder.hpp"
#include "src/dejavid/commands/command_setup.hpp"
#include "src/dejavid/commands/commands.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/device.hpp"
#include "src/dejavid/evaluation/finding.hpp"
#include "src/dejavid/model/model_setup.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/environment.hpp"
#include "src/job/result.hpp"
#include "src/job/terminal/log.hpp"

namespace alignment::dejavid {
namespace {

using Json = nlohmann::ordered_json;

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
              {"frame_costs", frame_costs(one, found.length)},
              {"cells", Json::array()}};
    for_each_cell(one, found.length, [&](std::int64_t step, std::int64_t frame, double) {
      path["cells"].push_back({step, frame});
    });
    json["paths"].push_back(std::move(path));
  }
  if (found.alignments.size() > 1) {
    std::vector<double> above;
    for (std::size_t step = 0; step < static_cast<std::size_t>(model.steps); ++step) {
      above.push_back(found.alignments[1].step_costs[step] - found.alignments[0].step_costs[step]);
    }
    json[fmt::format("{}_above_predicted", found.role(found.alignments[1]))] = above;
    const std::vector<double> lead = lead_of_prediction(found);
    const std::optional<std::int64_t> first = ahead_from(lead);
    json["lead"] = lead;
    json["ahead_from"] = first ? Json(*first) : Json();
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
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

/// Throws ConfigError.
Comparison comparison_with(const std::string& against, const Model& model) {
  constexpr const char* kNearest = "nearest";
  if (against.empty()) return {};
  const auto found = std::ranges::find(model.class_names, against);
  if (found != model.class_names.end()) {
    return {Comparison::With::kClass, static_cast<std::int32_t>(found - model.class_names.begin())};
  }
  if (against == kNearest) return {Comparison::With::kNearestOther};
  io::FirstFew classes;
  for (const std::string& name : model.class_names) classes.add(io::printable(name));
  throw ConfigError(fmt::format("--against: found \"{}\"; expected {}, or a class of the model, as {}",
                                io::printable(against), kNearest, classes.text()));
}

}  // namespace

void run_alignment(Config config, const GivenKeys& given, const AlignmentRequest& request,
                   dist::Communicator& communicator) {
  const auto& [id, against, out] = request;
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
  Comparison comparison;
  agreed(communicator, [&] { comparison = comparison_with(against, model); });
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    const std::filesystem::path folder = out.empty() ? std::filesystem::path("align-" + io::file_name_of(id)) : out;
    const ResultFiles files = open_results(folder, config);
    const std::unique_ptr<Aligner> aligner = device->make_aligner(dataset, model);
    const Finding found = look_at(dataset, sample, *aligner, model, config, comparison);
    write_result(files.csv, to_csv(found, model), config.dist.timeout());
    write_result(files.json, to_json(found, model), config.dist.timeout());
    write_result(files.svg, to_svg(found, model), config.dist.timeout());
    log_info(fmt::format("{}: {}: {}", io::printable(found.id), io::printable(verdict(found, model)), folder.string()));
  });
}

}  // namespace alignment::dejavid
