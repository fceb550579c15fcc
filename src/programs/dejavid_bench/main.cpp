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
#include "dist/mpi/session.hpp"
#include "io/result_file.hpp"
#include "src/config/command_line.hpp"
#include "src/job/failure.hpp"
#include "src/job/terminal/log.hpp"
#include "src/job/terminal/standard_output.hpp"
#include "src/programs/dejavid_bench/parts.hpp"

namespace {

using alignment::bench::Choice;
using alignment::bench::Record;

int complain(int exit_code, std::string line) {
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::fprintf(stderr, "error: %s\n", line.c_str());
  return exit_code;
}

void measure_and_report(const Choice& choice, alignment::dist::Communicator& communicator) {
  std::optional<alignment::io::ResultFile> result;  // rank 0's
  alignment::agreed(communicator, [&] {
    if (communicator.is_root() && !choice.json_file.empty()) result.emplace(choice.json_file, choice.inputs);
  });
  const std::vector<Record> records = choice.measure(communicator);
  alignment::agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    if (!result || !result->is_standard_output()) {
      alignment::io::write_standard_output(alignment::bench::to_table(records));
    }
    if (result) result->write(alignment::bench::to_document(records));
  });
}

int run(const Choice& choice, int argument_count, char** arguments) {
  std::unique_ptr<alignment::dist::MpiSession> session;
  std::unique_ptr<alignment::dist::Communicator> communicator;
  try {
    if (choice.all_ranks && alignment::dist::started_by_launcher()) {
      const std::chrono::duration<double> timeout = alignment::DistConfig{}.timeout();
      session = std::make_unique<alignment::dist::MpiSession>(argument_count, arguments, timeout);
      communicator = alignment::dist::make_mpi_communicator(timeout);
    } else {
      communicator = alignment::dist::make_self_communicator();
    }
    alignment::start_log(communicator->topology());
    measure_and_report(choice, *communicator);
    return 0;
  } catch (const alignment::dist::AgreedFailure& failure) {  // the same on every rank
    return communicator->is_root() ? complain(failure.code, failure.what()) : failure.code;
  } catch (...) {  // this rank alone: the others may be waiting for it
    const alignment::dist::Failure failure = alignment::describe(std::current_exception());
    complain(failure.code, failure.message);
    if (communicator && communicator->size().value > 1) alignment::dist::abort_all_ranks(failure.code);
    return failure.code;
  }
}

int start(int argument_count, char** arguments) {
  const bool speaks = alignment::speaks_for_the_job();
  CLI::App program("Measures how fast this build is on this machine.", "dejavid_bench");
  program.require_subcommand(1);
  program.get_formatter()->column_width(36);
  Choice choice;
  alignment::bench::add_kernels(program, choice);
  alignment::bench::add_train(program, choice);
  alignment::bench::add_naive(program, choice);
  alignment::bench::add_torch(program, choice);
  alignment::bench::add_io(program, choice);
  alignment::bench::add_scaling(program, choice);
  alignment::bench::add_predict(program, choice);
  try {
    program.parse(argument_count, arguments);
  } catch (const CLI::Success&) {  // --help
    if (speaks) alignment::io::write_standard_output(program.help());
    return 0;
  } catch (const CLI::ParseError& error) {
    alignment::let_the_speaker_finish();
    return speaks ? complain(2, fmt::format("{}; see dejavid_bench --help", error.what())) : 2;
  }
  if (!choice.all_ranks && !speaks) return 0;  // one process of an mpirun does the work
  return run(choice, argument_count, arguments);
}

}  // namespace

int main(int argument_count, char** arguments) {
  alignment::prepare_standard_streams();
  try {
    return start(argument_count, arguments);
  } catch (...) {
    const alignment::dist::Failure failure = alignment::describe(std::current_exception());
    return complain(failure.code, failure.message);
  }
}
