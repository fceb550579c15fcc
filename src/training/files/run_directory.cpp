#include "src/training/files/run_directory.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "io/bytes/files_in_use.hpp"
#include "io/bytes/shallow_json.hpp"
#include "io/durable_file.hpp"
#include "io/errors.hpp"
#include "src/config/run_layout.hpp"
#include "src/job/file_deadline.hpp"
#include "src/job/terminal/log.hpp"
#include "src/training/files/event_file.hpp"
#include "src/training/files/metrics_file.hpp"

namespace alignment {
namespace {

namespace fs = std::filesystem;

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error && !fs::is_directory(folder, error) && !error) error = std::make_error_code(std::errc::not_a_directory);
  if (error) {
    throw io::WriteError(fmt::format("{}: found {}; expected a folder to write the run to; choose another run.dir",
                                     folder.string(), error.message()));
  }
}

void make_folders(const fs::path& folder) {
  for (const fs::path& each : {folder, folder / run_layout::kCheckpoints, folder / run_layout::kLogs})
    make_folder(each);
}

/// Of UTC since 1970, in milliseconds: one digit more would be noise.
double utc_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  constexpr double kThousand = 1000;
  return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) / kThousand;
}

/// The step in a checkpoint's name, step_<digits>.h5.
std::optional<std::int64_t> step_of(const fs::path& file) {
  constexpr std::string_view kPrefix = "step_", kSuffix = ".h5";
  const std::string name = file.filename().string();
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  const char* first = name.data() + kPrefix.size();
  const char* last = name.data() + name.size() - kSuffix.size();
  std::int64_t step = 0;
  const auto [end, error] = std::from_chars(first, last, step);
  return error == std::errc() && end == last && first != last ? std::optional(step) : std::nullopt;
}

/// Under the lock of the run, so that nobody is writing them.
void remove_unfinished(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() != io::kUnfinished) continue;
    std::error_code ignored;  // it does no harm but to take up space
    fs::remove(entry->path(), ignored);
    log_warning(fmt::format("{}: found a file that its writer did not finish; removed it", entry->path().string()));
  }
}

}  // namespace

struct RunDirectory::State {
  fs::path folder;
  MetricsFile metrics;
  std::chrono::duration<double> timeout;
  std::optional<EventFile> events = std::nullopt;

  void write_events_anew(const std::string& config_toml) {
    make_folder(folder / run_layout::kTensorBoard);
    events.emplace(folder / run_layout::kTensorBoard, config_toml, metrics.content(), utc_seconds());
  }
  void record(nlohmann::ordered_json line) {
    line["time"] = utc_seconds();
    const std::string text = line.dump();
    metrics.append(text);
    if (events) events->append(text);
  }
};

RunDirectory::RunDirectory() = default;
RunDirectory::~RunDirectory() = default;
RunDirectory::RunDirectory(RunDirectory&&) noexcept = default;
RunDirectory& RunDirectory::operator=(RunDirectory&&) noexcept = default;

RunDirectory RunDirectory::create(const fs::path& folder, const std::string& config_toml,
                                  std::chrono::duration<double> timeout, TensorBoard tensorboard) {
  const io::FileInUse in_use(folder);
  for (const char* name : {run_layout::kConfig, run_layout::kMetrics}) {
    std::error_code unreadable;  // what cannot even be looked at is reported by make_folders
    if (fs::exists(fs::symlink_status(folder / name, unreadable))) {
      throw io::WriteError(
          fmt::format("{}: found a run already; expected a folder without one; choose another run.dir, or "
                      "go on with that run by run.resume = \"auto\"",
                      (folder / name).string()));
    }
  }
  make_folders(folder);
  RunDirectory run;
  // Two runs that begin at once in one folder: the second fails here, before it touches the first one's files.
  run.state_ = std::make_unique<State>(State{folder, MetricsFile::create(folder / run_layout::kMetrics), timeout});
  try {
    io::write_text(folder / run_layout::kConfig, config_toml);
    if (tensorboard == TensorBoard::kWritten) run.state_->write_events_anew(config_toml);
  } catch (...) {
    std::error_code ignored;  // the error that counts is the one under way
    for (const char* name : {run_layout::kConfig, run_layout::kMetrics}) fs::remove(folder / name, ignored);
    throw;
  }
  return run;
}

