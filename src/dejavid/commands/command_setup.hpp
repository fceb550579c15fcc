#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "src/dejavid/device.hpp"
#include "src/dejavid/model/model.hpp"
#include "src/training/samples/dataset.hpp"

/// What several subcommands begin with.
namespace alignment::dejavid {

struct Config;

/// Throws io::StoreError where the split has no samples; the message says which splits of the store have some.
void require_samples(const EvaluationSplit& split, const io::TseStore& store, const Config& config);

/// What a result must not be written over: the stores and the model.
[[nodiscard]] std::vector<std::filesystem::path> inputs_of(const Config& config);

/// Logs the sizes of the work ahead.
void describe_work(const Dataset& dataset, const Model& model, const Config& config,
                   const dist::Communicator& communicator, const Device& device);

}  // namespace alignment::dejavid
