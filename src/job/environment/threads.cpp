#include "src/job/environment/threads.hpp"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <span>
#include <sstream>
#include <system_error>
#include <utility>

#include "dist/launch_environment.hpp"
#include "dist/text.hpp"
#include "src/job/environment/environment.hpp"

namespace alignment {
namespace {

struct FreeCpuSet {
  void operator()(cpu_set_t* set) const { CPU_FREE(set); }
};

}  // namespace

std::vector<std::int32_t> affinity_cores() {
  constexpr int kMostCores = 1 << 20;
  // The kernel refuses a mask smaller than its own, whose size it does not tell.
  for (int capacity = CPU_SETSIZE; capacity <= kMostCores; capacity *= 2) {
    const auto count = static_cast<std::size_t>(capacity);
    const std::unique_ptr<cpu_set_t, FreeCpuSet> set(CPU_ALLOC(count));
    const std::size_t bytes = CPU_ALLOC_SIZE(count);
    CPU_ZERO_S(bytes, set.get());
    if (sched_getaffinity(0, bytes, set.get()) == 0) {
      std::vector<std::int32_t> cores;
      for (std::size_t core = 0; core < count; ++core) {
        if (CPU_ISSET_S(core, bytes, set.get())) cores.push_back(static_cast<std::int32_t>(core));
      }
      return cores;
    }
    if (errno != EINVAL) break;
  }
  throw std::system_error(errno, std::generic_category(), "sched_getaffinity");
}

std::vector<std::int32_t> shares_of_cores(const std::vector<RankCores>& ranks) {
  std::map<std::pair<std::string, std::int32_t>, int> sharers;
  for (const RankCores& rank : ranks) {
    for (const std::int32_t core : rank.cores) ++sharers[{rank.host, core}];
  }
  std::vector<std::int32_t> shares;
  for (const RankCores& rank : ranks) {
    double share = 0;
    for (const std::int32_t core : rank.cores) share += 1.0 / sharers[{rank.host, core}];
    constexpr double kRounding = 1e-6;  // six thirds are two cores
    auto threads = static_cast<std::int32_t>(share + kRounding);
    if (rank.granted > 0) threads = std::min(threads, rank.granted);
    shares.push_back(std::max(1, threads));
  }
  return shares;
}

int thread_count(const DistConfig& config, dist::Communicator& communicator) {
  if (config.threads > 0) return static_cast<int>(config.threads);
  std::ostringstream mine;
  const dist::Topology& topology = communicator.topology();
  mine << topology.host << ' ' << dist::granted_cores(topology.local_size).value_or(0);
  for (const std::int32_t core : affinity_cores()) mine << ' ' << core;

  std::vector<RankCores> ranks;
  for (const std::string& text : dist::gather_text(communicator, mine.str())) {
    std::istringstream words(text);
    RankCores rank;
    words >> rank.host >> rank.granted;
    for (std::int32_t core = 0; words >> core;) rank.cores.push_back(core);
    ranks.push_back(std::move(rank));
  }
  std::vector<std::int32_t> shares = shares_of_cores(ranks);
  shares.resize(static_cast<std::size_t>(communicator.size().value));
  communicator.broadcast(std::span<std::int32_t>(shares), dist::Rank{0});
  return shares[static_cast<std::size_t>(communicator.rank().value)];
}

}  // namespace alignment
