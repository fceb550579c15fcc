#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "dist/communicator.hpp"
#include "src/config/sections.hpp"
#include "src/training/files/run_directory.hpp"

namespace alignment {

/// Takes over what a checkpoint holds. False where it holds no training state. Throws io::ModelFileError and
/// io::NotFiniteError where it is not whole.
using ReadCheckpoint = std::function<bool(const std::filesystem::path&)>;

/// Finds the checkpoint that run.resume asks for, which `read` has then taken over. "none": nothing. "auto": the newest
/// in run.dir that is whole (the newer ones that are not are told to `warn`, a line each), or nothing where the run has
/// none at all. A path: that checkpoint, or the newest of that run directory. Throws io::ModelFileError where a path
/// holds none, or where there are some and none is whole.
[[nodiscard]] std::optional<std::filesystem::path> find_checkpoint(const RunConfig& config, const ReadCheckpoint& read,
                                                                   const std::function<void(const std::string&)>& warn);

/// Where a run of a system goes on from. `Content` is what its model files hold, with `training` where it is a
/// checkpoint.
template <typename Content>
struct CheckpointOf {
  std::filesystem::path file;
  Content content;
  TimeSpent spent;  ///< by its run before it
};

/// The same, by a system's own reader of model files.
template <typename Content>
[[nodiscard]] std::optional<CheckpointOf<Content>> find_checkpoint(
    const RunConfig& config, Content (*read_model)(const std::filesystem::path&),
    const std::function<void(const std::string&)>& warn) {
  std::optional<CheckpointOf<Content>> found;
  const ReadCheckpoint read = [&](const std::filesystem::path& file) {
    Content content = read_model(file);
    if (!content.training) return false;
    found = CheckpointOf<Content>{file, std::move(content), time_spent(run_of(file))};
    return true;
  };
  static_cast<void>(find_checkpoint(config, read, warn));
  return found;
}

/// Of rank 0, for a run that goes on in a new `folder`: copies there the metrics of the run in `before`. False where
/// there is nothing to bring, or they are there. Refuses a folder with another run. Throws io::WriteError.
bool bring_metrics(const std::filesystem::path& before, const std::filesystem::path& folder);

/// Collective. Refuses ranks that found different checkpoints, as on hosts that do not share run.dir. `digest`: of what
/// this rank's holds, 0 where it found none. Throws dist::AgreedFailure.
void require_same_checkpoint(const std::optional<std::filesystem::path>& file, std::uint64_t digest,
                             const RunConfig& config, dist::Communicator& communicator);

}  // namespace alignment
