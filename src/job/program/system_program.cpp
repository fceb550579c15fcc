#include "src/job/program/system_program.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "io/result_file.hpp"
#include "src/config/pages/program_description.hpp"
#include "src/job/program/program.hpp"
#include "src/job/program/speaker.hpp"
#include "src/job/same_settings.hpp"
#include "src/job/signals/early_signals.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/log.hpp"
#include "src/job/terminal/terminal.hpp"

namespace alignment {
namespace {

/// Training stops on request, from the first instruction on: MPI and other libraries leave these signals alone. What
/// else a program does has nothing to keep.
void settle_signals(const CommandTable& table, const std::string& asked) {
  const auto command =
      std::find_if(table.commands.begin(), table.commands.end(), [&](const Command& one) { return one.name == asked; });
  if (command->stops_on_request) install_stop_signals();
  let_stop_signals_through();
}

int start(const CommandTable& table, const SystemWork& work, int argument_count, char** arguments) {
  if (argument_count < 2) return show_first_screen(describe(table));
  std::variant<Invocation, Printout> asked;
  try {
    asked = interpret(table, {arguments + 1, arguments + argument_count}, terminal::page_columns());
  } catch (const ConfigError& error) {
    return complain_about_usage(error.what());
  }
  if (const auto* printout = std::get_if<Printout>(&asked)) {
    if (speaks_for_the_job()) io::write_standard_output(printout->text);
    return static_cast<int>(ExitCode::kDone);
  }
  const auto& invocation = std::get<Invocation>(asked);
  settle_signals(table, invocation.command);
  return run_on_ranks(Ranks::kAll, argument_count, arguments, invocation.config->dist.timeout(),
                      [&](dist::Communicator& communicator) {
                        require_same_settings(table, invocation, communicator);
                        if (communicator.is_root()) {
                          for (const std::string& warning : invocation.warnings) log_warning(warning);
                        }
                        return work(invocation, communicator);
                      });
}

}  // namespace

int run_system(const CommandTable& table, const SystemWork& work, int argument_count, char** arguments) {
  advise_on_memory(table.memory_advice);
  return run_program([&] { return start(table, work, argument_count, arguments); });
}

}  // namespace alignment
