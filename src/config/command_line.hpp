#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "src/config/config.hpp"
#include "src/config/keys.hpp"

namespace alignment {

/// A mistake in the command line or a configuration file: one line naming the file and line (or the option), what was
/// found, what was expected and the nearest known key. Exit code 2.
struct ConfigError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class Command : std::uint8_t { kTrain, kCentroids, kEval, kPredict, kDoctor };

/// What `dejavid_dist` was asked to do.
struct Invocation {
  Command command = Command::kTrain;
  Config config;
  GivenKeys given;                     ///< keys that the command line or --config gave
  std::filesystem::path json_file;     ///< eval --json
  std::filesystem::path predict_file;  ///< predict --out, centroids --out
};

/// Text that was asked for instead of a run: --help, --version, --print-config.
struct Printout {
  std::string text;
};

/// Parses `dejavid_dist`'s arguments (without the program's name): subcommand, `--config FILE.toml`, `--section.key
/// value`. Reads files, prints nothing, needs no MPI. Throws ConfigError.
[[nodiscard]] std::variant<Invocation, Printout> interpret(const std::vector<std::string>& arguments);

/// True in the one process of a job that prints what concerns all of them before MPI has started: rank 0 by the
/// environment of mpirun or srun, or a process started on its own.
[[nodiscard]] bool speaks_for_the_job();

/// For every process of a job that is about to fail before MPI has started: where another one speaks, gives it the time
/// to. A launcher ends all processes as soon as one has failed; who comes back from here has to speak for itself.
void let_the_speaker_finish();

/// " (rank 1 on host7)" for a process that does not speak for its job, else empty.
[[nodiscard]] std::string rank_before_mpi();

/// The whole configuration as TOML; reading it back gives the same.
[[nodiscard]] std::string to_toml(const Config& config);

/// The defaults, overlaid with the TOML `text`; `name` stands for it in messages. Throws ConfigError.
[[nodiscard]] Config from_toml(std::string_view text, const std::string& name);

}  // namespace alignment
