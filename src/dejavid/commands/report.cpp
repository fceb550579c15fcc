#include <fmt/format.h>

#include <numeric>
#include <optional>

#include "io/errors.hpp"
#include "io/result_file.hpp"
#include "io/store/encoder_names.hpp"
#include "src/config/run_layout.hpp"
#include "src/dejavid/commands/command_setup.hpp"
#include "src/dejavid/commands/commands.hpp"
#include "src/dejavid/commands/judgement.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/model/model_setup.hpp"
#include "src/dejavid/report/class_sections.hpp"
#include "src/dejavid/report/hard_samples.hpp"
#include "src/dejavid/report/model_pictures.hpp"
#include "src/job/agreed.hpp"
#include "src/job/file_deadline.hpp"
#include "src/job/result.hpp"
#include "src/job/terminal/log.hpp"
#include "src/report/html.hpp"
#include "src/report/page.hpp"
#include "src/report/run_record.hpp"
#include "src/report/run_sections.hpp"

namespace alignment::dejavid {
namespace {

namespace fs = std::filesystem;

/// Which model a report is of. `file` is empty where there is none yet.
struct ChosenModel {
  fs::path file;
  std::string why;
};

/// Whether the split that is asked for by name is another than the one that best.h5 was chosen by.
bool chose_by_others(const std::string& validated_on, EvalSplit split) {
  if (validated_on.empty() || validated_on == "none") return false;
  if (split == EvalSplit::kTest) return validated_on != "test";
  return split == EvalSplit::kVal && validated_on == "test";
}

ChosenModel choose_model(const Config& config) {
  if (!config.model.init.empty()) return {config.model.init, "which model.init names"};
  const fs::path last = config.run.dir / run_layout::kModel, best = config.run.dir / run_layout::kBest;
  std::error_code unreadable;  // then the read says so
  if (!fs::exists(last, unreadable) && !unreadable) {
    if (config.data.store.empty()) return {};
    throw io::ModelFileError(
        fmt::format("{}: found no such file; expected the model of a run that is done; let the run go on to its end "
                    "(--run.resume auto), or name a model with --model.init",
                    last.string()));
  }
  if (config.data.store.empty()) return {last, "the model of the last epoch"};
  if (!fs::exists(best, unreadable)) return {last, "the model of the last epoch"};
  const std::string validated_on = read_model(last).validated_on;
  if (chose_by_others(validated_on, config.eval.split)) {
    return {best,
            fmt::format("the model of the best epoch, which the {} split chose and not these samples", validated_on)};
  }
  return {last, fmt::format(
                    "the model of the last epoch; best.h5 was chosen by the {} split and looks better there than it is",
                    validated_on)};
}

/// `classes`: of the model, where there is one yet.
std::vector<report::RunChart> charts(std::optional<std::size_t> classes) {
  std::vector<report::RunChart> charts{
      {"Loss", false, {{"train", "train_loss"}, {"validation", "val_loss"}}},
      {"Accuracy", false, {{"train top-1", "train_top1"}, {"validation top-1", "val_top1"}}},
      {"Loss of each step", true, {{"", "loss"}}},
      {"Learning rate of the weights", true, {{"", "lr"}}}};
  if (!classes || tells_top5(*classes)) charts[1].lines.emplace_back("validation top-5", "val_top5");
  return charts;
}

/// What made the features, by their files; empty where these do not say, or there are none.
struct Encoders {
  std::string of_model, of_store;
};

/// The page, put together on rank 0.
class ReportPage {
 public:
  ReportPage(const report::RunRecord& run, const ChosenModel& chosen, const Encoders& encoders, const Config& config)
      : page_(fmt::format("DejaVid run {}", report::name_of_run(run.folder)), about(run, chosen, encoders, config)),
        run_(run) {}

  void add(const std::string& heading, const std::string& html) { page_.section(heading, html); }
  void add_curves(std::optional<std::size_t> classes) { add("Curves", report::curves(run_, charts(classes))); }
  [[nodiscard]] std::string finish() {
    add("Environment and settings", report::environment(run_));
    return page_.document();
  }

