#include "dist/watch/last_resort.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "dist/mpi/call.hpp"
#include "dist/watch/patience.hpp"

namespace alignment::dist::detail {
namespace {

constexpr std::chrono::milliseconds kInterval{100};

}  // namespace

LastResort::LastResort(std::string advice)
    : who_(who()), advice_(std::move(advice)), thread_([this] { keep_watch(); }) {}

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
      Expectation{until, within, code, nullptr, nullptr, std::move(line)};
}

void LastResort::expect_return(Awaited awaited, const char* call, std::chrono::duration<double> within,
                               FindDetail find_detail) {
  const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(within);
  const std::lock_guard lock(mutex_);
  expectations_[static_cast<std::size_t>(awaited)] = Expectation{until, within, kTimeoutCode, call, find_detail, {}};
}

void LastResort::met(Awaited awaited) {
  const std::lock_guard lock(mutex_);
  expectations_[static_cast<std::size_t>(awaited)].reset();
}

void LastResort::keep_watch() {
  std::unique_lock lock(mutex_);
  Standstill standstill;
  while (!wake_.wait_for(lock, kInterval, [this] { return leaving_; })) {
    const Clock::time_point now = Clock::now();
    put_off(standstill.look(now));
    if (const Expectation* late = overdue(now)) end_process(*late);
  }
}

void LastResort::put_off(Clock::duration stood_still) {
  for (std::optional<Expectation>& expectation : expectations_) {
    if (expectation) expectation->until += stood_still;
  }
}

const LastResort::Expectation* LastResort::overdue(Clock::time_point now) const {
  for (const std::optional<Expectation>& expectation : expectations_) {
    if (expectation && now >= expectation->until) return &*expectation;
  }
  return nullptr;
}

void LastResort::end_process(const Expectation& expectation) const {
  const std::string line =
      expectation.call == nullptr
          ? expectation.line
          : fmt::format("{}: found no return from {} after {:.1f} s{}; expected one, or an error; {}", who_,
                        expectation.call, expectation.within.count(),
                        expectation.find_detail == nullptr ? "" : expectation.find_detail(), advice_);
  const std::string printed = line.empty() ? "" : fmt::format("error: {}\n", line);
  static_cast<void>(::write(STDERR_FILENO, printed.data(), printed.size()) < 0);
  _exit(expectation.code);
}

LastResort& last_resort() {
  static LastResort& kept = *new LastResort("look for a stopped, lost or overloaded rank, or raise dist.timeout_s");
  return kept;
}

}  // namespace alignment::dist::detail
