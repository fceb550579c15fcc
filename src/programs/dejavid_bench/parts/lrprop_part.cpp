// A training step of LRProp by its phases, beside the same in plain PyTorch, and the kernels of two videos.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "io/durable_file.hpp"
#include "kernels/alignment_variants.hpp"
#include "src/config/error.hpp"
#include "src/job/program/whole_number.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/log.hpp"
#include "src/lrprop/config/config.hpp"
#include "src/programs/dejavid_bench/measuring/measurement.hpp"
#include "src/programs/dejavid_bench/measuring/temporary_folder.hpp"
#include "src/programs/dejavid_bench/measuring/torch_program.hpp"
#include "src/programs/dejavid_bench/parts/parts.hpp"
#include "src/programs/dejavid_bench/problems/alignment_kernels.hpp"
#include "src/programs/dejavid_bench/problems/lrprop_problem.hpp"
#include "src/programs/dejavid_bench/torch_script.hpp"

namespace alignment::dejavid::bench {
namespace {

using Json = nlohmann::json;

struct Options {
  std::vector<std::string> shapes{"small", "paper-40", "paper-80", "paper-240"};
  std::vector<std::int64_t> lengths{80, 240, 1000, 2000}, widths{32, 128};
  std::string only;
  std::int64_t threads = 1;
  Patience patience;
  bool no_torch = false;
  std::string python;
};

constexpr const char* kScript = "lrprop_expression.py";
constexpr int kWarmSteps = 2;
/// Relative, of the two losses at the same weights.
constexpr double kLossTolerance = 1e-4;

/// One turn of either: averages over its steps.
struct Turn {
  double seconds = 0, cpu_seconds = 0;
  StepPhases phases{};
};

/// Of all threads of this process.
double process_seconds() {
  std::timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  constexpr double kNano = 1e-9;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * kNano;
}

Turn our_turn(LrpropSteps& steps, double least_seconds) {
  Turn turn;
  int count = 0;
  const double begin = process_seconds();
  do {
    StepPhases phases{};
    turn.seconds += seconds_of([&] {
      if (!std::isfinite(steps.step(phases).loss)) throw std::runtime_error("lrprop: found a loss that is not finite");
    });
    for (std::size_t phase = 0; phase < phases.size(); ++phase) turn.phases[phase] += phases[phase];
    ++count;
  } while (turn.seconds < least_seconds);
  turn.cpu_seconds = (process_seconds() - begin) / count;
  turn.seconds /= count;
  for (double& phase : turn.phases) phase /= count;
  return turn;
}

Json named_shapes(const std::vector<lrprop::ArrayShape>& arrays) {
  Json list = Json::array();
  for (const lrprop::ArrayShape& array : arrays) list.push_back({{"name", array.name}, {"shape", array.shape}});
  return list;
}

void write_problem(const std::filesystem::path& folder, const LrpropShape& shape, const LrpropProblem& problem,
                   const Options& options) {
  const lrprop::EncoderSizes& sizes = shape.sizes;
  const lrprop::LossConfig loss;
  const lrprop::TrainConfig train;
  Json description = {{"sizes",
                       {{"features", sizes.feature_dim},
                        {"fc_width", sizes.fc_width},
                        {"hidden", sizes.hidden},
                        {"heads", sizes.heads},
                        {"ff_width", sizes.ff_width},
                        {"layers", sizes.layers},
                        {"embedding", sizes.embedding},
                        {"frames", sizes.train_frames}}},
                      {"loss",
                       {{"lambda_same", loss.lambda_same},
                        {"lambda_prop", loss.lambda_prop},
                        {"lambda_sdtw", loss.lambda_sdtw},
                        {"temperature", loss.temperature},
                        {"sigma2", loss.sigma2},
                        {"gamma", loss.gamma}}},
                      {"weights", named_shapes(lrprop::weight_arrays(sizes))},
                      {"statistics", named_shapes(lrprop::statistic_arrays(sizes))},
                      {"dropout", lrprop::ModelConfig{}.dropout},
                      {"lr", train.lr},
                      {"weight_decay", train.weight_decay},
                      {"clip_norm", train.clip_norm},
                      {"threads", options.threads},
                      {"warm_steps", kWarmSteps},
                      {"seconds", options.patience.seconds}};
  std::vector<float> views;
  const lrprop::TrainingPair pair = problem.pair(1);
  for (std::size_t view = 0; view < pair.views.frames.size(); ++view) {
    const std::vector<float> rows = problem.view(view);
    views.insert(views.end(), rows.begin(), rows.end());
    description["frames"].push_back(pair.views.frames[view]);
  }
  write_floats(folder / "weights", problem.weights());
  write_floats(folder / "statistics", problem.statistics());
  write_floats(folder / "views", views);
  io::write_text(folder / "problem.json", description.dump());
  io::write_text(folder / kScript, lrprop_script());
}

/// PyTorch's steps, in a process of its own a turn.
class TorchSteps {
 public:
  TorchSteps(const LrpropShape& shape, const LrpropProblem& problem, const Options& options) : python_(options.python) {
    write_problem(folder_.path(), shape, problem, options);
  }

