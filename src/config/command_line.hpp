#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "src/config/command_table.hpp"
#include "src/config/error.hpp"
#include "src/config/keys/keys.hpp"
#include "src/config/pages/pages.hpp"

namespace alignment {

/// What a program was asked to do.
struct Invocation {
  std::string command;                         ///< one of the table's
  std::unique_ptr<SharedConfig> config;        ///< resolved: default < file < command line; of the table's system
  GivenKeys given;                             ///< keys that the command line or --config gave
  bool has_configuration = false;              ///< whether --config was given
  std::map<std::string, std::string> options;  ///< words of the table's options, by name, as far as they were given
  std::vector<std::string> warnings = {};      ///< what was given in vain, a line each

  /// The configuration as the system's own type. Throws std::bad_cast where it is another's.
  template <typename System>
  [[nodiscard]] const System& config_of() const {
    return dynamic_cast<const System&>(*config);
  }
  /// The word of that option; empty where it was not given.
  [[nodiscard]] std::string option(const std::string& name) const;
};

/// Text that was asked for instead of a run: --help and the like (pages.hpp), --print-config.
struct Printout {
  std::string text;
};

/// Parses a program's arguments (without its name): subcommand, `--config FILE|NAME`, `--section.key value` and the
/// table's own options. Pages are `columns` wide. Reads files, prints nothing, needs no MPI. Throws ConfigError.
[[nodiscard]] std::variant<Invocation, Printout> interpret(const CommandTable& table,
                                                           const std::vector<std::string>& arguments,
                                                           int columns = kPageColumns);

/// Refuses a command without data.store; `use` says what it is for: "read", "train on". Throws ConfigError.
void require_store(const Invocation& asked, std::string_view use);

/// Refuses a command without --out; `example` is a word for it: "FILE.csv". Throws ConfigError.
void require_out(const Invocation& asked, std::string_view example);

/// Refuses a command without the run.dir to report on. Throws ConfigError.
void require_run(const Invocation& asked);

/// Refuses run.resume = "auto" without a run.dir to find a checkpoint in. Throws ConfigError.
void require_run_to_resume(const Invocation& asked);

}  // namespace alignment
