#include "dist/agreement.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "dist/text.hpp"

namespace alignment::dist {
namespace {

/// Most ranks, and most hosts, that a message names.
constexpr std::size_t kNamed = 4;

/// "0, 3, 4, 5 and 12 more".
std::string list(const std::vector<std::string>& names) {
  const std::size_t named = std::min(names.size(), kNamed);
  const std::string first = fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<long>(named), ", "));
  return names.size() == named ? first : fmt::format("{} and {} more", first, names.size() - named);
}

/// `failed`: a line "rank host" for each rank that failed.
std::string name_those_that_failed(const std::string& failed, int world_size) {
  std::vector<std::string> ranks;
  std::vector<std::string> hosts;
  std::istringstream lines(failed);
  for (std::string rank, host; lines >> rank >> host;) {
    ranks.push_back(rank);
    if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
  }
  if (ranks.size() == static_cast<std::size_t>(world_size)) return "";
  if (ranks.size() == 1) return fmt::format(" (rank {} on {})", ranks[0], hosts[0]);
  return fmt::format(" (ranks {} of {}; {})", list(ranks), world_size, list(hosts));
}

/// Which ranks failed, the same text on every rank; empty where all did.
std::string who_failed(Communicator& communicator, bool failed) {
  const Topology& topology = communicator.topology();
  const std::string line = failed ? fmt::format("{} {}\n", topology.rank.value, topology.host) : "";
  std::string lines;
  for (const std::string& one : gather_text(communicator, line)) lines += one;
  const std::string text = communicator.is_root() ? name_those_that_failed(lines, topology.world_size.value) : "";
  return broadcast_text(communicator, text, Rank{0});
}

/// What the lowest failing rank has to say and which ranks failed, on every rank.
Failure share(Communicator& communicator, const std::optional<Failure>& failure, Rank failing_rank) {
  std::array<std::int32_t, 1> code{failure ? failure->code : 0};
  communicator.broadcast(std::span<std::int32_t>(code), failing_rank);
  const std::string message = broadcast_text(communicator, failure ? failure->message : "", failing_rank);
  return {code[0], message + who_failed(communicator, failure.has_value())};
}

}  // namespace

int agree_and_max(Communicator& communicator, const std::optional<Failure>& failure, int flag) {
  // One reduction in the good case. The largest "ranks above and including me" belongs to the lowest failing rank.
  const std::int64_t world_size = communicator.size().value;
  const std::int64_t urgency = failure ? world_size - communicator.rank().value : 0;
  std::array<std::int64_t, 2> urgency_and_flag{urgency, flag};
  communicator.all_reduce(std::span(urgency_and_flag.data(), urgency_and_flag.size()), Reduction::kMax);
  if (urgency_and_flag[0] == 0) return static_cast<int>(urgency_and_flag[1]);

  const Rank failing_rank{static_cast<int>(world_size - urgency_and_flag[0])};
  throw AgreedFailure(share(communicator, failure, failing_rank), failing_rank);
}

void agree(Communicator& communicator, const std::optional<Failure>& failure) {
  static_cast<void>(agree_and_max(communicator, failure, 0));
}

bool on_all_ranks(Communicator& communicator, bool mine) {
  std::int32_t everyones = mine ? 1 : 0;
  communicator.all_reduce(std::span(&everyones, 1), Reduction::kMin);
  return everyones == 1;
}

bool same_on_all_ranks(Communicator& communicator, std::uint64_t value) {
  // The largest complement belongs to the smallest value, so one reduction finds both ends.
  std::array<std::uint64_t, 2> ends{value, ~value};
  communicator.all_reduce(std::span(ends.data(), ends.size()), Reduction::kMax);
  return ends[0] == ~ends[1];
}

}  // namespace alignment::dist
