#include "src/job/program/subcommand_program.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "io/result_file.hpp"
#include "src/config/error.hpp"
#include "src/config/pages/pages.hpp"
#include "src/job/program/program.hpp"
#include "src/job/program/speaker.hpp"
#include "src/job/terminal/terminal.hpp"

namespace alignment {

std::optional<int> parse_subcommand(CLI::App& program, const std::vector<std::string>& examples, int argument_count,
                                    char** arguments) {
  program.require_subcommand(1);
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
    return complain_once(fmt::format("{}; see {} --help", error.what(), program.get_name()));
  }
}

}  // namespace alignment
