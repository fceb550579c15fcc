#include "kernels/parallel.hpp"

#include <atomic>
#include <chrono>
#include <exception>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace alignment::kernels::cpu::detail {
namespace {

using Clock = std::chrono::steady_clock;

/// A thread that comes back from sleep costs about as much.
constexpr std::chrono::microseconds kSpin{40};
/// Loops that are looked back on together to see whether sharing them has paid.
constexpr std::chrono::milliseconds kWindow{5};
constexpr std::chrono::milliseconds kShortestPause{50}, kLongestPause{2000};
/// What sharing that does not pay may cost at most is one part in so many.
constexpr int kPauseOfWindow = 20;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

/// Waits until `word` is no longer `seen`: spins a little, then sleeps.
void wait_while(const std::atomic<std::uint32_t>& word, std::uint32_t seen) {
  constexpr int kPausesPerLook = 16;
  const Clock::time_point end = Clock::now() + kSpin;
  do {
    for (int k = 0; k < kPausesPerLook; ++k) {
      if (word.load(std::memory_order_acquire) != seen) return;
      pause();
    }
  } while (Clock::now() < end);
  word.wait(seen, std::memory_order_acquire);
}

/// Whether sharing loops pays: compares the time that loops took with the time that they would have taken alone, as the
/// caller's own parts of them tell.
class Usefulness {
 public:
  [[nodiscard]] bool shares(Clock::time_point now) const { return now >= alone_until_; }

  /// One shared loop: from `begin` to `end`, of which the caller did `own` of `parts` from `ready` to `done`.
  void add(Clock::time_point begin, Clock::time_point ready, Clock::time_point done, Clock::time_point end,
           std::int64_t own, std::int64_t parts, int threads) {
    const Clock::duration together = end - begin;
    together_ += together;
    // Where the caller did none, its own time says nothing: then all threads were as fast.
    alone_ += own > 0 ? std::min((done - ready) * parts / own, together * threads) : together * threads;
    if (together_ < kWindow) return;
    if (together_ > alone_) {
      pause_ = std::clamp<Clock::duration>(2 * pause_, kShortestPause, kLongestPause);
      alone_until_ = end + std::max(pause_, kPauseOfWindow * together_);
    } else {
      pause_ = {};
    }
    together_ = alone_ = {};
  }

 private:
  Clock::duration together_{}, alone_{}, pause_{};
  Clock::time_point alone_until_{};
};

/// The threads that help callers. One loop at a time is shared.
class Helpers {
 public:
  void run(const SharedLoop& loop, int threads);

 private:
  void grow(int count);
  void serve();
  /// Does parts until none is left: how many.
  std::int64_t take_part(int thread);

  std::atomic_flag shared_;  ///< whether a loop is being shared
  std::vector<std::thread> threads_;
  bool may_grow_ = true;
  Usefulness usefulness_;

  // The loop being shared. Whoever has a seat may read it: it changes only when all have left theirs.
  SharedLoop loop_;
  std::uint32_t seats_ = 0;
  std::exception_ptr error_;
  std::atomic<bool> failed_ = false;
  std::atomic<std::int64_t> next_part_ = 0;

  alignas(64) std::atomic<std::uint32_t> started_ = 0;     ///< loops begun: what helpers without work wait for
  alignas(64) std::atomic<std::uint32_t> free_seats_ = 0;  ///< 0 once the loop's parts are all taken
  alignas(64) std::atomic<std::uint32_t> left_ = 0;        ///< seats taken and left again
};

/// Where memory or the system's limits allow no more threads, those there are have to do.
void Helpers::grow(int count) {
  try {
    if (static_cast<std::size_t>(count) > threads_.capacity()) threads_.reserve(static_cast<std::size_t>(count));
    while (may_grow_ && static_cast<int>(threads_.size()) < count) threads_.emplace_back([this] { serve(); });
  } catch (const std::system_error&) {
    may_grow_ = false;
  } catch (const std::bad_alloc&) {
    may_grow_ = false;
  }
}

std::int64_t Helpers::take_part(int thread) {
  std::int64_t done = 0;
  while (!failed_.load(std::memory_order_relaxed)) {
    const std::int64_t part = next_part_.fetch_add(1, std::memory_order_relaxed);
    if (part >= loop_.parts) break;
    try {
      loop_.call(loop_.loop, part, thread);
    } catch (...) {
      if (!failed_.exchange(true)) error_ = std::current_exception();
    }
    ++done;
  }
  return done;
}

void Helpers::serve() {
  std::uint32_t seen = 0;
  for (;;) {
    wait_while(started_, seen);
    seen = started_.load(std::memory_order_acquire);
    std::uint32_t free = free_seats_.load(std::memory_order_acquire);
    while (free > 0 && !free_seats_.compare_exchange_weak(free, free - 1, std::memory_order_acq_rel)) {
    }
    if (free == 0) continue;
    take_part(static_cast<int>(seats_ - free) + 1);
    left_.fetch_add(1, std::memory_order_acq_rel);
    left_.notify_one();
  }
}

void Helpers::run(const SharedLoop& loop, int threads) {
  const auto alone = [&] {
    for (std::int64_t part = 0; part < loop.parts; ++part) loop.call(loop.loop, part, 0);
  };
  if (shared_.test_and_set(std::memory_order_acquire)) return alone();
  struct Release {
    std::atomic_flag& flag;
    ~Release() { flag.clear(std::memory_order_release); }
  } const release{shared_};
  const Clock::time_point begin = Clock::now();
  if (!usefulness_.shares(begin)) return alone();
  grow(threads - 1);
  const auto wanted = static_cast<int>(std::min<std::int64_t>(threads - 1, loop.parts - 1));
  const int seats = std::min(wanted, static_cast<int>(threads_.size()));
  if (seats == 0) return alone();

  loop_ = loop;
  seats_ = static_cast<std::uint32_t>(seats);
  error_ = nullptr;
  failed_.store(false, std::memory_order_relaxed);
  next_part_.store(0, std::memory_order_relaxed);
  left_.store(0, std::memory_order_relaxed);
  free_seats_.store(seats_, std::memory_order_release);
  started_.fetch_add(1, std::memory_order_release);
  if (seats == static_cast<int>(threads_.size())) {
    started_.notify_all();
  } else {
    for (int k = 0; k < seats; ++k) started_.notify_one();
  }

  const Clock::time_point ready = Clock::now();
  const std::int64_t own = take_part(0);
  const Clock::time_point done = Clock::now();
  const std::uint32_t taken = seats_ - free_seats_.exchange(0, std::memory_order_acq_rel);
  for (std::uint32_t left = left_.load(std::memory_order_acquire); left != taken;
       left = left_.load(std::memory_order_acquire)) {
    wait_while(left_, left);
  }
  usefulness_.add(begin, ready, done, Clock::now(), own, loop.parts, threads);
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

/// Never destroyed: its threads may still wait when the process ends.
Helpers& helpers() {
  static Helpers& instance = *new Helpers;  // NOLINT(cppcoreguidelines-owning-memory)
  return instance;
}

}  // namespace

void run(const SharedLoop& loop, int threads) {
  if (threads > 1 && loop.parts > 1) return helpers().run(loop, threads);
  for (std::int64_t part = 0; part < loop.parts; ++part) loop.call(loop.loop, part, 0);
}

}  // namespace alignment::kernels::cpu::detail
