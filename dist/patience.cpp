#include "dist/patience.hpp"

#include <algorithm>
#include <thread>

namespace dejavid::dist::detail {
namespace {

using std::chrono::microseconds;

constexpr microseconds kSpin{50};
constexpr microseconds kYield{1000};
constexpr microseconds kFirstSleep{20};
constexpr microseconds kLongestSleep{1000};

}  // namespace

bool Patience::rest() {
  const Clock::time_point now = Clock::now();
  if (now - start_ >= limit_) return false;
  const auto resting = now - rest_start_;
  if (resting < kSpin) return true;
  if (resting < kYield) {
    std::this_thread::yield();
    return true;
  }
  next_sleep_ = std::clamp(next_sleep_ * 2, kFirstSleep, kLongestSleep);
  std::this_thread::sleep_for(next_sleep_);
  return true;
}

void Patience::renew() {
  rest_start_ = Clock::now();
  next_sleep_ = microseconds{0};
}

}  // namespace dejavid::dist::detail
