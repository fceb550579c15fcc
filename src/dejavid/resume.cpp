#include "src/dejavid/resume.hpp"

#include <fmt/format.h>

#include "dist/agreement.hpp"
#include "io/errors.hpp"
#include "src/config/command_line.hpp"
#include "src/config/keys.hpp"
#include "src/dejavid/model_setup.hpp"
#include "src/job/failure.hpp"
#include "src/job/terminal/log.hpp"
#include "src/training/dataset.hpp"
#include "src/training/run_directory.hpp"

namespace alignment {
namespace {

using Warn = std::function<void(const std::string&)>;

Checkpoint read_checkpoint(const std::filesystem::path& file) {
  return {file, read_model(file), time_spent(run_of(file))};
}

/// The newest whole checkpoint of a run directory, or nothing where it has none at all.
std::optional<Checkpoint> newest_checkpoint(const std::filesystem::path& folder, const Warn& warn) {
  const std::vector<std::filesystem::path> files = checkpoints_of(folder);
  for (const std::filesystem::path& file : files) {
    try {
      Checkpoint checkpoint = read_checkpoint(file);
      if (checkpoint.content.training) return checkpoint;
      warn(fmt::format("{}: holds no training state; trying the checkpoint before", file.string()));
    } catch (const io::ModelFileError& error) {
      warn(fmt::format("{}; trying the checkpoint before", error.what()));
    } catch (const io::NotFiniteError& error) {
      warn(fmt::format("{}; trying the checkpoint before", error.what()));
    }
  }
  if (files.empty()) return std::nullopt;
  throw io::ModelFileError(
      fmt::format("{}: found {} checkpoints, none of which is whole; expected one to go on from; restore one, or start "
                  "anew in another run.dir",
                  (folder / "checkpoints").string(), files.size()));
}

}  // namespace

std::optional<Checkpoint> find_checkpoint(const Config& config, const Warn& warn) {
  if (config.run.resume == "none") return std::nullopt;
  if (config.run.resume == "auto") return newest_checkpoint(config.run.dir, warn);
  const std::filesystem::path path = config.run.resume;
  if (std::filesystem::is_directory(path)) {
    std::optional<Checkpoint> checkpoint = newest_checkpoint(path, warn);
    if (!checkpoint) {
      throw io::ModelFileError(fmt::format(
          "{}: found no checkpoint; expected one under checkpoints/; name another run, or start anew", path.string()));
    }
    return checkpoint;
  }
  Checkpoint checkpoint = read_checkpoint(path);
  if (!checkpoint.content.training) {
    throw io::ModelFileError(fmt::format(
        "{}: found a model without training state; expected a checkpoint; use --model.init to start from a model",
        path.string()));
  }
  return checkpoint;
}

void check_checkpoint(const Checkpoint& checkpoint, Config& config, const GivenKeys& given, const io::TseStore& store) {
  const auto refuse = [&](const std::string& found, const std::string& expected,
                          const std::string& advice = "resume with the data and settings that the run began with") {
    throw io::ModelFileError(
        fmt::format("{}: found {}; expected {}; {}", checkpoint.file.string(), found, expected, advice));
  };
  const std::uint64_t trained_on = checkpoint.content.training->store_identity;
  if (trained_on != store.identity()) {
    refuse(fmt::format("training on a store of digest {:016x}", trained_on),
           fmt::format("{:016x}, that of data.store", store.identity()));
  }
  const Config before = config_of(checkpoint.content, checkpoint.file);
  const auto compare = [&](const Key& key) {
    const RawValue found = key.value(before), expected = key.value(config);
    if (found == expected) return;
    if (key.owner == KeyOwner::kModel && !given.contains(&key)) {
      key.assign(config, found);
      return;
    }
    // auto may have meant the same split
    if (&key == find_key("eval.split") &&
        choose_split(store, before.eval.split).split == choose_split(store, config.eval.split).split) {
      return;
    }
    const std::string setting = fmt::format("{} = {}", key.full_name(), toml_text(found));
    if (&key != find_key("train.epochs")) refuse(setting, toml_text(expected));
    const std::filesystem::path model = run_of(checkpoint.file) / "model.h5";
    const std::filesystem::path start = std::filesystem::exists(model) ? model : checkpoint.file;
    refuse(
        setting, toml_text(expected),
        fmt::format("a run keeps its number of epochs, which its learning rates follow; to train its model for more, "
                    "start a new run with --model.init {} and another run.dir",
                    start.string()));
  };
  compare(*find_key("train.profile"));  // first: the defaults of others hang on it
  for (const Key& key : keys()) {
    if (key.owner == KeyOwner::kModel || key.owner == KeyOwner::kRun) compare(key);
  }
  if (!config.model.init.empty() && config.model.init != before.model.init) {
    log_warning(fmt::format("model.init = \"{}\" is not read: the run goes on from its checkpoint",
                            config.model.init.string()));
  }
  config.model.init = before.model.init;  // what the run began with
}

void bring_history(const Checkpoint& checkpoint, const std::filesystem::path& folder) {
  const std::filesystem::path before = run_of(checkpoint.file), metrics = "metrics.jsonl", best = "best.h5";
  std::error_code error;
  if (std::filesystem::exists(folder / metrics) || !std::filesystem::exists(before / metrics)) return;
  std::filesystem::create_directories(folder, error);
  if (!error) std::filesystem::copy_file(before / metrics, folder / metrics, error);
  if (error) {
    throw io::WriteError(fmt::format("{}: found {}; expected to copy the metrics of {} there; choose another run.dir",
                                     folder.string(), error.message(), before.string()));
  }
  if (checkpoint.content.training->best_epoch < 0) return;
  try {
    const ModelContent content = read_model(before / best);
    if (content.epoch == checkpoint.content.training->best_epoch) return write_model(folder / best, content);
    log_warning(fmt::format(
        "{}: is of epoch {}, later than this checkpoint: the run in {} goes on without its best model so far",
        (before / best).string(), content.epoch, folder.string()));
  } catch (const io::ModelFileError& unreadable) {
    log_warning(
        fmt::format("{}; the run in {} goes on without its best model so far", unreadable.what(), folder.string()));
  }
}

void require_same_checkpoint(const std::optional<Checkpoint>& checkpoint, const Config& config,
                             dist::Communicator& communicator) {
  const std::uint64_t digest = checkpoint ? digest_of(checkpoint->content) : 0;
  if (dist::same_on_all_ranks(communicator, digest)) return;
  agreed(communicator, [&] {
    throw io::ModelFileError(fmt::format(
        "{}: ranks found different checkpoints ({} on rank 0); expected the same on every host; put run.dir "
        "on a file system that all hosts share, or name one checkpoint",
        config.run.resume == "auto" ? config.run.dir.string() : config.run.resume,
        checkpoint ? checkpoint->file.filename().string() : "none"));
  });
}

}  // namespace alignment
