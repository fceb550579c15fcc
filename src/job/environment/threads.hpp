#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace alignment {

/// A rank's host and the cores that its affinity mask lets it run on, ascending.
struct RankCores {
  std::string host;
  std::vector<std::int32_t> cores;
  std::int32_t granted = 0;  ///< the most that the launcher lets it use of them; 0: it does not say
};

/// The cores that this process may run on. Throws std::system_error.
[[nodiscard]] std::vector<std::int32_t> affinity_cores();

/// Threads for every rank: the sum over its cores of 1 / (ranks on its host that may run on that core), rounded down,
/// at most what it was granted, at least 1.
[[nodiscard]] std::vector<std::int32_t> shares_of_cores(const std::vector<RankCores>& ranks);

}  // namespace alignment
