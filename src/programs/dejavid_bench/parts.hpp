#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "dist/communicator.hpp"
#include "src/programs/dejavid_bench/record.hpp"

namespace dejavid::bench {

/// Counts on the command line are 1 to this.
inline constexpr std::int64_t kMostCount = 1'000'000'000;

/// What the command line chose to measure.
struct Choice {
  std::function<std::vector<Record>(dist::Communicator&)> measure;  ///< the same records on every rank, or rank 0's
  bool all_ranks = false;                                           ///< else one process does the work
  std::filesystem::path json_file;                                  ///< empty: no file
};

/// Each adds one part of the benchmark as a subcommand, which sets `choice`. `choice` must outlive the parsing.
void add_kernels(CLI::App& program, Choice& choice);
void add_train(CLI::App& program, Choice& choice);

/// --json, which every part has.
void add_json_option(CLI::App& subcommand, Choice& choice);

}  // namespace dejavid::bench
