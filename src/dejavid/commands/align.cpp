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