RunDirectory RunDirectory::reopen(const fs::path& folder, const std::string& config_toml,
                                  std::chrono::duration<double> timeout, std::int64_t from_step,
                                  TensorBoard tensorboard) {
  const io::FileInUse in_use(folder);
  make_folders(folder);
  RunDirectory run;
  run.state_ =
      std::make_unique<State>(State{folder, MetricsFile::reopen(folder / run_layout::kMetrics, from_step), timeout});
  for (const fs::path& each : {folder, folder / run_layout::kCheckpoints}) remove_unfinished(each);
  io::write_text(folder / run_layout::kConfig, config_toml);
  if (tensorboard == TensorBoard::kWritten) run.state_->write_events_anew(config_toml);
  return run;
}

dist::Deadline RunDirectory::writing() const {
  return writing_run(state_->timeout);
}

const fs::path& RunDirectory::folder() const {
  return state_->folder;
}
fs::path RunDirectory::model_file() const {
  return state_->folder / run_layout::kModel;
}
fs::path RunDirectory::best_file() const {
  return state_->folder / run_layout::kBest;
}

fs::path RunDirectory::checkpoint_file(std::int64_t step) const {
  return state_->folder / run_layout::kCheckpoints / fmt::format("step_{:08}.h5", step);
}

void RunDirectory::prune_checkpoints(std::int64_t keep, std::int64_t step) const {
  std::int64_t kept = 0;
  for (const fs::path& checkpoint : checkpoints_of(state_->folder)) {
    if (*step_of(checkpoint) <= step && kept++ < keep) continue;
    const io::FileInUse in_use(checkpoint);
    std::error_code error;
    fs::remove(checkpoint, error);
    if (error) {
      throw io::WriteError(
          fmt::format("{}: found {}; expected to remove this old checkpoint; check the folder's permissions",
                      checkpoint.string(), error.message()));
    }
  }
}

void RunDirectory::abandon() {
  std::error_code ignored;  // the failure that ended the run is the one to report
  for (const char* name : {run_layout::kConfig, run_layout::kMetrics, run_layout::kEnvironment})
    fs::remove(state_->folder / name, ignored);
  for (const char* name : {run_layout::kLogs, run_layout::kTensorBoard}) fs::remove_all(state_->folder / name, ignored);
  for (const fs::path& folder : {state_->folder / run_layout::kCheckpoints, state_->folder})
    fs::remove(folder, ignored);
}

void RunDirectory::record(const StepRecord& step, const ScoreNames& names) {
  nlohmann::ordered_json record = {{"event", "step"}, {"epoch", step.epoch}, {"step", step.step}, {"loss", step.loss}};
  for (std::size_t n = 0; n < names.train.size(); ++n) {
    if (names.train[n].of_steps) record[names.train[n].key] = step.means.at(n);
  }
  record["lr"] = step.lr;
  record[names.units] = step.samples;
  state_->record(std::move(record));
}

void RunDirectory::record(const EpochRecord& epoch, const ScoreNames& names) {
  nlohmann::ordered_json record = {{"event", "epoch"}, {"epoch", epoch.scores.epoch}};
  for (std::size_t n = 0; n < names.train.size(); ++n) record["train_" + names.train[n].key] = epoch.scores.train[n];
  for (std::size_t n = 0; n < names.validation.size(); ++n) {
    auto& value = record["val_" + names.validation[n].key];
    if (epoch.scores.validated) value = epoch.scores.validation[n];
  }
  record["seconds"] = epoch.seconds;
  record[names.units + "_per_s"] = epoch.samples_per_s;
  state_->record(std::move(record));
}

