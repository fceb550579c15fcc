#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <variant>

#include "dist/communicator.hpp"
#include "dist/errors.hpp"
#include "dist/mpi/session.hpp"
#include "io/errors.hpp"
#include "io/result_file.hpp"
#include "src/config/command_line.hpp"
#include "src/dejavid/commands/commands.hpp"
#include "src/job/early_signals.hpp"
#include "src/job/failure.hpp"
#include "src/job/same_settings.hpp"
#include "src/job/signals.hpp"
#include "src/job/terminal/log.hpp"
#include "src/job/terminal/standard_output.hpp"

namespace {

using alignment::ExitCode;

ExitCode run(const alignment::Invocation& invocation, alignment::dist::Communicator& communicator) {
  alignment::require_same_settings(invocation, communicator);
  switch (invocation.command) {
    case alignment::Command::kTrain:
      return alignment::run_training(invocation.config, invocation.given, communicator);
    case alignment::Command::kCentroids:
      alignment::run_centroids(invocation.config, invocation.predict_file, communicator);
      return ExitCode::kDone;
    case alignment::Command::kEval:
      alignment::run_evaluation(invocation.config, invocation.given, invocation.json_file, communicator);
      return ExitCode::kDone;
    case alignment::Command::kPredict:
      alignment::run_prediction(invocation.config, invocation.given, invocation.predict_file, communicator);
      return ExitCode::kDone;
    case alignment::Command::kDoctor:
      return alignment::run_diagnosis(invocation.config, communicator);
  }
  return ExitCode::kOther;
}

void print_error(const std::string& line) {
  std::fprintf(stderr, "error: %s\n", line.c_str());
}

/// Every rank that is left notices a late or lost one by itself. Where one has ended the job before its turn comes, the
/// next stays silent.
void await_turn(const alignment::dist::Communicator& communicator) {
  constexpr std::chrono::seconds kLongEnough{3};
  std::this_thread::sleep_for(kLongEnough * std::min(communicator.rank().value, 2));
}

/// Training stops on request, from the first instruction on: MPI and other libraries leave these signals alone. What
/// else a program does has nothing to keep.
void settle_signals(alignment::Command command) {
  if (command == alignment::Command::kTrain) alignment::install_stop_signals();
  alignment::let_stop_signals_through();
}

/// Parsing needs no MPI, so that --help and mistakes in a configuration are answered on a login node too.
int start(int argument_count, char** arguments) {
  alignment::Invocation invocation;
  try {
    auto asked = alignment::interpret({arguments + 1, arguments + argument_count});
    if (const auto* printout = std::get_if<alignment::Printout>(&asked)) {
      if (alignment::speaks_for_the_job()) alignment::io::write_standard_output(printout->text);
      return static_cast<int>(ExitCode::kDone);
    }
    invocation = std::get<alignment::Invocation>(std::move(asked));
  } catch (const alignment::ConfigError& error) {
    // A rank that is still there after a while is alone with its mistake: no other has ended the job.
    alignment::let_the_speaker_finish();
    print_error(error.what() + alignment::rank_before_mpi());
    return static_cast<int>(ExitCode::kUsage);
  } catch (const alignment::io::WriteError& error) {
    print_error(error.what());
    return static_cast<int>(ExitCode::kCannotWrite);
  }
  settle_signals(invocation.command);

  std::unique_ptr<alignment::dist::MpiSession> session;
  std::unique_ptr<alignment::dist::Communicator> communicator;
  try {
    if (alignment::dist::started_by_launcher()) {
      const std::chrono::duration<double> timeout = invocation.config.dist.timeout();
      session = std::make_unique<alignment::dist::MpiSession>(argument_count, arguments, timeout);
      communicator = alignment::dist::make_mpi_communicator(timeout);
    } else {
      communicator = alignment::dist::make_self_communicator();
    }
    alignment::start_log(communicator->topology());
    return static_cast<int>(run(invocation, *communicator));
  } catch (const alignment::dist::AgreedFailure& failure) {  // the same on every rank
    if (communicator->is_root()) {
      if (failure.code == static_cast<int>(ExitCode::kStopped)) {
        alignment::log_info(failure.what());
      } else {
        print_error(failure.what());
      }
    }
    return failure.code;
  } catch (...) {  // this rank alone: the others may be waiting for it
    const alignment::dist::Failure failure = alignment::describe(std::current_exception());
    const auto code = static_cast<ExitCode>(failure.code);
    if (communicator && (code == ExitCode::kTimeout || code == ExitCode::kRankLost)) await_turn(*communicator);
    print_error(failure.message);
    if (communicator && communicator->size().value > 1) alignment::dist::abort_all_ranks(failure.code);
    return failure.code;
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  alignment::prepare_standard_streams();
  return start(argument_count, arguments);
}
