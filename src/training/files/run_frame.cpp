#include "src/training/files/run_frame.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "dist/launch_environment.hpp"
#include "dist/text.hpp"
#include "io/errors.hpp"
#include "src/config/keys/raw_value.hpp"
#include "src/config/run_layout.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/threads.hpp"
#include "src/job/file_deadline.hpp"
#include "src/job/terminal/log_file.hpp"
#include "src/training/files/resume.hpp"
#include "src/training/samples/dataset.hpp"

namespace alignment {
namespace {

/// The split that a value of eval.split means with this store.
io::Split split_of(const RawValue& value, const io::TseStore& store) {
  const auto& names = kChoiceNames<EvalSplit>;
  const auto found = std::find(names.begin(), names.end(), std::get<std::string>(value));
  return choose_split(store, static_cast<EvalSplit>(found - names.begin())).split;
}

}  // namespace

void require_same_run(const std::filesystem::path& file, std::uint64_t trained_on, const io::TseStore& store,
                      const KeyTable& table, const SharedConfig& before, SharedConfig& config, const GivenKeys& given) {
  const auto refuse = [&](const std::string& found, const std::string& expected,
                          const std::string& advice = "resume with the data and settings that the run began with") {
    throw io::ModelFileError(fmt::format("{}: found {}; expected {}; {}", file.string(), found, expected, advice));
  };
  if (trained_on != store.identity()) {
    refuse(fmt::format("training on a store of digest {:016x}", trained_on),
           fmt::format("{:016x}, that of data.store", store.identity()));
  }
  const auto compare = [&](const Key& key) {
    const RawValue found = key.value(before), expected = key.value(config);
    if (found == expected) return;
    if (key.owner == KeyOwner::kModel && !given.contains(&key)) {
      key.assign(config, found);
      return;
    }
    // auto may have meant the same split
    if (key.full_name() == "eval.split" && split_of(found, store) == split_of(expected, store)) return;
    const std::string setting = fmt::format("{} = {}", key.full_name(), toml_text(found));
    if (key.full_name() != "train.epochs") refuse(setting, toml_text(expected));
    const std::filesystem::path model = run_of(file) / run_layout::kModel;
    const std::filesystem::path start = std::filesystem::exists(model) ? model : file;
    refuse(
        setting, toml_text(expected),
        fmt::format("a run keeps its number of epochs, which its learning rates follow; to train its model for more, "
                    "start a new run with --model.init {} and another run.dir",
                    start.string()));
  };
  if (const Key* const profile = table.find("train.profile")) compare(*profile);  // the defaults of others hang on it
  for (const Key& key : table.keys()) {
    if (key.owner == KeyOwner::kModel || key.owner == KeyOwner::kRun) compare(key);
  }
}

std::filesystem::path run_folder(const SharedConfig& config, const std::optional<std::filesystem::path>& checkpoint,
                                 dist::Communicator& communicator) {
  std::string folder;
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    if (!config.run.dir.empty()) {
      folder = config.run.dir.string();
    } else if (checkpoint) {
      folder = run_of(*checkpoint).string();
    } else {
      const dist::Deadline deadline = writing_run(config.dist.timeout());
      folder = make_default_run_folder(config.data).string();
    }
  });
  return dist::broadcast_text(communicator, folder, dist::Rank{0});
}

void bring_run(const std::filesystem::path& checkpoint, const std::filesystem::path& folder, const BestModel& best) {
  const std::filesystem::path before = run_of(checkpoint);
  if (!bring_metrics(before, folder) || best.epoch < 0) return;
  try {
    static_cast<void>(best.copy(before / run_layout::kBest, folder / run_layout::kBest));
  } catch (const io::ModelFileError&) {  // keeps_best() misses it
  }
}

