#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "io/bytes/shallow_json.hpp"
#include "io/errors.hpp"
#include "io/result_file.hpp"
#include "src/config/run_layout.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/environment.hpp"
#include "src/job/file_deadline.hpp"
#include "src/job/result.hpp"
#include "src/job/terminal/log.hpp"
#include "src/lrprop/alignment/alignment.hpp"
#include "src/lrprop/alignment/picture.hpp"
#include "src/lrprop/commands/command_setup.hpp"
#include "src/lrprop/commands/commands.hpp"
#include "src/lrprop/embedding.hpp"
#include "src/lrprop/model/model_setup.hpp"
#include "src/lrprop/trainee.hpp"
#include "src/report/html.hpp"
#include "src/report/page.hpp"
#include "src/report/run_record.hpp"
#include "src/report/run_sections.hpp"

namespace alignment::lrprop {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEvaluation = "evaluation.json";

using Json = nlohmann::ordered_json;

const std::vector<report::RunChart>& charts() {
  static const std::vector<report::RunChart> charts{{"Loss", false, {{"", "train_loss"}}},
                                                    {"Validation",
                                                     false,
                                                     {{"DTW accuracy", "val_dtw_accuracy"},
                                                      {"tau-b", "val_tau_b"},
                                                      {"AP", "val_ap"},
                                                      {"SVM", "val_svm_rbf"},
                                                      {"progress", "val_progress"}}},
                                                    {"Terms of the loss: same frame", false, {{"", "train_same"}}},
                                                    {"Terms of the loss: propagation", false, {{"", "train_prop"}}},
                                                    {"Terms of the loss: soft-DTW", false, {{"", "train_sdtw"}}},
                                                    {"Mean cosine within a video", false, {{"", "train_cosine"}}},
                                                    {"Loss of each step", true, {{"", "loss"}}},
                                                    {"Learning rate", true, {{"", "lr"}}}};
  return charts;
}

[[noreturn]] void refuse(const fs::path& file) {
  throw io::StoreError(fmt::format(
      "{}: found something else than an evaluation; expected what a finished run writes; move the file away to report "
      "without it",
      file.string()));
}

/// evaluation.json of a finished run; null where there is none.
Json read_evaluation(const fs::path& file) {
  std::error_code unreadable;  // then the read says so
  if (!fs::exists(file, unreadable) && !unreadable) return {};
  const std::string text = report::read_text(file, "a file of a run", "give the run.dir of a run");
  auto evaluation = io::shallow_json<Json>(text);
  if (!evaluation.is_object()) refuse(file);
  return evaluation;
}

/// Numbers by what they are called, in the order of the table.
using NamedNumbers = std::vector<std::pair<std::string, Json>>;

void add_by(const Json& evaluation, const char* key, std::string_view name, NamedNumbers& numbers) {
  const Json by = evaluation.value(key, Json::object());
  for (const auto& [at, value] : by.items()) {
    numbers.emplace_back(fmt::format("{}{}", name, at), value);
  }
}

NamedNumbers numbers_of(const Json& evaluation) {
  NamedNumbers numbers;
  add_by(evaluation, "svm_rbf", "SVM, share ", numbers);
  add_by(evaluation, "logreg", "logistic, share ", numbers);
  numbers.emplace_back("progress (R²)", evaluation.value("progress", Json()));
  add_by(evaluation, "ap", "AP@", numbers);
  numbers.emplace_back("Kendall's tau-b", evaluation.value("tau_b", Json()));
  numbers.emplace_back("pairs without a tau-b", evaluation.value("tau_dropped", Json()));
  numbers.emplace_back("tau-b with 0 for these", evaluation.value("tau_b_zero", Json()));
  numbers.emplace_back("DTW accuracy", evaluation.value("dtw_accuracy", Json()));
  return numbers;
}

std::string cell(const Json& value) {
  return value.is_number() ? report::number(value.get<double>()) : "–";
}

std::string tiles_of(const Json& evaluation) {
  std::vector<report::Tile> tiles;
  const auto tile = [&](const char* name, const char* key, const char* remark) {
    const Json value = evaluation.value(key, Json());
    if (value.is_number()) tiles.push_back({name, report::number(value.get<double>()), remark});
  };
  tile("DTW accuracy", "dtw_accuracy",
       "frames that get their phase from another video along the path; frames without one are left out before");
  tile("Kendall's tau-b", "tau_b", "order of nearest frames; near 1 for a clock too");
  tile("progress", "progress", "R² of how far the phases are; below 0: worse than always their mean");
  return tiles.empty() ? "" : report::tiles(tiles);
}

/// The run's model beside the baselines.
std::string evaluation_section(const Json& evaluation) {
  if (evaluation.is_null())
    return report::paragraph(
        "The run has no evaluation.json: it is not done yet, or its store has no videos to judge.");
  report::Table table{
      .caption = fmt::format("{} {} videos, {} frames", evaluation.value("videos", Json()).dump(),
                             evaluation.value("split", std::string()), evaluation.value("frames", Json()).dump()),
      .columns = {{"metric"}, {"this run", true}},
      .rows = {}};
  for (const auto& [name, value] : numbers_of(evaluation)) table.rows.push_back({report::escaped(name), cell(value)});
  const Json baselines = evaluation.value("baselines", Json::object());
  const std::map<std::string, std::string> names{{"raw", "features"}, {"time_only", "time only"}};
  for (const auto& [key, baseline] : baselines.items()) {
    const auto name = names.find(key);
    table.columns.push_back({name == names.end() ? key : name->second, true});
    const NamedNumbers numbers = numbers_of(baseline);
    for (std::size_t n = 0; n < table.rows.size(); ++n) {
      table.rows[n].push_back(n < numbers.size() ? cell(numbers[n].second) : "");
    }
  }
  std::string html = report::table(table);
  html += report::paragraph(
      "The share is that of the training videos which a support vector machine, or logistic regression, learned phases "
      "from. Features are what went in, standardised where the model standardises: a model that does not beat them has "
      "learned nothing. Time only is a clock: where its number is as high, the metric says little.");
  for (const Json& note : evaluation.value("notes", Json::array())) {
    if (note.is_string()) html += report::paragraph(report::escaped(note.get<std::string>()));
  }
  return html;
}

struct EvaluationSections {
  std::string tiles, table;
};

EvaluationSections evaluation_sections(const Json& evaluation, const fs::path& file) {
  try {
    return {evaluation.is_null() ? "" : tiles_of(evaluation), evaluation_section(evaluation)};
  } catch (const Json::exception&) {  // of another type than ours
    refuse(file);
  }
}

/// Whether frames of a video have become one point, by the epochs' numbers.
std::string collapse_section(const report::RunRecord& run) {
  const std::vector<drawing::Point>&cosines = run.of_epochs("train_cosine"), &costs = run.of_epochs("train_sdtw");
  if (cosines.empty() || costs.size() != cosines.size()) return "";
  std::int64_t collapsed = 0;
  double first = 0;
  for (std::size_t n = 0; n < cosines.size(); ++n) {
    if (!has_collapsed(cosines[n].y, costs[n].y)) continue;
    if (collapsed++ == 0) first = cosines[n].x;
  }
  const std::string last = fmt::format("In the last epoch the mean cosine of two frames of a video is {}.",
                                       report::number(cosines.back().y, fmt::format("{:.3f}", cosines.back().y)));
  if (collapsed == 0) return report::paragraph(fmt::format("No alarm: frames of a video stayed apart. {}", last));
  return report::paragraph(fmt::format(
      "<strong>Alarm</strong> in {} of {} epochs, first in epoch {}: frames of a video become one point, and what is "
      "aligned says little. {}",
      report::count(collapsed), cosines.size(), report::count(static_cast<std::int64_t>(first)), last));
}

/// The first two judged videos of one action; empty where there are no two.
std::vector<std::int64_t> two_of_an_action(const io::TseStore& store, const Config& config) {
  std::map<std::int32_t, std::vector<std::int64_t>> by_action;
  for (const std::int64_t video : labelled(store, choose_split(store, config.eval.split)).samples) {
    by_action[store.label(video)].push_back(video);
  }
  for (const auto& [label, videos] : by_action) {
    if (videos.size() >= 2) return {videos[0], videos[1]};
  }
  return {};
}

std::string alignment_section(const std::vector<EmbeddedVideo>& videos, const io::TseStore& store) {
  if (videos.size() < 2) return report::paragraph("No action has two videos to lay beside each other.");
  const EmbeddedVideo &query = videos[0], &other = videos[1];
  AlignmentOptions options;
  options.phase_names = store.phase_names();
  const VideoAlignment alignment = align_videos(query, other);
  const AlignmentSummary summary = summarize(query, other, alignment, options);
  const std::string text =
      report::paragraph(report::escaped(fmt::format(
          "{} and {}, the first two videos of {} that training did not see: how far apart their frames are, and the "
          "cheapest path. A good embedding has a dark valley, and the path follows it.",
          query.id, other.id, store.class_names()[static_cast<std::size_t>(query.label)]))) +
      report::paragraph(report::escaped(caption_of(query, summary)));
  return report::beside({alignment_element(query, other, alignment, summary, options), text});
}

}  // namespace

