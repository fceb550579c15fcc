#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/config/command_line.hpp"
#include "src/config/keys.hpp"

namespace alignment {

/// What the arguments say, before any of it is checked against the keys.
struct GivenOptions {
  std::optional<Command> command;
  std::optional<std::string> config_file, json_file, out_file;
  bool help = false, version = false, print_config = false;
  /// Keys given, each with its words: none for a boolean's bare `--model.diagonal`.
  std::vector<std::pair<const Key*, std::vector<std::string>>> keys;
};

/// Splits the arguments into subcommand, options and words. Throws ConfigError for what is unknown, missing or given
/// twice.
[[nodiscard]] GivenOptions read_options(const std::vector<std::string>& arguments);

/// The page that --help prints.
[[nodiscard]] std::string help_text();

/// "train", "centroids", ...
[[nodiscard]] std::string command_name(Command command);

}  // namespace alignment
