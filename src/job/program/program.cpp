#include "src/job/program/program.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <thread>
#include <utility>

#include "dist/errors.hpp"
#include "dist/mpi/session.hpp"
#include "src/config/pages/pages.hpp"
#include "src/job/program/speaker.hpp"
#include "src/job/terminal/log_file.hpp"
#include "src/job/terminal/standard_output.hpp"
#include "src/job/terminal/terminal.hpp"

namespace alignment {
namespace {

/// Every rank that is left notices a late or lost one by itself. Where one has ended the job before its turn comes, the
/// next stays silent.
void await_turn(const dist::Communicator& communicator) {
  constexpr std::chrono::seconds kLongEnough{3};
  std::this_thread::sleep_for(kLongEnough * std::min(communicator.rank().value, 2));
}

/// This rank alone has failed: the others may be waiting for it.
int end_job(const dist::Failure& failure, const dist::Communicator* communicator) {
  const auto code = static_cast<ExitCode>(failure.code);
  if (communicator != nullptr && (code == ExitCode::kTimeout || code == ExitCode::kRankLost)) await_turn(*communicator);
  complain(code, failure.message);
  if (communicator != nullptr && communicator->size().value > 1) dist::abort_all_ranks(failure.code);
  return failure.code;
}

}  // namespace

int complain(ExitCode code, std::string line) {
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::fprintf(stderr, "error: %s\n", line.c_str());
  return static_cast<int>(code);
}

int complain_about_usage(const std::string& line) {
  let_the_speaker_finish();
  return complain(ExitCode::kUsage, line + rank_before_mpi());
}

int show_first_screen(const ProgramDescription& program) {
  let_the_speaker_finish();
  if (speaks_for_the_job()) std::fputs(first_screen(program, nullptr, terminal::page_columns()).c_str(), stderr);
  return static_cast<int>(ExitCode::kUsage);
}

int run_program(const std::function<int()>& work) {
  prepare_standard_streams();
  try {
    return work();
  } catch (...) {
    const dist::Failure failure = describe(std::current_exception());
    return complain(static_cast<ExitCode>(failure.code), failure.message);
  }
}

int run_on_ranks(Ranks ranks, int& argument_count, char**& arguments, std::chrono::duration<double> timeout,
                 const std::function<ExitCode(dist::Communicator&)>& work) {
  std::unique_ptr<dist::MpiSession> session;
  std::unique_ptr<dist::Communicator> communicator;
  try {
    if (ranks == Ranks::kAll && dist::started_by_launcher()) {
      session = std::make_unique<dist::MpiSession>(argument_count, arguments, timeout);
      communicator = dist::make_mpi_communicator(timeout);
    } else {
      communicator = dist::make_self_communicator();
    }
    start_log(communicator->topology());
    return static_cast<int>(work(*communicator));
  } catch (const dist::AgreedFailure& failure) {  // the same on every rank
    const auto code = static_cast<ExitCode>(failure.code);
    if (communicator->is_root() && code == ExitCode::kStopped) log_info(failure.what());
    if (communicator->is_root() && code != ExitCode::kStopped) complain(code, failure.what());
    return failure.code;
  } catch (...) {
    return end_job(describe(std::current_exception()), communicator.get());
  }
}

}  // namespace alignment
