#include "dist/watch/patience.hpp"

#include <algorithm>
#include <thread>

namespace alignment::dist::detail {
namespace {

using std::chrono::microseconds;

constexpr microseconds kSpin{50};
constexpr microseconds kYieldForPeers{1'000};
constexpr microseconds kYieldForData{100'000};
constexpr microseconds kLongestSleep{1'000};
constexpr std::chrono::milliseconds kShortestStandstill{500};

}  // namespace

Standstill::Clock::duration Standstill::look(Clock::time_point now) {
  const Clock::duration passed = now - looked_;
  looked_ = now;
  return passed >= kShortestStandstill ? passed : Clock::duration::zero();
}

void Patience::start(Awaited awaited) {
  started_ = Clock::now();
  awaited_ = awaited;
}

bool Patience::rest() {
  const Clock::time_point now = Clock::now();
  made_ += standstill_.look(now);
  if (now - made_ >= limit_) return false;
  const Clock::duration resting = now - started_;
  if (resting < kSpin) return true;
  if (resting < (awaited_ == Awaited::kData ? kYieldForData : kYieldForPeers)) {
    std::this_thread::yield();
  } else {
    std::this_thread::sleep_for(std::min<Clock::duration>(resting / 8, kLongestSleep));
  }
  return true;
}

}  // namespace alignment::dist::detail
