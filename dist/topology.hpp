#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace alignment::dist {

/// Three counts that must not be swapped, hence three types.
struct Rank {
  int value = 0;
  auto operator<=>(const Rank&) const = default;
};
struct WorldSize {
  int value = 1;
  auto operator<=>(const WorldSize&) const = default;
};
/// The rank among those that share this host's memory.
struct LocalRank {
  int value = 0;
  auto operator<=>(const LocalRank&) const = default;
};

/// The process of another rank on this host.
struct Neighbour {
  Rank rank;
  std::int64_t process = 0;   ///< its id
  std::uint64_t started = 0;  ///< clock ticks since the host's start, so that no later process is taken for it
};

/// Where a rank stands.
struct Topology {
  Rank rank;
  WorldSize world_size;
  LocalRank local_rank;
  int local_size = 1;  ///< ranks on this host
  std::string host;
  std::vector<Neighbour> neighbours;  ///< as far as this process sees theirs
};

/// This machine's name.
[[nodiscard]] std::string host_name();

}  // namespace alignment::dist
