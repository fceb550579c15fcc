#pragma once

#include <compare>
#include <string>

namespace dejavid::dist {

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

/// Where a rank stands.
struct Topology {
  Rank rank;
  WorldSize world_size;
  LocalRank local_rank;
  int local_size = 1;  ///< ranks on this host
  std::string host;
};

/// This machine's name.
[[nodiscard]] std::string host_name();

}  // namespace dejavid::dist
