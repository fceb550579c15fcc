#pragma once

#include <chrono>

namespace alignment::dist::detail {

using Seconds = std::chrono::duration<double>;

/// For how long this process has been running since this was made. Time in which it was stopped does not count: its
/// peers waited for it, not the other way round. One thread looks, twice in 500 ms at least while the process runs; it
/// takes a longer gap for a stop.
class RunningTime {
 public:
  [[nodiscard]] Seconds look() {
    const Clock::time_point now = Clock::now();
    if (now - looked_ >= kShortestStop) begun_ += now - looked_;
    looked_ = now;
    return now - begun_;
  }
  /// The thread was busy since its last look, so that this gap is no stop.
  void skip() { looked_ = Clock::now(); }
  /// As of the last look, plus what has passed since.
  [[nodiscard]] Seconds passed() const { return Clock::now() - begun_; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kShortestStop{500};

  Clock::time_point begun_ = Clock::now();
  Clock::time_point looked_ = begun_;
};

}  // namespace alignment::dist::detail
