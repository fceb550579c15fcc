#pragma once

#include <chrono>

#include "dist/watch/running_time.hpp"

namespace alignment::dist::detail {

/// How one waiting thread spends its time until something is ready or its deadline has passed.
///
/// Most collectives end within microseconds, so it spins first. Then it gives the core away: with more ranks than
/// cores, the rank that everyone waits for needs it. It yields for a while, and at last sleeps an eighth of the time
/// waited so far, at most a millisecond, so that a sleep never adds much to the wait. Time in which the process was
/// stopped does not count.
class PollingWait {
 public:
  /// How long to yield before sleeping: for peers that may be late; and for data that move only while every rank keeps
  /// polling, where a sleep would stall them.
  static constexpr std::chrono::milliseconds kYieldForPeers{1};
  static constexpr std::chrono::milliseconds kYieldForData{100};

  explicit PollingWait(Seconds limit) : limit_(limit) {}

  /// A new wait towards the same deadline. Without it there is one, for peers.
  void start(std::chrono::milliseconds yield_for);
  /// Rests for a moment. False once the deadline has passed.
  [[nodiscard]] bool rest();
  /// Since this was made.
  [[nodiscard]] Seconds waited() const { return time_.passed(); }

 private:
  RunningTime time_;
  Seconds limit_;
  Seconds started_{0};
  std::chrono::milliseconds yield_for_ = kYieldForPeers;
};

}  // namespace alignment::dist::detail
