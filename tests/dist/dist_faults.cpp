// A job in which rank 1 misbehaves while the others wait for it, as test_faults.py asks for:
//   dist_faults MODE TIMEOUT_SECONDS [MPI_CALL]
// in the middle of the job, or on its way into a call of MPI's. Every rank that notices prints one line and ends the
// job: 14 after a timeout, 15 after a lost rank, 2 after a wrong launch.
#include <mpi.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "dist/agreement.hpp"
#include "dist/communicator.hpp"
#include "dist/errors.hpp"
#include "dist/launch_environment.hpp"
#include "dist/mpi/session.hpp"

namespace {

using namespace alignment::dist;

std::string mode;
std::string place;  // the MPI call, or empty: in the middle

void wait_to_be_killed() {
  for (;;) pause();
}

/// A thread that never ends and that its owner waits for, as one whose file system does not answer.
struct StuckReader {
  std::thread thread{wait_to_be_killed};
  ~StuckReader() { thread.join(); }
};

void misbehave() {
  if (mode.starts_with("late")) wait_to_be_killed();
  if (mode == "exit") _exit(3);
  if (mode == "kill") std::raise(SIGKILL);
  if (mode == "stop") std::raise(SIGSTOP);
  if (mode == "abort") abort_all_ranks(300);
  if (mode == "throw") throw std::runtime_error("rank 1 leaves without a word to the others");
}

/// On the way into one of MPI's calls.
void enter(const char* call) {
  if (place == call && promised_rank() == 1) misbehave();
}

void call_all(Communicator& communicator) {
  std::vector<double> values(100'000, 1.0);
  communicator.all_reduce(std::span<double>(values), Reduction::kSum);
}

void call_beside_a_stuck_reader(Communicator& communicator) {
  const StuckReader reader;
  call_all(communicator);
}

/// Ranks that come to the end one by one, in good order.
void leave_one_by_one(Communicator& communicator) {
  constexpr std::chrono::milliseconds kStep{1500};
  std::this_thread::sleep_for(communicator.rank().value * kStep);
  std::vector<std::uint8_t> word(1);
  communicator.broadcast(std::span<std::uint8_t>(word), Rank{0});
  std::this_thread::sleep_for(communicator.rank().value * kStep);
}

int job(double seconds, int argument_count, char** arguments) {
  const std::chrono::duration<double> timeout(seconds);
  constexpr std::chrono::seconds kFar{1000};  // a machine with much to do may take long to start
  const bool is_session = place == "MPI_Init_thread" || place == "MPI_Finalize";
  MpiSession session(argument_count, arguments, is_session ? timeout : kFar);
  const auto communicator = make_mpi_communicator(timeout);
  call_all(*communicator);
  if (mode == "slow") leave_one_by_one(*communicator);
  if (communicator->rank().value == 1 && place.empty()) misbehave();
  if (mode == "late-unwind") {
    call_all(*communicator);  // its TimeoutError leaves the session's scope
  }
  try {
    if (mode == "late-reader") call_beside_a_stuck_reader(*communicator);
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

// MPI's own names lead here; it answers to those with a P as well.
extern "C" {

int MPI_Init_thread(int* argument_count, char*** arguments, int required, int* provided) {
  enter("MPI_Init_thread");
  return PMPI_Init_thread(argument_count, arguments, required, provided);
}
int MPI_Comm_idup(MPI_Comm comm, MPI_Comm* duplicate, MPI_Request* request) {
  enter("MPI_Comm_idup");
  return PMPI_Comm_idup(comm, duplicate, request);
}
int MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm* part) {
  enter("MPI_Comm_split_type");
  return PMPI_Comm_split_type(comm, type, key, info, part);
}
int MPI_Comm_free(MPI_Comm* comm) {
  enter("MPI_Comm_free");
  return PMPI_Comm_free(comm);
}
int MPI_Finalize() {
  enter("MPI_Finalize");
  return PMPI_Finalize();
}
int MPI_Abort(MPI_Comm comm, int code) {
  if (mode == "late-abort") wait_to_be_killed();
  return PMPI_Abort(comm, code);
}

}  // extern "C"

int main(int argument_count, char** arguments) {
  if (argument_count < 3) {
    std::fprintf(stderr, "usage: dist_faults MODE TIMEOUT_SECONDS [MPI_CALL]\n");
    return 2;
  }
  mode = arguments[1];
  if (argument_count > 3) place = arguments[3];
  try {
    return job(std::atof(arguments[2]), argument_count, arguments);
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
