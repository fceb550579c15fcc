#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <iostream>
#include <stdexcept>

#include "io/result_file.hpp"
#include "src/config/command_line.hpp"
#include "src/programs/dejavid_convert/commands.hpp"
#include "src/run/failure.hpp"
#include "src/run/standard_output.hpp"

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
  dejavid::add_ts(program);
  dejavid::add_torch(program);
  dejavid::add_npy(program);
  dejavid::add_synthetic(program);
  dejavid::add_merge(program);
  dejavid::add_info(program);
  dejavid::add_verify(program);
  try {
    program.parse(argument_count, arguments);
    return 0;
  } catch (const CLI::Success&) {  // --help
    dejavid::io::write_standard_output(program.help());
    return 0;
  } catch (const CLI::ParseError& error) {
    return complain(2, fmt::format("{}; see dejavid_convert --help", error.what()));
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  dejavid::prepare_standard_streams();
  try {
    if (!dejavid::speaks_for_the_job()) return 0;  // one process of an mpirun does the work
    return run(argument_count, arguments);
  } catch (const std::invalid_argument& error) {
    return complain(2, error.what());
  } catch (const dejavid::CheckFailed& failed) {
    return failed.exit_code;
  } catch (...) {
    const auto failure = dejavid::describe(std::current_exception());
    return complain(failure.code, failure.message);
  }
}
