#include "src/dejavid/resume.hpp"

#include <fmt/format.h>

#include "io/errors.hpp"
#include "src/config/command_line.hpp"
#include "src/config/keys.hpp"
#include "src/run/log.hpp"
#include "src/run/run_directory.hpp"

namespace dejavid {
namespace {

/// The newest whole checkpoint of a run directory, or nothing.
std::optional<Checkpoint> newest_checkpoint(const std::filesystem::path& folder) {
  for (const std::filesystem::path& file : checkpoints_of(folder)) {
    try {
      Checkpoint checkpoint{file, io::read_model(file)};
      if (checkpoint.content.training) return checkpoint;
      log_warning(fmt::format("{}: holds no training state; trying the one before", file.string()));
    } catch (const io::ModelFileError& error) {
      log_warning(fmt::format("{}; trying the checkpoint before", error.what()));
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Checkpoint> find_checkpoint(const Config& config) {
  if (config.run.resume == "none") return std::nullopt;
  if (config.run.resume == "auto") return newest_checkpoint(config.run.dir);
  const std::filesystem::path path = config.run.resume;
  if (std::filesystem::is_directory(path)) {
    std::optional<Checkpoint> checkpoint = newest_checkpoint(path);
    if (!checkpoint) {
      throw io::ModelFileError(fmt::format(
          "{}: found no checkpoint that is whole; expected one under checkpoints/; name another run, or start anew",
          path.string()));
    }
    return checkpoint;
  }
  Checkpoint checkpoint{path, io::read_model(path)};
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
    refuse("training on other data", "that of data.store");
  }
  const Config before = from_toml(checkpoint.content.config, checkpoint.file.string());
  for (const Key& key : keys()) {
    // What is learned is decided by these two sections: all of them but where the run started from.
    if ((key.section != "model" && key.section != "train") || key.full_name() == "model.init") continue;
    const std::string found = toml_text(key.value(before)), expected = toml_text(key.value(config));
    if (found != expected) refuse(fmt::format("{} = {}", key.full_name(), found), expected);
  }
}

}  // namespace dejavid
