#include "src/config/pages/pages.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "src/config/error.hpp"
#include "src/config/keys/suggestion.hpp"

namespace alignment {
namespace {

const CommandDescription& command_of(const ProgramDescription& program, const std::string& word) {
  if (const CommandDescription* command = program.find(word)) return *command;
  std::vector<std::string> names;
  for (const CommandDescription& command : program.commands) names.push_back(command.name);
  throw ConfigError(fmt::format("help: found \"{}\"; expected one subcommand ({}) or nothing more; did you mean {}?",
                                word, fmt::join(names, ", "), nearest(word, names)));
}

}  // namespace

std::optional<std::string> asked_page(const ProgramDescription& program, const std::vector<std::string>& arguments,
                                      int columns) {
  if (!arguments.empty() && arguments.front() == "help") {
    const CommandDescription* command = arguments.size() > 1 ? &command_of(program, arguments[1]) : nullptr;
    if (arguments.size() > 2) throw ConfigError("help: found two words; expected one subcommand; leave one out");
    return help_page(program, command, columns);
  }
  const CommandDescription* command = nullptr;
  for (auto word = arguments.begin(); word != arguments.end(); ++word) {
    if (command == nullptr) command = program.find(*word);
    const std::string option = word->substr(0, word->find('='));
    if (option == "--version") return fmt::format("{} {}\n", program.name, DEJAVID_VERSION);
    if (option == "--man") return man_page(program);
    if (option == "--completion") {
      if (option != *word) return completion_script(program, word->substr(option.size() + 1));
      return completion_script(program, word + 1 == arguments.end() ? "" : *(word + 1));
    }
    if (option != "--help" && option != "-h") continue;
    for (auto later = word; command == nullptr && later != arguments.end(); ++later) command = program.find(*later);
    return option == "-h" ? first_screen(program, command, columns) : help_page(program, command, columns);
  }
  return std::nullopt;
}

}  // namespace alignment
