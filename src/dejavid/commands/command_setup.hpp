#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "dist/watch/watchdog.hpp"
#include "io/result_file.hpp"
#include "src/dejavid/device.hpp"
#include "src/dejavid/model/model.hpp"
#include "src/training/samples/dataset.hpp"

/// What several subcommands begin with.
namespace alignment::dejavid {

struct Config;

/// Throws io::StoreError where the split has no samples.
void require_samples(const EvaluationSplit& split, const Config& config);

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
