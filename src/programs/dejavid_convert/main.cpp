#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <stdexcept>

#include "io/result_file.hpp"
#include "src/job/program/program.hpp"
#include "src/job/program/speaker.hpp"
#include "src/programs/dejavid_convert/commands.hpp"

namespace {

using alignment::ExitCode;

int run(int argument_count, char** arguments) {
  CLI::App program("Makes and checks TSE stores.", "dejavid_convert");
  program.require_subcommand(1);
  program.get_formatter()->column_width(36);
  alignment::add_ts(program);
  alignment::add_torch(program);
  alignment::add_npy(program);
  alignment::add_synthetic(program);
  alignment::add_merge(program);
  alignment::add_labels(program);
  alignment::add_info(program);
  alignment::add_verify(program);
  try {
    program.parse(argument_count, arguments);
    return 0;
  } catch (const CLI::Success&) {  // --help
    alignment::io::write_standard_output(program.help());
    return 0;
  } catch (const CLI::ParseError& error) {
    return alignment::complain(ExitCode::kUsage, fmt::format("{}; see dejavid_convert --help", error.what()));
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  return alignment::run_program([&] {
    if (!alignment::speaks_for_the_job()) return 0;  // one process of an mpirun does the work
    try {
      return run(argument_count, arguments);
    } catch (const std::invalid_argument& error) {
      return alignment::complain(ExitCode::kUsage, error.what());
    } catch (const alignment::CheckFailed& failed) {
      return static_cast<int>(failed.exit_code);
    }
  });
}
