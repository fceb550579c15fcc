#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

#include "src/config/config.hpp"

namespace dejavid {

/// A mistake in the command line or a configuration file: one line naming the file and line (or the option), what was found, what
/// was expected and the nearest known key. Exit code 2.
struct ConfigError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class Command : std::uint8_t { kTrain, kCentroids, kEval, kPredict, kDoctor };

/// What `dejavid_dist` was asked to do.
struct Invocation {
  Command command = Command::kTrain;
  Config config;
  std::filesystem::path json_file;     ///< eval --json
  std::filesystem::path predict_file;  ///< predict --out, centroids --out
};

/// Parses `dejavid_dist`'s arguments: subcommand, `--config FILE.toml`, `--section.key value`. Reads files, needs no MPI.
/// Throws ConfigError; prints and exits 0 for --help, --version and --print-config.
[[nodiscard]] Invocation parse_command_line(int argument_count, char** arguments);

/// The whole configuration as TOML; reading it back gives the same.
[[nodiscard]] std::string to_toml(const Config& config);

}  // namespace dejavid
