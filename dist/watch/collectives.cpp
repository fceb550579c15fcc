#include "dist/watch/collectives.hpp"

#include <fmt/format.h>

#include <utility>

#include "dist/mpi/call.hpp"

namespace alignment::dist::detail {
namespace {

constexpr std::chrono::milliseconds kInterval{50};
/// How far the host may run ahead.
constexpr std::size_t kRecords = 512;

std::string describe(const Collective& collective, std::uint64_t number) {
  const std::string step = collective.step < 0 ? "" : fmt::format(", step {}", collective.step);
  return fmt::format("{} number {} ({} float32 values{})", collective.operation, number + 1, collective.count, step);
}

}  // namespace

Collectives::Collectives(Seconds timeout, Seconds grace, AskLibrary ask_library)
    : timeout_(timeout), grace_(grace), who_(who()), ask_library_(std::move(ask_library)), records_(kRecords) {
  int device = 0;
  CUDA_CHECK(cudaGetDevice(&device));
  thread_ = std::thread([this, device] { watch(device); });
}

Collectives::~Collectives() {
  {
    const std::lock_guard lock(mutex_);
    leaving_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Collectives::make_room() {
  cudaEvent_t oldest = nullptr;
  {
    const std::lock_guard lock(mutex_);
    retire();
    if (issued_ - done_ < records_.size()) return;
    oldest = record(done_).ended.get();
  }
  wait_for(oldest, [this] { check(); });
  const std::lock_guard lock(mutex_);
  retire();
}

void Collectives::before(const Collective& collective, cudaStream_t stream) {
  make_room();
  const std::lock_guard lock(mutex_);
  Record& next = record(issued_);
  next.collective = collective;
  next.number = issued_;
  next.running_since.reset();
  handed_over_ = time_.passed();
  CUDA_CHECK(cudaEventRecord(next.begun.get(), stream));
}

void Collectives::after(cudaStream_t stream) {
  const std::lock_guard lock(mutex_);
  CUDA_CHECK(cudaEventRecord(record(issued_).ended.get(), stream));
  ++issued_;
}

void Collectives::check() {
  if (!failed_) return;
  const std::lock_guard lock(mutex_);
  if (!std::exchange(thrown_, true)) leave_soon(kTimeToLeave, failure_.code, failure_.message);
  if (failure_.code == kTimeoutCode) throw TimeoutError(failure_.message);
  throw RankLostError(failure_.message);
}

void Collectives::fail_with_timeout() {
  const std::lock_guard lock(mutex_);
  fail_with_timeout(record(issued_), time_.passed() - handed_over_);
}

void Collectives::fail_with_error(const std::string& error) {
  const std::lock_guard lock(mutex_);
  fail_with_error(&record(issued_), error);
}

bool Collectives::busy() noexcept {
  const std::lock_guard lock(mutex_);
  retire();
  return done_ != issued_;
}

void Collectives::forget() noexcept {
  const std::lock_guard lock(mutex_);
  done_ = issued_;
  giving_up_.reset();
}

void Collectives::watch(int device) {
  std::unique_lock lock(mutex_);
  // Without it this thread's calls would set up a context on GPU 0.
  if (const cudaError_t result = cudaSetDevice(device); result != cudaSuccess) {
    fail_with_error(nullptr, fmt::format("CUDA error {} ({})", static_cast<int>(result), cudaGetErrorString(result)));
  }
  while (!wake_.wait_for(lock, kInterval, [this] { return leaving_; })) {
    if (!failed_) look();
  }
}

void Collectives::look() {
  static_cast<void>(time_.look());
  const Deadline deadline(Awaited::kNccl, "a look at the collectives under way", timeout_ + grace_);
  retire();
  if (const std::optional<std::string> error = ask_library_()) {
    fail_with_error(done_ != issued_ ? &record(done_) : nullptr, *error);
  } else if (done_ != issued_) {
    look_at_oldest();
  }
  time_.skip();
}

/// An event in error says nothing about its collective. The owner's next call meets the same error and says so.
void Collectives::retire() {
  while (done_ != issued_ && query(record(done_).ended.get()) == cudaSuccess) ++done_;
}

void Collectives::look_at_oldest() {
  Record& oldest = record(done_);
  const Seconds now = time_.passed();
  if (!oldest.running_since) {
    if (query(oldest.begun.get()) == cudaSuccess) oldest.running_since = now;
  } else if (now - *oldest.running_since >= timeout_) {
    fail_with_timeout(oldest, now - *oldest.running_since);
  }
}

void Collectives::fail_with_timeout(const Record& late, Seconds waited) {
  fail(kTimeoutCode, fmt::format("{}: found no end of {} after {:.1f} s; expected every rank within {} s; "
                                 "look for a stopped, lost or overloaded rank, or raise dist.timeout_s",
                                 who_, describe(late.collective, late.number), waited.count(), timeout_.count()));
}

void Collectives::fail_with_error(const Record* current, const std::string& error) {
  const std::string when =
      current == nullptr ? "between collectives" : "during " + describe(current->collective, current->number);
  fail(kRankLostCode, fmt::format("{}: found {} {}; expected every rank to be there; "
                                  "see what the other ranks reported, then start again from the last checkpoint",
                                  who_, error, when));
}

void Collectives::fail(int code, std::string line) {
  if (failed_) return;
  mark_peers_unreachable();
  failure_ = {code, std::move(line)};
  failed_ = true;
  giving_up_.emplace(grace_, code, failure_.message);
}

}  // namespace alignment::dist::detail
