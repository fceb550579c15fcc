#include "dist/mpi/call.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <optional>
#include <string>
#include <utility>

#include "dist/errors.hpp"
#include "dist/launch_environment.hpp"
#include "dist/topology.hpp"
#include "dist/watch/watchdog.hpp"

namespace alignment::dist::detail {
namespace {

std::atomic<bool> unreachable = false;

}  // namespace

void mark_peers_unreachable() noexcept {
  unreachable = true;
}
bool peers_unreachable() noexcept {
  return unreachable;
}

void leave_soon(std::chrono::seconds within, int code, std::string line) {
  mark_peers_unreachable();
  static std::optional<Deadline>& leaving = *new std::optional<Deadline>;  // still there when all else is being left
  leaving.emplace(within, code, std::move(line));
}

bool mpi_is_up() {
  int initialized = 0;
  int finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  return initialized != 0 && finalized == 0;
}

std::string who() {
  int rank = promised_rank();
  if (mpi_is_up()) MPI_Comm_rank(MPI_COMM_WORLD, &rank);
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

}  // namespace alignment::dist::detail
