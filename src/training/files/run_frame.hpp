#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "io/store/tse_store.hpp"
#include "src/config/keys/keys.hpp"
#include "src/config/sections.hpp"
#include "src/job/exit_code.hpp"
#include "src/training/files/run_directory.hpp"
#include "src/training/loop.hpp"

/// What every system's training does around its loop. All but require_same_run() is collective.
namespace alignment {

/// Refuses to go on from checkpoint `file`, written by a run with the settings `before` on a store of identity
/// `trained_on`, with other settings of the model or the run, or another store. A setting of the model that was not
/// `given` is taken from the checkpoint. Throws io::ModelFileError.
void require_same_run(const std::filesystem::path& file, std::uint64_t trained_on, const io::TseStore& store,
                      const KeyTable& table, const SharedConfig& before, SharedConfig& config, const GivenKeys& given);

/// The folder of the run: run.dir, that of the `checkpoint` it goes on from, or a new one.
[[nodiscard]] std::filesystem::path run_folder(const SharedConfig& config,
                                               const std::optional<std::filesystem::path>& checkpoint,
                                               dist::Communicator& communicator);

/// The best model that a checkpoint speaks of.
struct BestModel {
  std::int64_t epoch = -1;       ///< that it is of; none
  std::int64_t epochs_done = 0;  ///< when the checkpoint was written
  /// Reads a model's file, copies it where it is of `epoch` and `to` is no empty name, and returns its epoch. Throws
  /// io::ModelFileError.
  std::function<std::int64_t(const std::filesystem::path& from, const std::filesystem::path& to)> copy;
};

/// Of rank 0, for a run that goes on from `checkpoint` in another folder: brings the metrics there, and the best model
/// so far where it can be read. Throws io::WriteError.
void bring_run(const std::filesystem::path& checkpoint, const std::filesystem::path& folder, const BestModel& best);

/// Collective, for a run that goes on in `folder`. Whether best.h5 there is the best model so far, or one of an epoch
/// that will be trained again, which a run that was killed has written before the checkpoint that speaks of it. Warns
/// where it is not: then the run has none so far. Throws dist::AgreedFailure.
[[nodiscard]] bool keeps_best(const std::filesystem::path& folder, const BestModel& best, const DistConfig& config,
                              dist::Communicator& communicator);

/// How a run begins.
struct RunStart {
  std::string config_toml, environment;       ///< what its files shall say
  std::optional<std::int64_t> from_step;      ///< that of the checkpoint it goes on from
  std::function<void()> bring_history;        ///< of an earlier run, on rank 0, where it goes on
  std::vector<std::filesystem::path> inputs;  ///< that the run must not write over; empty names are none
};
/// Makes the folder config.run.dir, or goes on in it, and opens the ranks' logs. Refuses a folder where the run would
/// write over one of its inputs.
[[nodiscard]] RunDirectory open_run(const SharedConfig& config, const RunStart& start,
                                    dist::Communicator& communicator);

/// Warns of what slows down a run on these hosts.
void describe_hosts(const DistConfig& config, const dist::Communicator& communicator);

/// Trains until `epochs` are done in all, or until asked to stop, and writes the summary. kStopped: there is a
/// checkpoint.
[[nodiscard]] ExitCode train(TrainingLoop& loop, std::int64_t epochs, RunDirectory& run,
                             dist::Communicator& communicator);

/// What a run that fails leaves: a summary that says why, or nothing where it had not begun. `loop` may be nullptr.
void leave_failed_run(const dist::AgreedFailure& failure, TrainingLoop* loop, RunDirectory& run,
                      const RunConfig& config);

}  // namespace alignment
