#include "dist/watch/watchdog.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "dist/mpi/call.hpp"
#include "dist/watch/running_time.hpp"

namespace alignment::dist {
namespace {

constexpr std::chrono::milliseconds kInterval{100};

const char* advice(Awaited awaited) {
  switch (awaited) {
    case Awaited::kRanks:
      return "look for a stopped, lost or overloaded rank, or raise dist.timeout_s";
    case Awaited::kNccl:
      return "look for a stopped or lost rank and at the GPU's driver";
    case Awaited::kGpu:
      return "see what the system says of the GPU, or raise dist.timeout_s";
    case Awaited::kFileSystem:
      return "look at the file system and the way to it, or raise dist.timeout_s";
  }
  return "";
}

}  // namespace

namespace detail {

/// The thread that looks after this process's deadlines. It lives for as long as the process, so that it is there when
/// everything else is being left, and nobody waits for it.
class Watchdog {
 public:
  static Watchdog& instance() {
    static Watchdog& kept = *new Watchdog;
    return kept;
  }

  void add(Deadline& deadline) {
    const std::lock_guard lock(mutex_);
    deadline.until_ = time_.passed() + deadline.timeout_;
    deadlines_.push_back(&deadline);
  }

  void remove(const Deadline& deadline) {
    const std::lock_guard lock(mutex_);
    deadlines_.erase(std::find(deadlines_.begin(), deadlines_.end(), &deadline));
  }

 private:
  Watchdog() {
    std::thread([this] { keep_watch(); }).detach();
  }

  [[noreturn]] void keep_watch() {
    for (;;) {
      std::this_thread::sleep_for(kInterval);
      const std::lock_guard lock(mutex_);
      const Seconds now = time_.look();
      const auto first = std::min_element(deadlines_.begin(), deadlines_.end(),
                                          [](const auto* a, const auto* b) { return a->until_ < b->until_; });
      if (first != deadlines_.end() && now >= (*first)->until_) end_process(**first);
    }
  }

  [[noreturn]] void end_process(const Deadline& missed) const {
    const std::string text = missed.text(who_);
    const std::string printed = text.empty() ? "" : fmt::format("error: {}\n", text);
    static_cast<void>(::write(STDERR_FILENO, printed.data(), printed.size()) < 0);
    _exit(missed.code_);
  }

  const std::string who_ = who();
  std::mutex mutex_;  ///< over all that follows, and over the deadlines
  RunningTime time_;
  std::vector<Deadline*> deadlines_;
};

}  // namespace detail

Deadline::Deadline(Awaited awaited, const char* work, std::chrono::duration<double> timeout,
                   std::string (*files_in_use)())
    : timeout_(timeout), awaited_(awaited), work_(work), files_in_use_(files_in_use) {
  detail::Watchdog::instance().add(*this);
}

Deadline::Deadline(std::chrono::duration<double> timeout, int code, std::string line)
    : timeout_(timeout), code_(code), line_(std::move(line)) {
  detail::Watchdog::instance().add(*this);
}

Deadline::~Deadline() {
  detail::Watchdog::instance().remove(*this);
}

std::string Deadline::text(const std::string& who) const {
  if (work_ == nullptr) return line_;
  const std::string files = files_in_use_ == nullptr ? "" : files_in_use_();
  return fmt::format("{}: found no return from {} after {:.1f} s{}; expected one, or an error; {}", who, work_,
                     timeout_.count(), files.empty() ? "" : fmt::format(" (at work on {})", files), advice(awaited_));
}

}  // namespace alignment::dist
