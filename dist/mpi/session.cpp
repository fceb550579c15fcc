#include "dist/mpi/session.hpp"

#include <fmt/format.h>
#include <mpi.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>

#include "dist/errors.hpp"
#include "dist/launch_environment.hpp"
#include "dist/mpi/call.hpp"
#include "dist/watch/watchdog.hpp"

namespace alignment::dist {
namespace {

/// For MPI_Abort, which may hang.
constexpr std::chrono::seconds kTimeToAbort{5};

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

MpiSession::MpiSession(int& argument_count, char**& arguments, std::chrono::duration<double> timeout)
    : exceptions_before_(std::uncaught_exceptions()), timeout_(timeout) {
  // Only the main thread speaks to MPI; readers and searchers run beside it.
  int provided = MPI_THREAD_SINGLE;
  {
    const Deadline deadline(Awaited::kRanks, "MPI_Init_thread", timeout_);
    MPI_CHECK(MPI_Init_thread(&argument_count, &arguments, MPI_THREAD_FUNNELED, &provided));
  }
  MPI_CHECK(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));
  try {
    require_thread_level(provided);
    require_one_world();
  } catch (...) {
    finalize();  // every rank of this world finds the same, so they meet in here
    throw;
  }
}

MpiSession::~MpiSession() {
  const bool unwinding = std::uncaught_exceptions() > exceptions_before_;
  if (!unwinding && !detail::peers_unreachable()) finalize();
}

void MpiSession::finalize() const {
  const Deadline deadline(Awaited::kRanks, "MPI_Finalize", timeout_);
  MPI_Finalize();
}

void abort_all_ranks(int code) {
  const int kept = code >= 1 && code <= 125 ? code : 1;
  detail::leave_soon(kTimeToAbort, kept, {});
  std::fflush(nullptr);
  if (detail::mpi_is_up()) MPI_Abort(MPI_COMM_WORLD, kept);
  _exit(kept);
}

}  // namespace alignment::dist
