#include "dist/mpi_call.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <string>

#include "dist/errors.hpp"
#include "dist/topology.hpp"

namespace dejavid::dist::detail {
namespace {

std::atomic<bool> unreachable = false;

}  // namespace

void mark_peers_unreachable() noexcept {
  unreachable = true;
}
bool peers_unreachable() noexcept {
  return unreachable;
}

std::string who() {
  int initialized = 0;
  int rank = 0;
  MPI_Initialized(&initialized);
  if (initialized != 0) MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return fmt::format("rank {} on {}", rank, host_name());
}

void check_mpi(int result, const char* call) {
  if (result == MPI_SUCCESS) return;
  mark_peers_unreachable();
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  if (MPI_Error_string(result, text.data(), &length) != MPI_SUCCESS) length = 0;
  std::string error(text.data(), static_cast<std::size_t>(length));
  for (char& character : error) {
    if (character == '\n') character = ' ';
  }
  throw RankLostError(
      fmt::format("{}: found MPI error {} ({}) in {}; expected every rank to be there; "
                  "see what the other ranks reported, then start again from the last checkpoint",
                  who(), result, error, call));
}

}  // namespace dejavid::dist::detail
