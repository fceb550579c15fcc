#include "src/job/speaker.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <thread>

namespace alignment {
namespace {

/// This process's rank as the nearest launcher says: mpirun inside an allocation inherits Slurm's marks.
std::string launched_rank() {
  for (const char* variable : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    if (const char* rank = std::getenv(variable)) return rank;
  }
  return "0";
}

}  // namespace

bool speaks_for_the_job() {
  return launched_rank() == "0";
}

void let_the_speaker_finish() {
  constexpr std::chrono::seconds kLongEnough{5};
  if (!speaks_for_the_job()) std::this_thread::sleep_for(kLongEnough);
}

std::string rank_before_mpi() {
  if (speaks_for_the_job()) return "";
  std::array<char, 256> host{};
  const bool known = gethostname(host.data(), host.size() - 1) == 0;
  return fmt::format(" (rank {} on {})", launched_rank(), known ? host.data() : "an unknown host");
}

}  // namespace alignment
