#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/watch/watchdog.hpp"
#include "io/result_file.hpp"
#include "src/dejavid/device.hpp"
#include "src/dejavid/model/checkpoint.hpp"
#include "src/dejavid/model/model.hpp"
#include "src/training/samples/dataset.hpp"

/// What several subcommands begin with.
namespace alignment::dejavid {

struct Config;

/// Throws io::StoreError where the split has no samples.
void require_samples(const EvaluationSplit& split, const Config& config);

/// Collective. The folder of this run: run.dir, the one that the checkpoint lies in, or a new name under runs/; rank 0
/// decides.
[[nodiscard]] std::filesystem::path run_folder(const Config& config, const std::optional<Checkpoint>& checkpoint,
                                               dist::Communicator& communicator);

/// What a result must not be written over: the stores and the model.
[[nodiscard]] std::vector<std::filesystem::path> inputs_of(const Config& config);

/// While the result lives, rank 0 waits for the file of its result, and for nothing else: who reads standard output or
/// a pipe may take any time.
[[nodiscard]] dist::Deadline writing_result(const Config& config);

/// Writes a result, a regular file in bounded time. Throws io::WriteError.
void write_result(const io::ResultFile& result, const std::string& content, const Config& config);

/// Logs the sizes of the work ahead.
void describe_work(const Dataset& dataset, const Model& model, const Config& config,
                   const dist::Communicator& communicator, const Device& device);

}  // namespace alignment::dejavid
