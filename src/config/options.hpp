#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/config/command_table.hpp"
#include "src/config/error.hpp"
#include "src/config/keys/keys.hpp"

namespace alignment {

/// What the arguments say, before any of it is checked against the keys.
struct GivenOptions {
  std::optional<std::string> command, configuration;
  bool print_config = false;
  std::map<std::string, std::string> options;  ///< words of the table's options, by name
  /// Keys given, each with its words: none for a boolean's bare `--model.diagonal`.
  std::vector<std::pair<const Key*, std::vector<std::string>>> keys;
};

/// Splits the arguments into subcommand, options and words. Throws ConfigError for what is unknown, missing or given
/// twice.
[[nodiscard]] GivenOptions read_options(const CommandTable& table, const std::vector<std::string>& arguments);

}  // namespace alignment