void RunDirectory::write_refused_step(const std::string& json) const {
  io::write_text(state_->folder / run_layout::kRefusedStep, json);
}

void RunDirectory::write_environment(const std::string& json) const {
  io::write_text(state_->folder / run_layout::kEnvironment, json);
}

void RunDirectory::write_summary(const std::string& json) const {
  io::write_text(state_->folder / run_layout::kSummary, json);
}

void require_inputs_elsewhere(const fs::path& folder, const std::vector<fs::path>& inputs) {
  const auto refuse = [](const fs::path& file) {
    throw io::WriteError(fmt::format(
        "{}: found an input of this run where the run would write; expected a folder of its own; choose another "
        "run.dir",
        file.string()));
  };
  std::error_code absent;  // what does not exist is not written over
  for (const fs::path& input : inputs) {
    for (const char* name : run_layout::kFiles) {
      if (fs::equivalent(folder / name, input, absent)) refuse(folder / name);
    }
    for (const char* name : run_layout::kFolders) {
      if (fs::equivalent(folder / name, input.parent_path(), absent)) refuse(input);
    }
  }
}

dist::Deadline writing_run(std::chrono::duration<double> timeout) {
  return waiting_for_files("a write of the run's files", timeout);
}

std::vector<fs::path> checkpoints_of(const fs::path& folder) {
  const io::FileInUse in_use(folder);
  std::map<std::int64_t, fs::path, std::greater<>> newest_first;
  std::error_code error;
  const fs::path checkpoints = folder / run_layout::kCheckpoints;
  if (!fs::exists(checkpoints, error) && !error) return {};
  for (fs::directory_iterator entry(checkpoints, error), end; !error && entry != end; entry.increment(error)) {
    if (const std::optional<std::int64_t> step = step_of(entry->path())) newest_first[*step] = entry->path();
  }
  if (error) {
    throw io::ModelFileError(fmt::format("{}: found {}; expected a folder of checkpoints; check its permissions",
                                         checkpoints.string(), error.message()));
  }
  std::vector<fs::path> files;
  files.reserve(newest_first.size());
  for (const auto& [step, file] : newest_first) files.push_back(file);
  return files;
}

fs::path run_of(const fs::path& checkpoint) {
  return checkpoint.parent_path().parent_path();
}

TimeSpent time_spent(const fs::path& folder) {
  std::ifstream stream(folder / run_layout::kSummary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  const auto summary = io::shallow_json<nlohmann::json>(text);
  TimeSpent spent;
  if (!summary.is_object()) return spent;
  if (const auto seconds = summary.find("wall_seconds"); seconds != summary.end() && seconds->is_number()) {
    spent.wall_seconds = seconds->get<double>();
  }
  if (const auto phases = summary.find("phase_seconds_of_rank_0"); phases != summary.end() && phases->is_object()) {
    for (const auto& [name, seconds] : phases->items()) {
      if (seconds.is_number()) spent.phase_seconds[name] = seconds.get<double>();
    }
  }
  return spent;
}

fs::path make_default_run_folder(const DataConfig& config) {
  const std::string store = config.store.empty() ? "run" : config.store.front().stem().string();
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  const fs::path first = fs::path("runs") / fmt::format("{}-{:%Y%m%d-%H%M%S}", store, fmt::gmtime(now));
  make_folder(first.parent_path());
  fs::path folder = first;
  std::error_code error;
  for (int number = 2; !fs::create_directory(folder, error); ++number) {
    if (error) {
      throw io::WriteError(fmt::format("{}: found {}; expected a folder to write the run to; choose another run.dir",
                                       folder.string(), error.message()));
    }
    folder = fmt::format("{}-{}", first.string(), number);
  }
  return folder;
}

}  // namespace alignment
