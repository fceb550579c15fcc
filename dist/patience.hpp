#pragma once

#include <chrono>

namespace dejavid::dist::detail {

/// How one waiting thread spends its time until something is ready or its deadline has passed.
///
/// Most collectives end within microseconds, so it spins first. Then it gives the core away, first by yielding, at last
/// by sleeping in steps that double up to a millisecond: with more ranks than cores, the rank that everyone waits for
/// needs the core.
class Patience {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Patience(std::chrono::duration<double> limit) : limit_(limit) {}

  /// Rests for a moment. False once the limit has passed.
  [[nodiscard]] bool rest();
  /// Progress was made: spins again, towards the same deadline.
  void renew();
  /// Since this was made.
  [[nodiscard]] std::chrono::duration<double> waited() const { return Clock::now() - start_; }

 private:
  Clock::time_point start_ = Clock::now();
  Clock::time_point rest_start_ = start_;
  std::chrono::duration<double> limit_;
  std::chrono::microseconds next_sleep_{0};
};

}  // namespace dejavid::dist::detail