void run_report(const Invocation& asked, dist::Communicator& communicator) {
  Config config = asked.config_of<Config>();
  const fs::path folder = config.run.dir;
  const std::string given_out = asked.option("out");
  const fs::path out = given_out.empty() ? folder / "report.html" : fs::path(given_out);
  report::RunRecord run;
  Json evaluation;
  agreed(communicator, [&] {
    const dist::Deadline deadline = waiting_for_files("a read of the run", config.dist.timeout());
    run = report::read_run(folder);
    evaluation = read_evaluation(folder / kEvaluation);
  });
  const bool with_store = !config.data.store.empty();
  if (with_store && config.model.init.empty()) config.model.init = folder / run_layout::kModel;
  std::vector<fs::path> inputs = inputs_of(config);
  for (const fs::path& file : report::files_of_run(folder)) inputs.push_back(file);
  inputs.push_back(folder / kEvaluation);
  const std::optional<io::ResultFile> result = open_result(out, inputs, config.dist.timeout(), communicator);

  std::string aligned;
  if (with_store) {
    const std::unique_ptr<CudaDevice> gpu = choose_device(config, communicator);
    const int threads = thread_count(config.dist, communicator);
    Dataset dataset = open_dataset(config, communicator, io::ClassMatching::kUnion);
    const std::vector<std::int64_t> samples = two_of_an_action(dataset.store, config);
    const ModelContent content = load_model(config, asked.given, dataset, communicator);
    const Network network = embedding_network(content, config, gpu.get(), threads);
    const std::vector<EmbeddedVideo> videos = embed_videos(dataset, samples, network, config, threads, communicator);
    agreed(communicator, [&] {
      if (communicator.is_root()) aligned = alignment_section(videos, dataset.store);
    });
  }
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    report::Page page(fmt::format("LRProp run {}", report::name_of_run(folder)),
                      fmt::format("{}. Numbers are of model.h5, the model of the last epoch.", report::course(run)));
    const EvaluationSections evaluated = evaluation_sections(evaluation, folder / kEvaluation);
    page.section("Numbers", evaluated.tiles);
    page.section("Curves", report::curves(run, charts()));
    page.section("Evaluation", evaluated.table);
    page.section("Collapse", collapse_section(run));
    page.section("Two videos aligned", aligned);
    page.section("Environment and settings", report::environment(run));
    write_result(*result, page.document(), config.dist.timeout());
    log_info(fmt::format("report: {}", result->text()));
  });
}

}  // namespace alignment::lrprop
