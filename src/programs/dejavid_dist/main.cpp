#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <thread>

#include "dist/communicator.hpp"
#include "dist/errors.hpp"
#include "dist/mpi_session.hpp"
#include "src/config/command_line.hpp"
#include "src/dejavid/commands.hpp"
#include "src/run/failure.hpp"
#include "src/run/log.hpp"
#include "src/run/standard_output.hpp"

namespace {

using dejavid::ExitCode;

ExitCode run(const dejavid::Invocation& invocation, dejavid::dist::Communicator& communicator) {
  switch (invocation.command) {
    case dejavid::Command::kTrain:
      return dejavid::run_training(invocation.config, communicator);
    case dejavid::Command::kCentroids:
      dejavid::run_centroids(invocation.config, invocation.predict_file, communicator);
      return ExitCode::kDone;
    case dejavid::Command::kEval:
      dejavid::run_evaluation(invocation.config, invocation.json_file, communicator);
      return ExitCode::kDone;
    case dejavid::Command::kPredict:
      dejavid::run_prediction(invocation.config, invocation.predict_file, communicator);
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

/// Parsing needs no MPI, so that --help and mistakes in a configuration are answered on a login node too.
int start(int argument_count, char** arguments) {
  dejavid::Invocation invocation;
  try {
    invocation = dejavid::parse_command_line(argument_count, arguments);
  } catch (const dejavid::ConfigError& error) {
    if (dejavid::speaks_for_the_job()) print_error(error.what());
    dejavid::let_the_speaker_finish();
    return static_cast<int>(ExitCode::kUsage);
  }

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
    if (communicator->is_root()) print_error(failure.what());
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
