#pragma once

#include <mpi.h>

#include <string>

/// Calls MPI and throws RankLostError with the call's text where it does not succeed.
#define MPI_CHECK(call) ::dejavid::dist::detail::check_mpi((call), #call)

namespace dejavid::dist::detail {

void check_mpi(int result, const char* call);

/// After a failed or overdue call, peers may never answer again: nothing that waits for them may follow, MPI_Finalize
/// included.
void mark_peers_unreachable() noexcept;
[[nodiscard]] bool peers_unreachable() noexcept;

/// This process in a message: "rank 3 on host7". Asks no other rank.
[[nodiscard]] std::string who();

}  // namespace dejavid::dist::detail
