#include "src/job/program/subcommand_program.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "io/result_file.hpp"
#include "src/config/error.hpp"
#include "src/config/keys/raw_value.hpp"
#include "src/config/keys/suggestion.hpp"
#include "src/config/pages/pages.hpp"
#include "src/job/program/program.hpp"
#include "src/job/program/speaker.hpp"
#include "src/job/terminal/terminal.hpp"

namespace alignment {
namespace {

/// The subcommand that was given, or the program.
const CLI::App& given_command(const CLI::App& program) {
  const std::vector<CLI::App*> given = program.get_subcommands();
  return given.empty() ? program : *given.front();
}

std::vector<std::string> names_of_subcommands(const CLI::App& program) {
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

/// No subcommand was given where one has to be.
std::string missing_subcommand(const CLI::App& program, const std::string& help) {
  const std::vector<std::string> words = program.remaining(true), names = names_of_subcommands(program);
  if (words.empty() || words.front().starts_with('-')) {
    return fmt::format("{}: found no subcommand{}; expected one of {}; see {}", program.get_name(),
                       words.empty() ? "" : fmt::format(" before {}", toml_text(words.front())), fmt::join(names, ", "),
                       help);
  }
  return fmt::format("{}: found no subcommand of this name; expected one of {}; did you mean {}?",
                     toml_text(words.front()), fmt::join(names, ", "), nearest(words.front(), names));
}

std::string unknown_word(const CLI::App& program, const std::string& help) {
  const std::vector<std::string> words = program.remaining(true);
  const auto option =
      std::find_if(words.begin(), words.end(), [](const std::string& word) { return word.starts_with('-'); });
  if (option == words.end()) {
    return fmt::format("{}: found an unexpected word; expected what {} lists; leave it out", toml_text(words.front()),
                       help);
  }
  const std::string name = option->substr(0, option->find('='));
  std::vector<std::string> known;
  for (const CLI::Option* one : given_command(program).get_options()) {
    if (!one->get_lnames().empty()) known.push_back(one->get_lnames().front());
  }
  for (const OptionDescription& one : general_options()) known.push_back(one.name.substr(2));
  return fmt::format("{}: found an unknown option; expected one that {} lists; did you mean --{}?", toml_text(name),
                     help, nearest(name.substr(std::min(name.find_first_not_of('-'), name.size())), known));
}

}  // namespace

void refuse_empty_values(CLI::App& program) {
  for (CLI::Option* option : program.get_options()) {
    const std::string placeholder = option->get_type_name();
    if (option->get_items_expected_max() == 0 || placeholder == "TEXT" || placeholder == "PREFIX") continue;
    option->check([placeholder](const std::string& word) {
      return word.empty() ? fmt::format("found an empty text; expected {}; name one", placeholder) : std::string();
    });
  }
  for (CLI::App* subcommand : program.get_subcommands([](const CLI::App*) { return true; }))
    refuse_empty_values(*subcommand);
}

std::string usage_mistake(const CLI::App& program, const CLI::ParseError& error) {
  const CLI::App& command = given_command(program);
  const std::string help =
      fmt::format("{}{} --help", program.get_name(), &command == &program ? "" : " " + command.get_name());
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError) && !program.remaining(true).empty())
    return unknown_word(program, help);
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError)) {
    for (const CLI::Option* option : command.get_options()) {
      if (!option->get_required() || option->count() > 0) continue;
      const std::string name = option->get_positional() ? option->get_type_name() : option->get_name();
      return fmt::format("{}: found nothing; expected one, {}; see {}", name, option->get_description(), help);
    }
    if (&command == &program && program.get_require_subcommand_min() > 0) return missing_subcommand(program, help);
  }
  return fmt::format("{}; see {}", error.what(), help);
}

std::optional<int> parse_subcommand(CLI::App& program, const std::vector<std::string>& examples, int argument_count,
                                    char** arguments) {
  program.require_subcommand(1);
  refuse_empty_values(program);
  if (argument_count < 2) return show_first_screen(describe(program, examples));
  const auto complain_once = [](const std::string& line) {
    let_the_speaker_finish();
    return speaks_for_the_job() ? complain(ExitCode::kUsage, line) : static_cast<int>(ExitCode::kUsage);
  };
  try {
    const std::optional<std::string> page =
        asked_page(describe(program, examples), {arguments + 1, arguments + argument_count}, terminal::page_columns());
    if (page && speaks_for_the_job()) io::write_standard_output(*page);
    if (page) return static_cast<int>(ExitCode::kDone);
    program.parse(argument_count, arguments);
    return std::nullopt;
  } catch (const ConfigError& error) {
    return complain_once(error.what());
  } catch (const CLI::ParseError& error) {
    return complain_once(usage_mistake(program, error));
  }
}

}  // namespace alignment
