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
#include "dist/mpi_session.hpp"
#include "io/errors.hpp"
#include "io/result_file.hpp"
#include "src/config/command_line.hpp"
#include "src/dejavid/commands.hpp"
#include "src/run/early_signals.hpp"
#include "src/run/failure.hpp"
#include "src/run/log.hpp"
#include "src/run/same_settings.hpp"
#include "src/run/signals.hpp"
#include "src/run/standard_output.hpp"

namespace {

using dejavid::ExitCode;

ExitCode run(const dejavid::Invocation& invocation, dejavid::dist::Communicator& communicator) {
  dejavid::require_same_settings(invocation, communicator);
  switch (invocation.command) {
    case dejavid::Command::kTrain:
      return dejavid::run_training(invocation.config, invocation.given, communicator);
    case dejavid::Command::kCentroids:
      dejavid::run_centroids(invocation.config, invocation.predict_file, communicator);
      return ExitCode::kDone;
    case dejavid::Command::kEval:
      dejavid::run_evaluation(invocation.config, invocation.given, invocation.json_file, communicator);
      return ExitCode::kDone;
    case dejavid::Command::kPredict:
      dejavid::run_prediction(invocation.config, invocation.given, invocation.predict_file, communicator);
      return ExitCode::kDone;
    case dejavid::Command::kDoctor:
      return dejavid::run_diagnosis(invocation.config, communicator);
  }
  return ExitCode::kOther;
}

void print_error(const std::string& line) {
  std::fprintf(stderr, "error: %s\n", line.c_str());
}

/// Every rank that is left notices a late or lost one by itself. Where one has ended the job before its turn comes, the
/// next stays silent.
void await_turn(const dejavid::dist::Communicator& communicator) {
  constexpr std::chrono::seconds kLongEnough{3};
  std::this_thread::sleep_for(kLongEnough * std::min(communicator.rank().value, 2));
}

/// Training stops on request, from the first instruction on: MPI and other libraries leave these signals alone. What
/// else a program does has nothing to keep.
void settle_signals(dejavid::Command command) {
  if (command == dejavid::Command::kTrain) dejavid::install_stop_signals();
  dejavid::let_stop_signals_through();
}

/// Parsing needs no MPI, so that --help and mistakes in a configuration are answered on a login node too.
int start(int argument_count, char** arguments) {
  dejavid::Invocation invocation;
  try {
    auto asked = dejavid::interpret({arguments + 1, arguments + argument_count});
    if (const auto* printout = std::get_if<dejavid::Printout>(&asked)) {
      if (dejavid::speaks_for_the_job()) dejavid::io::write_standard_output(printout->text);
      return static_cast<int>(ExitCode::kDone);
    }
    invocation = std::get<dejavid::Invocation>(std::move(asked));
  } catch (const dejavid::ConfigError& error) {
    // A rank that is still there after a while is alone with its mistake: no other has ended the job.
    dejavid::let_the_speaker_finish();
    print_error(error.what() + dejavid::rank_before_mpi());
    return static_cast<int>(ExitCode::kUsage);
  } catch (const dejavid::io::WriteError& error) {
    print_error(error.what());
    return static_cast<int>(ExitCode::kCannotWrite);
  }
  settle_signals(invocation.command);

  std::unique_ptr<dejavid::dist::MpiSession> session;
  std::unique_ptr<dejavid::dist::Communicator> communicator;
  try {
    if (dejavid::dist::started_by_launcher()) {
      const std::chrono::duration<double> timeout = invocation.config.dist.timeout();
      session = std::make_unique<dejavid::dist::MpiSession>(argument_count, arguments, timeout);
      communicator = dejavid::dist::make_mpi_communicator(timeout);
    } else {
      communicator = dejavid::dist::make_self_communicator();
    }
    dejavid::start_log(communicator->topology());
    return static_cast<int>(run(invocation, *communicator));
  } catch (const dejavid::dist::AgreedFailure& failure) {  // the same on every rank
    if (communicator->is_root()) {
      if (failure.code == static_cast<int>(ExitCode::kStopped)) {
        dejavid::log_info(failure.what());
      } else {
        print_error(failure.what());
      }
    }
    return failure.code;
  } catch (...) {  // this rank alone: the others may be waiting for it
    const dejavid::dist::Failure failure = dejavid::describe(std::current_exception());
    const auto code = static_cast<ExitCode>(failure.code);
    if (communicator && (code == ExitCode::kTimeout || code == ExitCode::kRankLost)) await_turn(*communicator);
    print_error(failure.message);
    if (communicator && communicator->size().value > 1) dejavid::dist::abort_all_ranks(failure.code);
    return failure.code;
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  dejavid::prepare_standard_streams();
  return start(argument_count, arguments);
}