bool keeps_best(const std::filesystem::path& folder, const BestModel& best, const DistConfig& config,
                dist::Communicator& communicator) {
  std::int32_t kept = 1;
  agreed(communicator, [&] {
    if (!communicator.is_root() || best.epoch < 0) return;
    const dist::Deadline deadline = waiting_for_files("a read of the best model", config.timeout());
    const std::filesystem::path file = folder / run_layout::kBest;
    std::string found;
    try {
      const std::int64_t epoch = best.copy(file, {});
      if (epoch == best.epoch || epoch >= best.epochs_done) return;
      found = fmt::format("{}: found the model of epoch {}", file.string(), epoch + 1);
    } catch (const io::ModelFileError& unreadable) {
      found = unreadable.what();
    }
    kept = 0;
    log_warning(
        fmt::format("{}; the checkpoint speaks of that of epoch {}; the run goes on without its best model so far",
                    found, best.epoch + 1));
  });
  communicator.broadcast(std::span<std::int32_t>(&kept, 1), dist::Rank{0});
  return kept != 0;
}

RunDirectory open_run(const SharedConfig& config, const RunStart& start, dist::Communicator& communicator) {
  RunDirectory run;
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    const dist::Deadline deadline = writing_run(config.dist.timeout());
    std::vector<std::filesystem::path> inputs = start.inputs;
    std::erase(inputs, config.config_file);  // which may be the run's own, that it writes as it was
    require_inputs_elsewhere(config.run.dir, inputs);
    if (start.from_step && start.bring_history) start.bring_history();
    const TensorBoard tensorboard = config.run.tensorboard ? TensorBoard::kWritten : TensorBoard::kLeftOut;
    run = start.from_step || config.run.resume == "auto"
              ? RunDirectory::reopen(config.run.dir, start.config_toml, config.dist.timeout(),
                                     start.from_step.value_or(0), tensorboard)
              : RunDirectory::create(config.run.dir, start.config_toml, config.dist.timeout(), tensorboard);
    run.write_environment(start.environment);
  });
  agreed(communicator, [&] {
    const dist::Deadline deadline = writing_run(config.dist.timeout());
    open_log_file(config.run.dir, communicator.topology());
  });
  log_info(fmt::format("run: {}", config.run.dir.string()));
  return run;
}

void describe_hosts(const DistConfig& config, const dist::Communicator& communicator) {
  const auto ranks_here = communicator.topology().local_size;
  const int hosts = communicator.size().value > ranks_here ? 2 : 1;  // two at least
  if (const auto slow = dist::slow_keepalive(hosts, config.timeout()); slow && communicator.is_root()) {
    log_warning(*slow);
  }
  const long host_cores = sysconf(_SC_NPROCESSORS_ONLN);
  if (communicator.is_root() && config.threads == 0 && affinity_cores().size() == 1 && ranks_here < host_cores &&
      dist::granted_cores(ranks_here).value_or(2) > 1) {
    log_warning(fmt::format(
        "mpirun bound each of {} ranks to one of this host's {} cores; to use the others: mpirun --bind-to none",
        ranks_here, host_cores));
  }
}

ExitCode train(TrainingLoop& loop, std::int64_t epochs, RunDirectory& run, dist::Communicator& communicator) {
  const bool finished = loop.run_to(epochs);
  const ExitCode code = finished ? ExitCode::kDone : ExitCode::kStopped;
  run.write(communicator,
            [&] { run.write_summary(loop.summary(finished ? "done" : "stopped", static_cast<int>(code))); });
  if (!finished) {
    log_info(
        fmt::format("asked to stop: checkpoint of step {} written; go on with --run.resume auto", loop.course().step));
  }
  return code;
}

void leave_failed_run(const dist::AgreedFailure& failure, TrainingLoop* loop, RunDirectory& run,
                      const RunConfig& config) {
  if (loop != nullptr) loop->finish_writing();
  LocalPhase last_words;  // a summary that cannot be written must not hide what ended the run
  last_words.attempt([&] {
    run.write_here([&] {
      if (loop != nullptr && loop->course().step > 0) {
        run.write_summary(loop->summary(failure.what(), failure.code));
      } else if (config.resume == "none") {  // what this process made; an earlier run's files stay
        run.abandon();
      }
    });
  });
}

}  // namespace alignment
