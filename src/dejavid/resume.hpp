#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "dist/communicator.hpp"
#include "io/model_file.hpp"
#include "src/config/config.hpp"

namespace dejavid {

/// Where a run goes on from.
struct Checkpoint {
  std::filesystem::path file;
  io::ModelContent content;  ///< with its training state
  double wall_seconds = 0;   ///< of its run before it
};

/// Finds the checkpoint that run.resume asks for. "none": nothing. "auto": the newest in run.dir that is whole (the
/// newer ones that are not are told to `warn`, a line each), or nothing where the run has none at all. A path: that
/// checkpoint, or the newest of that run directory. Throws io::ModelFileError where a path holds none, or where there
/// are some and none is whole.
[[nodiscard]] std::optional<Checkpoint> find_checkpoint(const Config& config,
                                                        const std::function<void(const std::string&)>& warn);

/// Refuses a checkpoint that belongs to other data or another model. Throws io::ModelFileError.
void check_checkpoint(const Checkpoint& checkpoint, const Config& config, std::uint64_t store_identity);

/// Collective. Refuses ranks that found different checkpoints, as on hosts that do not share run.dir. Throws
/// dist::AgreedFailure.
void require_same_checkpoint(const std::optional<Checkpoint>& checkpoint, const Config& config,
                             dist::Communicator& communicator);

}  // namespace dejavid