  [[nodiscard]] Turn turn() {
    const Json found = run_torch_script(folder_.path(), kScript, python_);
    version_ = found.at("version").get<std::string>();
    loss_ = found.at("loss").get<double>();
    return {found.at("seconds").get<double>(), found.at("cpu_seconds").get<double>(),
            found.at("phases").get<StepPhases>()};
  }
  /// Of the last turn: at the first weights and without dropout.
  [[nodiscard]] double loss() const { return loss_; }
  [[nodiscard]] const std::string& version() const { return version_; }

 private:
  TemporaryFolder folder_;
  std::string python_, version_;
  double loss_ = 0;
};

/// Turns of both; of PyTorch none where there is no PyTorch.
struct Turns {
  std::vector<Turn> ours, torch;
  std::string torch_version;
  double loss = 0;  ///< ours, at the first weights and without dropout
};

Turns take_turns(const LrpropShape& shape, const Options& options) {
  const LrpropProblem problem(shape);
  const int threads = static_cast<int>(options.threads);
  Turns turns;
  StepPhases phases{};
  turns.loss = LrpropSteps(problem, 0, threads).step(phases).loss;
  LrpropSteps steps(problem, lrprop::ModelConfig{}.dropout, threads);
  for (int step = 0; step < kWarmSteps; ++step) static_cast<void>(steps.step(phases));
  std::optional<TorchSteps> torch;
  if (!options.no_torch) torch.emplace(shape, problem, options);
  for (int turn = 0; turn < options.patience.repeats; ++turn) {
    stop_if_asked();
    turns.ours.push_back(our_turn(steps, options.patience.seconds));
    if (!torch) continue;
    try {
      turns.torch.push_back(torch->turn());
    } catch (const ConfigError& error) {
      if (!options.python.empty()) throw;
      log_warning(fmt::format("measuring our steps alone: {}", error.what()));
      torch.reset();
      continue;
    }
    if (!(std::fabs(torch->loss() / turns.loss - 1) <= kLossTolerance)) {
      throw std::runtime_error(
          fmt::format("{}: found a loss of {} by PyTorch and {} by us at the same weights; expected the same within a "
                      "part of {}; nothing was compared",
                      kScript, torch->loss(), turns.loss, kLossTolerance));
    }
    turns.torch_version = torch->version();
  }
  return turns;
}

Record step_record(const LrpropShape& shape, const LrpropProblem& problem, const std::vector<Turn>& turns,
                   const Options& options) {
  const auto all = [&](const auto& value_of) {
    std::vector<double> values;
    std::transform(turns.begin(), turns.end(), std::back_inserter(values), value_of);
    return summarize(std::move(values));
  };
  const Summary summary = all([](const Turn& turn) { return turn.seconds; });
  Record record;
  record.part = "lrprop";
  record.shape = {shape.name, 0, 0, shape.sizes.feature_dim, static_cast<double>(shape.sizes.train_frames), 1};
  record.threads = static_cast<int>(options.threads);
  record.seconds = summary.seconds;
  record.spread = summary.spread;
  record.elements = problem.multiply_adds();
  for (std::size_t phase = 0; phase < kStepPhases.size(); ++phase) {
    record.phases.emplace_back(kStepPhases[phase], all([&](const Turn& turn) { return turn.phases[phase]; }).seconds);
  }
  record.more["weights"] = problem.weights().size();
  record.more["cpu_seconds"] = all([](const Turn& turn) { return turn.cpu_seconds; }).seconds;
  record.note =
      fmt::format("{:.2f} M weights, {:.4g} s of processor time", static_cast<double>(problem.weights().size()) / 1e6,
                  record.more["cpu_seconds"].get<double>());
  return record;
}

std::vector<Record> measure_step(const std::string& name, const Options& options) {
  const LrpropShape shape = parse_lrprop_shape(name);
  log_info(fmt::format("measuring steps of {}", name));
  const Turns turns = take_turns(shape, options);
  const LrpropProblem problem(shape);
  std::vector<Record> records{step_record(shape, problem, turns.ours, options)};
  Record& ours = records.front();
  ours.name = "step";
  ours.variant = kernels::cpu::best_alignment_variant().name;
  ours.more["loss"] = turns.loss;
  if (turns.torch.empty()) return records;

  Record torch = step_record(shape, problem, turns.torch, options);
  torch.name = "step/torch";
  torch.variant = fmt::format("torch {}", turns.torch_version);
  const auto ratios = [&](double Turn::*seconds) {
    std::vector<double> all;
    for (std::size_t turn = 0; turn < turns.torch.size(); ++turn) {
      all.push_back(turns.torch[turn].*seconds / (turns.ours[turn].*seconds));
    }
    return summarize(std::move(all));
  };
  const Summary wall = ratios(&Turn::seconds), processor = ratios(&Turn::cpu_seconds);
  torch.times_slower = wall.seconds;
  torch.more["times_slower_spread"] = wall.spread;
  torch.more["times_slower_cpu"] = processor.seconds;
  torch.more["times_slower_cpu_spread"] = processor.spread;
  torch.note +=
      fmt::format(", by which {:.4g} times slower (spread {:.0f} %)", processor.seconds, processor.spread * 100);
  records.push_back(std::move(torch));
  return records;
}

std::vector<Record> measure_lrprop(const Options& options) {
  install_stop_signals();
  require_threads(options.threads);
  std::vector<Record> records;
  if (options.only != "kernels") {
    for (const std::string& shape : options.shapes) static_cast<void>(parse_lrprop_shape(shape));
    for (const std::string& shape : options.shapes) {
      const auto measured = measure_step(shape, options);
      records.insert(records.end(), measured.begin(), measured.end());
    }
  }
  if (options.only != "steps") {
    const auto measured = measure_alignment_kernels(options.lengths, options.widths, options.patience);
    records.insert(records.end(), measured.begin(), measured.end());
  }
  return records;
}

}  // namespace

void add_lrprop(CLI::App& program, Choice& choice) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand(
      "lrprop", "a training step of LRProp beside plain PyTorch, and its kernels beside their reference");
  command
      ->add_option("--shape", options->shapes,
                   "small, paper-40, paper-80, paper-240 (default all four), or eight numbers: features, fc_width, "
                   "hidden, heads, ff_width, layers, embedding, frames; several times for several")
      ->type_name("NAME|N,...");
  const auto counts = [&](const char* name, std::vector<std::int64_t>& values, const char* text) {
    command->add_option(name, values, text)
        ->delimiter(',')
        ->transform(whole_number(std::int64_t{1}, std::int64_t{100'000}))
        ->type_name("N,N...");
  };
  counts("--lengths", options->lengths, "frames of the kernels' videos; default 80,240,1000,2000");
  counts("--widths", options->widths, "numbers of an embedding; default 32,128");
  command->add_option("--only", options->only, "steps or kernels; default both")
      ->check(CLI::IsMember({"steps", "kernels"}).description(""))
      ->type_name("PART");
  command->add_option("--threads", options->threads, "threads of a step, of either; default 1")->type_name("N");
  auto* const python = command
                           ->add_option("--python", options->python,
                                        "a Python with PyTorch; default the project's own (.venv), or python3, where "
                                        "it has PyTorch")
                           ->type_name("FILE");
  command->add_flag("--no-torch", options->no_torch, "our steps alone")->excludes(python);
  add_patience_options(*command, options->patience);
  add_json_option(*command, choice);
  command->callback(
      [options, &choice] { choice.measure = [options](dist::Communicator&) { return measure_lrprop(*options); }; });
}

}  // namespace alignment::dejavid::bench
