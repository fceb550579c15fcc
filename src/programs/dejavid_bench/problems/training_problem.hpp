#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "dist/communicator.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/device.hpp"
#include "src/dejavid/model/model.hpp"
#include "src/programs/dejavid_bench/measuring/measurement.hpp"
#include "src/programs/dejavid_bench/measuring/record.hpp"
#include "src/programs/dejavid_bench/measuring/temporary_folder.hpp"
#include "src/training/samples/dataset.hpp"

namespace alignment::dejavid::bench {

/// What is trained, and with what.
struct TrainingOptions {
  std::string preset = "hmdb51";
  std::int64_t samples = 768, val_samples = 0;
  std::int64_t batch_size = TrainConfig{}.batch_size;
  std::int64_t threads = 0;
  std::filesystem::path store;
  std::string device = "auto", path_precision = "f32", gradient_precision = "f32";
};

/// Options on the command line; `options` must outlive the parsing.
void add_training_options(CLI::App& command, TrainingOptions& options);
/// The same for a count from 1 to kMostCount.
void add_count_option(CLI::App& command, const char* name, std::int64_t& value, const char* text, const char* type);

/// What the paper's configurations say that touches the time, up to the end of the first epoch.
[[nodiscard]] Config training_config(const TrainingOptions& options, const std::filesystem::path& store);

/// Collective. The store that was asked for, or a synthetic one that rank 0 makes in `folder`. Throws
/// dist::AgreedFailure.
[[nodiscard]] std::filesystem::path training_store(const TrainingOptions& options,
                                                   std::optional<TemporaryFolder>& folder,
                                                   dist::Communicator& communicator);

/// What a rank trains, from the store to the model before its first step. Refers to `config` and `communicator`.
struct TrainingProblem {
  /// Collective. Throws dist::AgreedFailure.
  TrainingProblem(const Config& config, dist::Communicator& communicator);

  int threads;
  std::unique_ptr<Device> device;
  Dataset dataset;
  Model model;
};

/// "hmdb51 (C=51 K=8 F=1459 T=33 B=384)" of the training samples.
[[nodiscard]] Shape training_shape(const TrainingOptions& options, const TrainingProblem& problem);

/// Collective, like each call of what it returns: elements a second of all ranks at the same time.
[[nodiscard]] RoofMeter roof_of_ranks(const Device& device, int threads, dist::Communicator& communicator);

/// The most memory that this process has held.
[[nodiscard]] std::int64_t peak_resident_bytes();

/// Collective.
[[nodiscard]] double largest_of_ranks(double value, dist::Communicator& communicator);

}  // namespace alignment::dejavid::bench
