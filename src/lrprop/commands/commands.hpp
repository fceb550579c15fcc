#pragma once

#include <filesystem>

#include "dist/communicator.hpp"
#include "src/config/command_line.hpp"
#include "src/job/exit_code.hpp"

/// What `lrprop_dist` does, one function a subcommand. All are collective and throw dist::AgreedFailure.
namespace alignment::lrprop {

/// Its keys, subcommands and options.
[[nodiscard]] const CommandTable& command_table();

/// Trains into the run directory; kStopped where the run was asked to stop and can be resumed.
[[nodiscard]] ExitCode run_training(const Invocation& asked, dist::Communicator& communicator);
/// Writes the embeddings of all videos as a store, --out.
void run_embedding(const Invocation& asked, dist::Communicator& communicator);
/// Prints the metrics of a model, beside the baselines, or of embeddings as a store holds them (--embeddings); also as
/// JSON where --json is given.
void run_evaluation(const Invocation& asked, dist::Communicator& communicator);
/// Aligns one video (--query) with others (--with) into a folder (--out), by a model's embeddings or as a store holds
/// them (--embeddings).
void run_alignment(const Invocation& asked, dist::Communicator& communicator);
/// Writes one HTML page about the run in run.dir (--out): curves, evaluation.json, collapse and settings, and with
/// data.store two of its videos aligned.
void run_report(const Invocation& asked, dist::Communicator& communicator);
/// Prints what the job runs on and whether its ranks can speak to each other; kOther where they cannot.
[[nodiscard]] ExitCode run_diagnosis(const Invocation& asked, dist::Communicator& communicator);

}  // namespace alignment::lrprop
