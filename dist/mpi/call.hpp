#pragma once

#include <mpi.h>

#include <chrono>
#include <string>

/// Calls MPI and throws RankLostError with the call's text where it does not succeed.
#define MPI_CHECK(call) ::alignment::dist::detail::check_mpi((call), #call)

namespace alignment::dist::detail {

void check_mpi(int result, const char* call);

/// After a failed or overdue call, peers may never answer again: nothing that waits for them may follow, MPI_Finalize
/// included.
void mark_peers_unreachable() noexcept;
[[nodiscard]] bool peers_unreachable() noexcept;

/// How long a process may take to clean up after a failure that leaves it nothing else to do.
inline constexpr std::chrono::seconds kTimeToLeave{10};

/// As mark_peers_unreachable(), for such a failure: where the process has not ended in time, since one of its threads
/// sits in a call, it prints `line` (nothing where that is empty) and ends with `code`. The last call counts.
void leave_soon(std::chrono::seconds within, int code, std::string line);

/// Between MPI_Init_thread and MPI_Finalize.
[[nodiscard]] bool mpi_is_up();

/// This process in a message: "rank 3 on host7". Asks no other rank and needs no MPI.
[[nodiscard]] std::string who();

}  // namespace alignment::dist::detail
