#pragma once

#include <CLI/CLI.hpp>

#include "src/job/exit_code.hpp"

namespace alignment {

/// Each adds one subcommand, with its options and what it does, to the program. What it does may throw; main()
/// translates.
void add_ts(CLI::App& program);
void add_torch(CLI::App& program);
void add_npy(CLI::App& program);
void add_synthetic(CLI::App& program);
void add_merge(CLI::App& program);
void add_labels(CLI::App& program);
void add_info(CLI::App& program);
void add_verify(CLI::App& program);

/// A check that found the store damaged and has said so already; carries the exit code.
struct CheckFailed {
  ExitCode exit_code = ExitCode::kOther;
};

}  // namespace alignment
