#include "src/dejavid/resume.hpp"

#include <fmt/format.h>

#include "dist/agreement.hpp"
#include "io/errors.hpp"
#include "src/config/command_line.hpp"
#include "src/config/keys.hpp"
#include "src/run/failure.hpp"
#include "src/run/run_directory.hpp"

namespace dejavid {
namespace {

using Warn = std::function<void(const std::string&)>;

Checkpoint read_checkpoint(const std::filesystem::path& file) {
  return {file, io::read_model(file), wall_seconds_of(run_of(file))};
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

void check_checkpoint(const Checkpoint& checkpoint, const Config& config, std::uint64_t store_identity) {
  const auto refuse = [&](const std::string& found, const std::string& expected) {
    throw io::ModelFileError(
        fmt::format("{}: found {}; expected {}; resume with the data and settings that the run began with",
                    checkpoint.file.string(), found, expected));
  };
  if (checkpoint.content.training->store_identity != store_identity) {
    refuse(fmt::format("training on a store of digest {:016x}", checkpoint.content.training->store_identity),
           fmt::format("{:016x}, that of data.store", store_identity));
  }
  const Config before = from_toml(checkpoint.content.config, checkpoint.file.string());
  const auto compare = [&](const Key& key) {
    const std::string found = toml_text(key.value(before)), expected = toml_text(key.value(config));
    if (found != expected) refuse(fmt::format("{} = {}", key.full_name(), found), expected);
  };
  compare(*find_key("train.profile"));  // first: the defaults of others hang on it
  for (const Key& key : keys()) {
    // What is learned is decided by these: all of them but where the run started from.
    const bool decides = key.section == "model" || key.section == "train" || key.full_name() == "data.bad_samples";
    if (!decides || key.full_name() == "model.init") continue;
    compare(key);
  }
}

void require_same_checkpoint(const std::optional<Checkpoint>& checkpoint, const Config& config,
                             dist::Communicator& communicator) {
  const std::uint64_t digest = checkpoint ? io::digest_of(checkpoint->content) : 0;
  if (dist::same_on_all_ranks(communicator, digest)) return;
  agreed(communicator, [&] {
    throw io::ModelFileError(fmt::format(
        "{}: ranks found different checkpoints ({} on rank 0); expected the same on every host; put run.dir "
        "on a file system that all hosts share, or name one checkpoint",
        config.run.resume == "auto" ? config.run.dir.string() : config.run.resume,
        checkpoint ? checkpoint->file.filename().string() : "none"));
  });
}

}  // namespace dejavid