 private:
  static std::string about(const report::RunRecord& run, const ChosenModel& chosen, const Encoders& encoders,
                           const Config& config) {
    std::string html = report::course(run) + ".";
    if (!chosen.file.empty()) {
      html += fmt::format(" This is about {}, {}", report::escaped(chosen.file.filename().string()),
                          report::escaped(chosen.why));
      if (!config.data.store.empty()) {
        html += ", tried on";
        for (const fs::path& store : config.data.store)
          html += fmt::format(" {}", report::escaped(store.filename().string()));
      }
      html += ".";
    }
    if (!encoders.of_model.empty()) {
      html += encoders.of_model == io::kNoEncoder
                  ? " It learned from raw series, which no encoder made."
                  : fmt::format(" It learned from features of the encoder {}.", report::escaped(encoders.of_model));
    }
    if (!encoders.of_store.empty() && encoders.of_store != encoders.of_model) {
      html += encoders.of_store == io::kNoEncoder
                  ? " What it was tried on are raw series, which no encoder made."
                  : fmt::format(" The features that it was tried on are of the encoder {}.",
                                report::escaped(encoders.of_store));
    }
    return html;
  }

  report::Page page_;
  const report::RunRecord& run_;
};

FeatureNames names_of_features(const fs::path& file, const Model& model, const io::TseStore* store) {
  return file.empty() ? FeatureNames(model, store) : FeatureNames(file, model);
}

}  // namespace

void run_report(Config config, const GivenKeys& given, const ReportFiles& files, dist::Communicator& communicator) {
  const fs::path out = files.out.empty() ? config.run.dir / "report.html" : files.out;
  report::RunRecord run;
  ChosenModel chosen;
  agreed(communicator, [&] {
    const dist::Deadline deadline = waiting_for_files("a read of the run", config.dist.timeout());
    run = report::read_run(config.run.dir);
    chosen = choose_model(config);
  });
  config.model.init = chosen.file;
  std::vector<fs::path> inputs = inputs_of(config);
  inputs.push_back(files.feature_names);
  for (const fs::path& file : report::files_of_run(config.run.dir)) inputs.push_back(file);
  const std::optional<io::ResultFile> result = open_result(out, inputs, config.dist.timeout(), communicator);

  std::string document;
  if (!config.data.store.empty()) {
    ModelOnSplit tried(config, given, communicator);
    const Judgement judgement = judge(tried, config, communicator, kHardSamples);
    agreed(communicator, [&] {
      if (!communicator.is_root()) return;
      const dist::Deadline deadline = waiting_for_files("a read of the store", config.dist.timeout());
      const FeatureNames names = names_of_features(files.feature_names, tried.model, &tried.dataset.store);
      const Encoders encoders{tried.content.encoder, io::text_of_encoders(tried.dataset.store.encoders())};
      ReportPage page(run, chosen, encoders, config);
      page.add("Numbers", numbers_section(judgement));
      page.add_curves(judgement.class_names.size());
      page.add("Where it errs", errors_section(judgement));
      page.add("Classes, worst first", classes_section(judgement));
      page.add("Weights and centroids",
               weights_and_centroids(tried.model, worst_first(judgement), accuracy_remarks(judgement), names));
      page.add("Hardest samples", hard_samples_section(judgement, tried.dataset.store, tried.model, names));
      page.add("Paths", paths_section(judgement));
      document = page.finish();
    });
  } else {
    std::optional<ModelContent> content;
    if (!chosen.file.empty()) content = read_initial_model(config, given, communicator);
    agreed(communicator, [&] {
      if (!communicator.is_root()) return;
      ReportPage page(run, chosen, {content ? content->encoder : "", ""}, config);
      page.add_curves(content ? std::optional(content->class_names.size()) : std::nullopt);
      if (content) {
        const Model model = model_of(*content);
        std::vector<std::size_t> order(model.class_names.size());
        std::iota(order.begin(), order.end(), 0);
        page.add("Weights and centroids",
                 weights_and_centroids(model, order, {}, names_of_features(files.feature_names, model, nullptr)));
      }
      document = page.finish();
    });
  }
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    write_result(*result, document, config.dist.timeout());
    log_info(fmt::format("report: {}", result->text()));
  });
}

}  // namespace alignment::dejavid
