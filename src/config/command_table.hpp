#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "src/config/keys/keys.hpp"
#include "src/config/named_config.hpp"

namespace alignment {

struct Invocation;

struct Command {
  std::string name;
  std::string help;               ///< one line
  bool stops_on_request = false;  ///< answers SIGTERM and the like by a clean end of its own
  /// That it reads: full names, or the name of a section for all of its keys; empty: every key. A file may hold others.
  std::vector<std::string> keys = {};
};

[[nodiscard]] inline bool reads(const Command& command, const Key& key) {
  return command.keys.empty() || std::any_of(command.keys.begin(), command.keys.end(), [&](const std::string& name) {
           return name == key.section || name == key.full_name();
         });
}

/// An option that is no key and goes with some of the subcommands only: `--out FILE` of predict.
struct CommandOption {
  std::string name;                   ///< without the dashes
  std::string placeholder;            ///< what the help page shows for its word: FILE
  std::vector<std::string> commands;  ///< that take it
  std::string help;
  KeyOwner owner = KeyOwner::kJob;  ///< kProcess: its word may differ between ranks; each is given it, or none is
};

/// What the command line of one system's program knows beside its keys.
struct CommandTable {
  const KeyTable& keys;                ///< must outlive the table
  std::string program;                 ///< its name: "dejavid_dist"
  std::string description;             ///< one line
  std::vector<Command> commands;       ///< the first is also what runs without a subcommand
  std::vector<CommandOption> options;  ///< in the order of the help page
  std::vector<NamedConfig> configs;    ///< that --config takes by name
  std::vector<std::string> examples;   ///< command lines, for the help page
  std::string_view exit_codes;         ///< what the help page says of them; a literal
  std::string_view memory_advice;      ///< what to change where memory runs out; a literal
  /// Refuses what a subcommand cannot start without (command_line.hpp has what several systems check). Throws
  /// ConfigError.
  std::function<void(const Invocation&)> check;
};

}  // namespace alignment
