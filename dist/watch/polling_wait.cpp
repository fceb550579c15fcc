#include "dist/watch/polling_wait.hpp"

#include <algorithm>
#include <thread>

namespace alignment::dist::detail {
namespace {

constexpr std::chrono::microseconds kSpin{50};
constexpr std::chrono::milliseconds kLongestSleep{1};

}  // namespace

void PollingWait::start(std::chrono::milliseconds yield_for) {
  started_ = time_.passed();
  yield_for_ = yield_for;
}

bool PollingWait::rest() {
  const Seconds now = time_.look();
  if (now >= limit_) return false;
  const Seconds resting = now - started_;
  if (resting < kSpin) return true;
  if (resting < yield_for_) {
    std::this_thread::yield();
  } else {
    std::this_thread::sleep_for(std::min<Seconds>(resting / 8, kLongestSleep));
  }
  return true;
}

}  // namespace alignment::dist::detail
