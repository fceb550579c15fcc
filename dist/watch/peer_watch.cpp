#include "dist/watch/peer_watch.hpp"

#include <fmt/format.h>

#include "dist/watch/peer_process.hpp"

namespace alignment::dist::detail {
namespace {

constexpr std::chrono::milliseconds kInterval{250};

}  // namespace

PeerWatch::PeerWatch(const Topology& topology, std::chrono::duration<double> confirmation)
    : host_(topology.host), neighbours_(topology.neighbours), confirmation_(confirmation) {
  start();
}

void PeerWatch::start() {
  looked_ = Clock::now();
  missing_.reset();
}

std::optional<std::string> PeerWatch::lost() {
  const Clock::time_point now = Clock::now();
  if (neighbours_.empty() || now - looked_ < kInterval) return std::nullopt;
  looked_ = now;
  for (const Neighbour& neighbour : neighbours_) {
    if (missing_) break;
    if (condition_of(neighbour) == Condition::kGone) missing_ = Missing{neighbour, now};
  }
  if (!missing_ || now - missing_->since < confirmation_) return std::nullopt;
  return text(missing_->neighbour) + " gone";
}

std::string PeerWatch::remarks() const {
  std::string remarks;
  for (const Neighbour& neighbour : neighbours_) {
    const Condition condition = condition_of(neighbour);
    if (condition == Condition::kRunning) continue;
    remarks += fmt::format("; {} is {}", text(neighbour), condition == Condition::kGone ? "gone" : "stopped");
  }
  return remarks;
}

std::string PeerWatch::text(const Neighbour& neighbour) const {
  return fmt::format("rank {} (process {} on {})", neighbour.rank.value, neighbour.process, host_);
}

}  // namespace alignment::dist::detail
