#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "src/programs/dejavid_bench/measuring/measurement.hpp"
#include "src/programs/dejavid_bench/measuring/record.hpp"

namespace alignment::dejavid::bench {

/// Counts on the command line are 1 to this.
inline constexpr std::int64_t kMostCount = 1'000'000'000;

/// What the command line chose to measure.
struct Choice {
  std::function<std::vector<Record>(dist::Communicator&)> measure;  ///< the same records on every rank, or rank 0's
  bool all_ranks = false;                                           ///< else one process does the work
  std::filesystem::path json_file;                                  ///< empty: no file
  std::vector<std::filesystem::path> inputs;                        ///< which json_file must not replace
};

/// Each adds one part of the benchmark as a subcommand, which sets `choice`. `choice` must outlive the parsing.
void add_kernels(CLI::App& program, Choice& choice);
void add_train(CLI::App& program, Choice& choice);
void add_naive(CLI::App& program, Choice& choice);
void add_torch(CLI::App& program, Choice& choice);
void add_io(CLI::App& program, Choice& choice);
void add_scaling(CLI::App& program, Choice& choice);
void add_predict(CLI::App& program, Choice& choice);
void add_lrprop(CLI::App& program, Choice& choice);

/// Throws ConfigError where --threads is not within this process's cores.
void require_threads(std::int64_t threads);
/// `asked` after require_threads(), or all cores where nothing was asked for.
[[nodiscard]] int chosen_threads(std::optional<std::int64_t> asked);
/// What --device "auto", "cpu" or "cuda" stands for. Throws ConfigError where a GPU is asked for and none is there.
[[nodiscard]] bool takes_gpu(const std::string& device);

/// Throws std::runtime_error where a signal has asked to stop (install_stop_signals()).
void stop_if_asked();

/// --repeats and --seconds. `patience` must outlive the parsing.
void add_patience_options(CLI::App& subcommand, Patience& patience);
/// --json, which every part has.
void add_json_option(CLI::App& subcommand, Choice& choice);

}  // namespace alignment::dejavid::bench
