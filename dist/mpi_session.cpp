#include "dist/mpi_session.hpp"

#include <fmt/format.h>
#include <mpi.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <thread>

#include "dist/errors.hpp"
#include "dist/launch_environment.hpp"
#include "dist/mpi_call.hpp"

namespace dejavid::dist {
namespace {

void require_thread_level(int provided) {
  if (provided >= MPI_THREAD_FUNNELED) return;
  throw LaunchError(
      fmt::format("MPI: found thread level {}; expected at least MPI_THREAD_FUNNELED ({}); "
                  "use an MPI built with thread support",
                  provided, MPI_THREAD_FUNNELED));
}

void require_one_world() {
  int world_size = 0;
  MPI_CHECK(MPI_Comm_size(MPI_COMM_WORLD, &world_size));
  if (const std::optional<std::string> mismatch = launch_mismatch(world_size)) throw LaunchError(*mismatch);
}

}  // namespace

MpiSession::MpiSession(int& argument_count, char**& arguments) : exceptions_before_(std::uncaught_exceptions()) {
  // Only the main thread speaks to MPI; readers and searchers run beside it.
  int provided = MPI_THREAD_SINGLE;
  MPI_CHECK(MPI_Init_thread(&argument_count, &arguments, MPI_THREAD_FUNNELED, &provided));
  MPI_CHECK(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));
  try {
    require_thread_level(provided);
    require_one_world();
  } catch (...) {
    // Every rank of this world finds the same, so they meet in here.
    MPI_Finalize();
    throw;
  }
}

MpiSession::~MpiSession() {
  const bool unwinding = std::uncaught_exceptions() > exceptions_before_;
  if (!unwinding && !detail::peers_unreachable()) MPI_Finalize();
}

void abort_all_ranks(int code) {
  const int kept = code >= 1 && code <= 125 ? code : 1;
  std::thread([kept] {
    std::this_thread::sleep_for(std::chrono::seconds(5));
    _exit(kept);
  }).detach();
  std::fflush(nullptr);

  int initialized = 0;
  int finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  if (initialized != 0 && finalized == 0) MPI_Abort(MPI_COMM_WORLD, kept);
  _exit(kept);
}

}  // namespace dejavid::dist
