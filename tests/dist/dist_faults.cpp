// A job in which rank 1 misbehaves while the others wait for it, as test_faults.py asks for:
//   dist_faults MODE TIMEOUT_SECONDS
// Every rank that notices prints one line and ends the job: 14 after a timeout, 15 after a lost rank, 2 after a wrong
// launch.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <unistd.h>

#include "dist/agreement.hpp"
#include "dist/communicator.hpp"
#include "dist/errors.hpp"
#include "dist/mpi_session.hpp"

namespace {

using namespace dejavid::dist;

void wait_to_be_killed() {
  for (;;) pause();
}

void misbehave(const std::string& mode) {
  if (mode == "late" || mode == "late-unwind" || mode == "late-return" || mode == "late-again") wait_to_be_killed();
  if (mode == "exit") _exit(3);
  if (mode == "kill") std::raise(SIGKILL);
  if (mode == "stop") std::raise(SIGSTOP);
  if (mode == "abort") abort_all_ranks(300);
  if (mode == "throw") throw std::runtime_error("rank 1 leaves without a word to the others");
}

void call_all(Communicator& communicator) {
  std::vector<double> values(100'000, 1.0);
  communicator.all_reduce(std::span<double>(values), Reduction::kSum);
}

int job(const std::string& mode, double timeout, int argument_count, char** arguments) {
  MpiSession session(argument_count, arguments);
  const auto communicator = make_mpi_communicator(std::chrono::duration<double>(timeout));
  call_all(*communicator);
  if (communicator->rank().value == 1) misbehave(mode);
  if (mode == "late-unwind") {
    call_all(*communicator);  // its TimeoutError leaves the session's scope
  }
  try {
    call_all(*communicator);
  } catch (const TimeoutError& error) {
    if (mode == "late-again") {
      try {
        communicator->barrier();
      } catch (const TimeoutError& again) {
        if (std::string(again.what()) == error.what()) std::fprintf(stderr, "the same again\n");
      }
    }
    std::fprintf(stderr, "error: %s\n", error.what());
    if (mode == "late-return") return 14;
    abort_all_ranks(14);
  } catch (const RankLostError& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    abort_all_ranks(15);
  }
  return 0;
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count < 3) {
    std::fprintf(stderr, "usage: dist_faults MODE TIMEOUT_SECONDS\n");
    return 2;
  }
  try {
    return job(arguments[1], std::atof(arguments[2]), argument_count, arguments);
  } catch (const LaunchError& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  } catch (const TimeoutError& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 14;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
