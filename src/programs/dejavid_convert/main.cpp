#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <iostream>
#include <stdexcept>

#include "io/result_file.hpp"
#include "src/config/command_line.hpp"
#include "src/job/failure.hpp"
#include "src/job/terminal/standard_output.hpp"
#include "src/programs/dejavid_convert/commands.hpp"

namespace {

int complain(int exit_code, std::string line) {
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::cerr << "error: " << line << '\n';
  return exit_code;
}

int run(int argument_count, char** arguments) {
  CLI::App program("Makes and checks TSE stores.", "dejavid_convert");
  program.require_subcommand(1);
  program.get_formatter()->column_width(36);
  alignment::add_ts(program);
  alignment::add_torch(program);
  alignment::add_npy(program);
  alignment::add_synthetic(program);
  alignment::add_merge(program);
  alignment::add_info(program);
  alignment::add_verify(program);
  try {
    program.parse(argument_count, arguments);
    return 0;
  } catch (const CLI::Success&) {  // --help
    alignment::io::write_standard_output(program.help());
    return 0;
  } catch (const CLI::ParseError& error) {
    return complain(2, fmt::format("{}; see dejavid_convert --help", error.what()));
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  alignment::prepare_standard_streams();
  try {
    if (!alignment::speaks_for_the_job()) return 0;  // one process of an mpirun does the work
    return run(argument_count, arguments);
  } catch (const std::invalid_argument& error) {
    return complain(2, error.what());
  } catch (const alignment::CheckFailed& failed) {
    return failed.exit_code;
  } catch (...) {
    const auto failure = alignment::describe(std::current_exception());
    return complain(failure.code, failure.message);
  }
}
