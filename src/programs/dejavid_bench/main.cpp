#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include "dist/errors.hpp"
#include "dist/mpi_session.hpp"
#include "io/result_file.hpp"
#include "src/config/command_line.hpp"
#include "src/programs/dejavid_bench/parts.hpp"
#include "src/run/failure.hpp"
#include "src/run/log.hpp"
#include "src/run/standard_output.hpp"

namespace {

using dejavid::bench::Choice;
using dejavid::bench::Record;

int complain(int exit_code, std::string line) {
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::fprintf(stderr, "error: %s\n", line.c_str());
  return exit_code;
}

void measure_and_report(const Choice& choice, dejavid::dist::Communicator& communicator) {
  std::optional<dejavid::io::ResultFile> result;  // rank 0's
  dejavid::agreed(communicator, [&] {
    if (communicator.is_root() && !choice.json_file.empty()) result.emplace(choice.json_file, choice.inputs);
  });
  const std::vector<Record> records = choice.measure(communicator);
  dejavid::agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    if (!result || !result->is_standard_output()) {
      dejavid::io::write_standard_output(dejavid::bench::to_table(records));
    }
    if (result) result->write(dejavid::bench::to_document(records));
  });
}

int run(const Choice& choice, int argument_count, char** arguments) {
  std::unique_ptr<dejavid::dist::MpiSession> session;
  std::unique_ptr<dejavid::dist::Communicator> communicator;
  try {
    if (choice.all_ranks && dejavid::dist::started_by_launcher()) {
      const std::chrono::duration<double> timeout = dejavid::DistConfig{}.timeout();
      session = std::make_unique<dejavid::dist::MpiSession>(argument_count, arguments, timeout);
      communicator = dejavid::dist::make_mpi_communicator(timeout);
    } else {
      communicator = dejavid::dist::make_self_communicator();
    }
    dejavid::start_log(communicator->topology());
    measure_and_report(choice, *communicator);
    return 0;
  } catch (const dejavid::dist::AgreedFailure& failure) {  // the same on every rank
    return communicator->is_root() ? complain(failure.code, failure.what()) : failure.code;
  } catch (...) {  // this rank alone: the others may be waiting for it
    const dejavid::dist::Failure failure = dejavid::describe(std::current_exception());
    complain(failure.code, failure.message);
    if (communicator && communicator->size().value > 1) dejavid::dist::abort_all_ranks(failure.code);
    return failure.code;
  }
}

int start(int argument_count, char** arguments) {
  const bool speaks = dejavid::speaks_for_the_job();
  CLI::App program("Measures how fast this build is on this machine.", "dejavid_bench");
  program.require_subcommand(1);
  program.get_formatter()->column_width(36);
  Choice choice;
  dejavid::bench::add_kernels(program, choice);
  dejavid::bench::add_train(program, choice);
  dejavid::bench::add_naive(program, choice);
  dejavid::bench::add_torch(program, choice);
  dejavid::bench::add_io(program, choice);
  try {
    program.parse(argument_count, arguments);
  } catch (const CLI::Success&) {  // --help
    if (speaks) dejavid::io::write_standard_output(program.help());
    return 0;
  } catch (const CLI::ParseError& error) {
    dejavid::let_the_speaker_finish();
    return speaks ? complain(2, fmt::format("{}; see dejavid_bench --help", error.what())) : 2;
  }
  if (!choice.all_ranks && !speaks) return 0;  // one process of an mpirun does the work
  return run(choice, argument_count, arguments);
}

}  // namespace

int main(int argument_count, char** arguments) {
  dejavid::prepare_standard_streams();
  try {
    return start(argument_count, arguments);
  } catch (...) {
    const dejavid::dist::Failure failure = dejavid::describe(std::current_exception());
    return complain(failure.code, failure.message);
  }
}
