#include "dist/last_resort.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "dist/mpi_call.hpp"

namespace dejavid::dist::detail {
namespace {

constexpr std::chrono::milliseconds kInterval{100};
constexpr int kTimeoutCode = 14;

}  // namespace

LastResort::LastResort() : who_(who()), thread_([this] { keep_watch(); }) {}

LastResort::~LastResort() {
  {
    const std::lock_guard lock(mutex_);
    leaving_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void LastResort::expect_notice(std::chrono::duration<double> within, int code, std::string line) {
  const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(within);
  const std::lock_guard lock(mutex_);
  expectations_[static_cast<std::size_t>(Awaited::kNotice)] =
      Expectation{until, within, code, nullptr, std::move(line)};
}

void LastResort::expect_return(Awaited awaited, const char* call, std::chrono::duration<double> within) {
  const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(within);
  const std::lock_guard lock(mutex_);
  expectations_[static_cast<std::size_t>(awaited)] = Expectation{until, within, kTimeoutCode, call, {}};
}

void LastResort::met(Awaited awaited) {
  const std::lock_guard lock(mutex_);
  expectations_[static_cast<std::size_t>(awaited)].reset();
}

void LastResort::keep_watch() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kInterval, [this] { return leaving_; })) {
    if (const Expectation* late = overdue(Clock::now())) end_process(*late);
  }
}

const LastResort::Expectation* LastResort::overdue(Clock::time_point now) const {
  for (const std::optional<Expectation>& expectation : expectations_) {
    if (expectation && now >= expectation->until) return &*expectation;
  }
  return nullptr;
}

void LastResort::end_process(const Expectation& expectation) const {
  const std::string line = expectation.call == nullptr
                               ? fmt::format("error: {}\n", expectation.line)
                               : fmt::format(
                                     "error: {}: found no return from {} after {:.1f} s; expected one, or an error; "
                                     "look for a stopped or lost rank and at the GPU's driver\n",
                                     who_, expectation.call, expectation.within.count());
  static_cast<void>(::write(STDERR_FILENO, line.data(), line.size()) < 0);
  _exit(expectation.code);
}

}  // namespace dejavid::dist::detail
