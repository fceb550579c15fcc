#include "src/training/files/resume.hpp"

#include <fmt/format.h>

#include "dist/agreement.hpp"
#include "io/errors.hpp"
#include "src/config/run_layout.hpp"
#include "src/job/agreed.hpp"
#include "src/training/files/run_directory.hpp"

namespace alignment {
namespace {

using Warn = std::function<void(const std::string&)>;

/// The newest whole checkpoint of a run directory, or nothing where it has none at all.
std::optional<std::filesystem::path> newest_checkpoint(const std::filesystem::path& folder, const ReadCheckpoint& read,
                                                       const Warn& warn) {
  const std::vector<std::filesystem::path> files = checkpoints_of(folder);
  for (const std::filesystem::path& file : files) {
    try {
      if (read(file)) return file;
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
                  (folder / run_layout::kCheckpoints).string(), files.size()));
}

}  // namespace

std::optional<std::filesystem::path> find_checkpoint(const RunConfig& config, const ReadCheckpoint& read,
                                                     const Warn& warn) {
  if (config.resume == "none") return std::nullopt;
  if (config.resume == "auto") return newest_checkpoint(config.dir, read, warn);
  const std::filesystem::path path = config.resume;
  if (std::filesystem::is_directory(path)) {
    std::optional<std::filesystem::path> checkpoint = newest_checkpoint(path, read, warn);
    if (!checkpoint) {
      throw io::ModelFileError(fmt::format(
          "{}: found no checkpoint; expected one under checkpoints/; name another run, or start anew", path.string()));
    }
    return checkpoint;
  }
  if (!read(path)) {
    throw io::ModelFileError(fmt::format(
        "{}: found a model without training state; expected a checkpoint; use --model.init to start from a model",
        path.string()));
  }
  return path;
}

bool bring_metrics(const std::filesystem::path& before, const std::filesystem::path& folder) {
  const std::filesystem::path metrics = run_layout::kMetrics;
  std::error_code error;
  if (std::filesystem::exists(folder / metrics)) {
    if (std::filesystem::equivalent(before, folder, error)) return false;
    throw io::WriteError(fmt::format(
        "{}: found a run already; expected a folder without one, or that of the checkpoint, {}; choose another "
        "run.dir, or go on with that run by run.resume = \"auto\"",
        (folder / metrics).string(), before.string()));
  }
  if (!std::filesystem::exists(before / metrics)) return false;
  std::filesystem::create_directories(folder, error);
  if (!error) std::filesystem::copy_file(before / metrics, folder / metrics, error);
  if (error) {
    throw io::WriteError(fmt::format("{}: found {}; expected to copy the metrics of {} there; choose another run.dir",
                                     folder.string(), error.message(), before.string()));
  }
  return true;
}

void require_same_checkpoint(const std::optional<std::filesystem::path>& file, std::uint64_t digest,
                             const RunConfig& config, dist::Communicator& communicator) {
  if (dist::same_on_all_ranks(communicator, digest)) return;
  agreed(communicator, [&] {
    throw io::ModelFileError(fmt::format(
        "{}: ranks found different checkpoints ({} on rank 0); expected the same on every host; put run.dir "
        "on a file system that all hosts share, or name one checkpoint",
        config.resume == "auto" ? config.dir.string() : config.resume, file ? file->filename().string() : "none"));
  });
}

}  // namespace alignment
