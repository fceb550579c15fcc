#pragma once

#include <chrono>
#include <cstdint>

namespace alignment::dist::detail {

/// What a wait is for: peers that may be late, or data that moves only while every rank keeps polling.
enum class Awaited : std::uint8_t { kPeers, kData };

/// Notices time in which the process of a waiting thread did not run, as one that was stopped: no deadline may count
/// it. Its peers waited for it, not the other way round.
class Standstill {
 public:
  using Clock = std::chrono::steady_clock;

  /// What has passed since the last look, where that is more than a thread that runs lets pass; otherwise 0.
  [[nodiscard]] Clock::duration look(Clock::time_point now);
  /// Time up to `now` was spent otherwise.
  void skip_to(Clock::time_point now) { looked_ = now; }

 private:
  Clock::time_point looked_ = Clock::now();
};

/// How one waiting thread spends its time until something is ready or its deadline has passed.
///
/// Most collectives end within microseconds, so it spins first. Then it gives the core away: with more ranks than
/// cores, the rank that everyone waits for needs it. It yields for a while (long for data, where a sleep would stall
/// the transfer), and at last sleeps an eighth of the time waited so far, at most a millisecond, so that a sleep never
/// adds much to the wait. A standstill of the process does not count.
class Patience {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Patience(std::chrono::duration<double> limit) : limit_(limit) {}

  /// A new wait towards the same deadline.
  void start(Awaited awaited);
  /// Rests for a moment. False once the deadline has passed.
  [[nodiscard]] bool rest();
  /// Since this was made, without standstills.
  [[nodiscard]] std::chrono::duration<double> waited() const { return Clock::now() - made_; }

 private:
  Clock::time_point made_ = Clock::now();
  Clock::time_point started_ = made_;
  Standstill standstill_;
  Awaited awaited_ = Awaited::kPeers;
  std::chrono::duration<double> limit_;
};

}  // namespace alignment::dist::detail
