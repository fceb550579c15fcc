#pragma once

#include <filesystem>
#include <optional>

#include "dist/communicator.hpp"
#include "src/dejavid/checkpoint.hpp"
#include "src/dejavid/device.hpp"
#include "src/dejavid/model.hpp"
#include "src/training/dataset.hpp"

/// What several subcommands begin with.
namespace alignment {

struct Config;

/// Throws io::StoreError where the split has no samples.
void require_samples(const EvaluationSplit& split, const Config& config);

/// Collective. The folder of this run: run.dir, the one that the checkpoint lies in, or a new name under runs/; rank 0
/// decides.
[[nodiscard]] std::filesystem::path run_folder(const Config& config, const std::optional<Checkpoint>& checkpoint,
                                               dist::Communicator& communicator);

/// Logs the sizes of the work ahead.
void describe_work(const Dataset& dataset, const Model& model, const Config& config,
                   const dist::Communicator& communicator, const Device& device);

}  // namespace alignment
