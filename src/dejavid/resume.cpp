#include "src/dejavid/resume.hpp"

#include <fmt/format.h>

#include "io/errors.hpp"
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
  const io::TrainingState& training = *checkpoint.content.training;
  const auto refuse = [&](const std::string& found, const std::string& expected) {
    throw io::ModelFileError(
        fmt::format("{}: found {}; expected {}; resume with the data and settings that the run began with",
                    checkpoint.file.string(), found, expected));
  };
  if (training.store_identity != store_identity) refuse("training on another store's data", "data.store's");
  if (training.order_seed != static_cast<std::uint64_t>(config.train.seed)) {
    refuse(fmt::format("seed {}", training.order_seed), fmt::format("train.seed {}", config.train.seed));
  }
  if (checkpoint.content.steps != config.model.steps && config.model.init.empty()) {
    refuse(fmt::format("{} centroid steps", checkpoint.content.steps),
           fmt::format("model.steps {}", config.model.steps));
  }
  if (training.epoch > config.train.epochs) {
    refuse(fmt::format("{} epochs done", training.epoch), fmt::format("at most train.epochs {}", config.train.epochs));
  }
  const auto check_learned = [&](const char* key, bool learned, const std::vector<float>& moment) {
    if (training.step > 0 && learned == moment.empty()) {
      refuse(fmt::format("{} {}", key, !learned), fmt::format("{} {}", key, learned));
    }
  };
  check_learned("model.learn_centroids", config.model.learn_centroids, training.centroid_first_moment);
  check_learned("model.learn_weights", config.model.learn_weights, training.log_weight_first_moment);
}

}  // namespace dejavid
