#include "dist/watch/collective_watch.hpp"

#include <fmt/format.h>

#include <utility>

#include "dist/errors.hpp"
#include "dist/mpi/call.hpp"
#include "dist/watch/patience.hpp"

namespace alignment::dist::detail {
namespace {

constexpr std::chrono::milliseconds kInterval{50};
/// How far the host may run ahead.
constexpr std::size_t kRecords = 512;

}  // namespace

CollectiveWatch::CollectiveWatch(Deadlines deadlines, LastResort& last_resort, AskLibrary ask_library)
    : deadlines_(deadlines),
      who_(who()),
      last_resort_(last_resort),
      ask_library_(std::move(ask_library)),
      records_(kRecords) {
  int device = 0;
  CUDA_CHECK(cudaGetDevice(&device));
  thread_ = std::thread([this, device] { watch(device); });
}

CollectiveWatch::~CollectiveWatch() {
  {
    const std::lock_guard lock(mutex_);
    leaving_ = true;
  }
  wake_.notify_all();
  thread_.join();
  last_resort_.met(LastResort::Awaited::kNotice);
}

void CollectiveWatch::make_room() {
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

void CollectiveWatch::before(const Collective& collective, cudaStream_t stream) {
  make_room();
  const std::lock_guard lock(mutex_);
  Record& next = record(issued_);
  next.collective = collective;
  next.number = issued_;
  next.running_since.reset();
  handed_over_ = Clock::now();
  CUDA_CHECK(cudaEventRecord(next.begun.get(), stream));
}

void CollectiveWatch::after(cudaStream_t stream) {
  const std::lock_guard lock(mutex_);
  CUDA_CHECK(cudaEventRecord(record(issued_).ended.get(), stream));
  ++issued_;
}

void CollectiveWatch::check() {
  if (!failed_) return;
  const std::lock_guard lock(mutex_);
  if (!noticed_) leave_soon(kTimeToLeave, failure_code_, failure_line_);
  noticed_ = true;
  std::rethrow_exception(failure_);
}

void CollectiveWatch::fail_with_timeout() {
  const std::lock_guard lock(mutex_);
  fail_with_timeout(record(issued_), Clock::now() - handed_over_);
}

void CollectiveWatch::fail_with_error(const std::string& error) {
  const std::lock_guard lock(mutex_);
  fail_with_error(&record(issued_), error);
}

bool CollectiveWatch::busy() noexcept {
  const std::lock_guard lock(mutex_);
  retire();
  return done_ != issued_;
}

void CollectiveWatch::forget() noexcept {
  const std::lock_guard lock(mutex_);
  done_ = issued_;
}

void CollectiveWatch::watch(int device) {
  std::unique_lock lock(mutex_);
  // Without it this thread's calls would set up a context on GPU 0.
  if (const cudaError_t result = cudaSetDevice(device); result != cudaSuccess) {
    fail_with_error(nullptr, fmt::format("CUDA error {} ({})", static_cast<int>(result), cudaGetErrorString(result)));
  }
  Standstill standstill;
  while (!wake_.wait_for(lock, kInterval, [this] { return leaving_; })) {
    if (failed_) continue;
    put_off(standstill.look(Clock::now()));
    {
      const BoundedCall call(last_resort_, LastResort::Awaited::kCallOfWatch, "a look at the collectives under way",
                             deadlines_.timeout + deadlines_.grace);
      look();
    }
    standstill.skip_to(Clock::now());
  }
}

void CollectiveWatch::look() {
  retire();
  if (const std::optional<std::string> error = ask_library_()) {
    fail_with_error(done_ != issued_ ? &record(done_) : nullptr, *error);
  } else if (done_ != issued_) {
    look_at_oldest();
  }
}

/// An event in error says nothing about its collective. The owner's next call meets the same error and says so.
void CollectiveWatch::retire() {
  while (done_ != issued_ && query(record(done_).ended.get()) == cudaSuccess) ++done_;
}

void CollectiveWatch::look_at_oldest() {
  Record& oldest = record(done_);
  const Clock::time_point now = Clock::now();
  if (!oldest.running_since) {
    if (query(oldest.begun.get()) == cudaSuccess) oldest.running_since = now;
  } else if (now - *oldest.running_since >= deadlines_.timeout) {
    fail_with_timeout(oldest, now - *oldest.running_since);
  }
}

void CollectiveWatch::put_off(Clock::duration stood_still) {
  for (std::uint64_t number = done_; number != issued_; ++number) {
    if (record(number).running_since) *record(number).running_since += stood_still;
  }
}

void CollectiveWatch::fail_with_timeout(const Record& late, Clock::duration waited) {
  const std::string line = fmt::format(
      "{}: found no end of {} after {:.1f} s; expected every rank within {} s; "
      "look for a stopped, lost or overloaded rank, or raise dist.timeout_s",
      who_, describe(late), std::chrono::duration<double>(waited).count(), deadlines_.timeout.count());
  fail(std::make_exception_ptr(TimeoutError(line)), kTimeoutCode, line);
}

void CollectiveWatch::fail_with_error(const Record* current, const std::string& error) {
  const std::string line = fmt::format(
      "{}: found {} {}; expected every rank to be there; "
      "see what the other ranks reported, then start again from the last checkpoint",
      who_, error, current == nullptr ? "between collectives" : "during " + describe(*current));
  fail(std::make_exception_ptr(RankLostError(line)), kRankLostCode, line);
}

void CollectiveWatch::fail(std::exception_ptr error, int code, std::string line) {
  if (failed_) return;
  mark_peers_unreachable();
  failure_ = std::move(error);
  failure_code_ = code;
  failure_line_ = std::move(line);
  failed_ = true;
  last_resort_.expect_notice(deadlines_.grace, code, failure_line_);
}

std::string CollectiveWatch::describe(const Record& one) const {
  const std::string step = one.collective.step < 0 ? "" : fmt::format(", step {}", one.collective.step);
  return fmt::format("{} number {} ({} float32 values{})", one.collective.operation, one.number + 1,
                     one.collective.count, step);
}

}  // namespace alignment::dist::detail
