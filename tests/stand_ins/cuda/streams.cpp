#include "streams.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "memory.hpp"

namespace alignment::cuda_shim {
namespace {

constexpr std::chrono::microseconds kAskAgain{100};

}  // namespace

Streams& streams() {
  static auto* const the_streams = [] {
    auto* const made = new Streams;  // calls from destructors of globals still find it
    made->set_seed(number_from_environment("DEJAVID_SHIM_SEED", 1));
    std::atexit([] { streams().stop(); });
    return made;
  }();
  return *the_streams;
}

cudaStream_t Streams::create(int device, bool blocking, int priority) {
  const std::lock_guard lock(mutex_);
  streams_.push_back(std::make_unique<CUstream_st>());
  CUstream_st* const stream = streams_.back().get();
  stream->device = device;
  stream->blocking = blocking;
  stream->priority = priority;
  handles_.insert(stream);
  return stream;
}

void Streams::destroy(cudaStream_t stream) {
  const std::lock_guard lock(mutex_);
  handles_.erase(stream);
  work_.notify_all();
}

bool Streams::known(cudaStream_t stream) {
  const std::lock_guard lock(mutex_);
  return handles_.contains(stream);
}

int Streams::priority(cudaStream_t stream) {
  const std::lock_guard lock(mutex_);
  return stream == nullptr ? 0 : stream->priority;
}

std::vector<int> Streams::priorities() {
  const std::lock_guard lock(mutex_);
  std::vector<int> result;
  for (const auto& stream : streams_) {
    if (handles_.contains(stream.get())) result.push_back(stream->priority);
  }
  return result;
}

cudaEvent_t Streams::create_event(bool timed) {
  const std::lock_guard lock(mutex_);
  auto* const event = new CUevent_st;
  event->timed = timed;
  events_.insert(event);
  return event;
}

void Streams::destroy(cudaEvent_t event) {
  const std::lock_guard lock(mutex_);
  events_.erase(event);
  delete event;
}

bool Streams::known(cudaEvent_t event) {
  const std::lock_guard lock(mutex_);
  return events_.contains(event);
}

/// Called with the lock, as everything private.
CUstream_st* Streams::resolve(cudaStream_t stream, int device) {
  if (stream != nullptr) return stream;
  for (const auto& known : streams_) {
    if (known->legacy && known->device == device) return known.get();
  }
  streams_.push_back(std::make_unique<CUstream_st>());
  streams_.back()->device = device;
  streams_.back()->legacy = true;
  return streams_.back().get();
}

void Streams::start() {
  if (!started_) {
    started_ = true;
    process_ = getpid();
    thread_ = std::thread([this] { work(); });
  } else if (process_ != getpid()) {
    fail("a process that forked after its first CUDA call cannot call CUDA (tests: death tests of style threadsafe)");
  } else if (std::this_thread::get_id() == thread_.get_id()) {
    fail("CUDA was called from a function that runs in a stream");
  }
}

void Streams::push(cudaStream_t stream, int device, Operation operation) {
  start();
  CUstream_st* const queue = resolve(stream, device);
  operation.number = next_number_++;
  queue->operations.push_back(std::move(operation));
  work_.notify_all();
}

void Streams::enqueue(cudaStream_t stream, int device, std::function<bool()> run) {
  const std::lock_guard lock(mutex_);
  push(stream, device, {.run = std::move(run)});
}

void Streams::enqueue_late(cudaStream_t stream, int device, std::function<bool()> run) {
  const std::lock_guard lock(mutex_);
  push(stream, device,
       {.run = [run = std::move(run), turns = chance_.below(4)]() mutable { return turns-- == 0 ? run() : false; }});
}

void Streams::launch(cudaStream_t stream, int device, std::function<void(std::uint64_t)> grid) {
  const std::lock_guard lock(mutex_);
  static const auto stuck = static_cast<std::int64_t>(number_from_environment("DEJAVID_SHIM_STUCK", 0));
  Operation operation{.run = [grid = std::move(grid), seed = chance_.draw()] {
    grid(seed);
    return true;
  }};
  if (++launches_ == stuck) operation.ready = [] { return false; };
  push(stream, device, std::move(operation));
}

void Streams::record(cudaEvent_t event, cudaStream_t stream, int device) {
  const std::lock_guard lock(mutex_);
  const auto moments = event->moments;
  const std::uint64_t number = ++moments->recorded;
  push(stream, device, {.done = [moments, number] {
         moments->happened = std::max(moments->happened, number);
         moments->time = std::chrono::steady_clock::now();
       }});
}

void Streams::wait_for(cudaEvent_t event, cudaStream_t stream, int device) {
  const std::lock_guard lock(mutex_);
  const auto moments = event->moments;
  push(stream, device, {.ready = [moments, number = moments->recorded] { return moments->happened >= number; }});
}

bool Streams::passed(const CUstream_st& stream, std::uint64_t number) const {
  return stream.operations.empty() || stream.operations.front().number > number;
}

/// The legacy default stream waits for all that was enqueued before on blocking streams, and they for it.
bool Streams::may_run(const CUstream_st& stream) {
  if (stream.operations.empty()) return false;
  const Operation& operation = stream.operations.front();
  for (const auto& other : streams_) {
    if (other.get() == &stream || other->device != stream.device || !stream.blocking || !other->blocking) continue;
    if (stream.legacy != other->legacy && !passed(*other, operation.number)) return false;
  }
  return !operation.ready || operation.ready();
}

std::vector<CUstream_st*> Streams::runnable() {
  std::erase_if(streams_, [&](const auto& stream) {
    return stream->operations.empty() && !stream->legacy && !handles_.contains(stream.get());
  });
  std::vector<CUstream_st*> result;
  for (const auto& stream : streams_) {
    if (may_run(*stream)) result.push_back(stream.get());
  }
  return result;
}

void Streams::work() {
  std::unique_lock lock(mutex_);
  std::vector<const CUstream_st*> asked;  // in vain, since something went on
  while (!stopping_) {
    std::vector<CUstream_st*> choice = runnable();
    const bool none = choice.empty();
    std::erase_if(choice, [&](const CUstream_st* stream) {
      return std::find(asked.begin(), asked.end(), stream) != asked.end();
    });
    if (choice.empty()) {
      asked.clear();
      if (none) {
        work_.wait(lock);
      } else {
        work_.wait_for(lock, kAskAgain);
      }
      continue;
    }
    CUstream_st* const stream = choice[chance_.below(choice.size())];
    Operation& operation = stream->operations.front();  // a deque: stays where it is while others are pushed
    bool done = true;
    if (operation.run) {
      lock.unlock();
      done = operation.run();
      lock.lock();
    }
    if (!done) {
      asked.push_back(stream);
      continue;
    }
    if (operation.done) operation.done();
    stream->operations.pop_front();
    asked.clear();
    progress_.notify_all();
  }
}

void Streams::wait_until(std::unique_lock<std::mutex>& lock, const std::function<bool()>& condition) {
  if (condition()) return;
  start();
  progress_.wait(lock, [&] { return condition() || stopping_; });
}

/// Whether `stream`, with the legacy default stream all blocking ones, is past the operation `number`.
bool Streams::all_passed(const CUstream_st* stream, int device, std::uint64_t number) {
  const bool legacy = resolve(nullptr, device) == stream;
  return std::all_of(streams_.begin(), streams_.end(), [&](const auto& other) {
    const bool counts = other.get() == stream || (legacy && other->device == device && other->blocking);
    return !counts || passed(*other, number);
  });
}

bool Streams::idle(cudaStream_t stream, int device) {
  const std::lock_guard lock(mutex_);
  return all_passed(resolve(stream, device), device, next_number_ - 1);
}

void Streams::synchronize(cudaStream_t stream, int device) {
  std::unique_lock lock(mutex_);
  const CUstream_st* const queue = resolve(stream, device);
  const std::uint64_t number = next_number_ - 1;
  wait_until(lock, [&] { return all_passed(queue, device, number); });
}

void Streams::synchronize_device(int device) {
  std::unique_lock lock(mutex_);
  const std::uint64_t number = next_number_ - 1;
  wait_until(lock, [&] {
    return std::all_of(streams_.begin(), streams_.end(),
                       [&](const auto& other) { return other->device != device || passed(*other, number); });
  });
}

bool Streams::happened(cudaEvent_t event) {
  const std::lock_guard lock(mutex_);
  return event->moments->happened == event->moments->recorded;
}

void Streams::synchronize(cudaEvent_t event) {
  std::unique_lock lock(mutex_);
  const auto moments = event->moments;
  const std::uint64_t number = moments->recorded;
  wait_until(lock, [&] { return moments->happened >= number; });
}

CUevent_st::Moments Streams::moments(cudaEvent_t event) {
  const std::lock_guard lock(mutex_);
  return *event->moments;
}

void Streams::set_seed(std::uint64_t seed) {
  const std::lock_guard lock(mutex_);
  chance_ = Chance(seed);
}

void Streams::fill(Held& held) {
  const std::lock_guard lock(mutex_);
  held.streams = static_cast<std::int64_t>(handles_.size());
  held.events = static_cast<std::int64_t>(events_.size());
  held.launches = launches_;
}

void Streams::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    work_.notify_all();
    progress_.notify_all();
    if (!started_) return;
  }
  if (process_ != getpid() || std::this_thread::get_id() == thread_.get_id()) {
    thread_.detach();  // a forked process has no such thread; the thread itself, calling exit(), ends with it
  } else {
    thread_.join();
  }
}

bool Streams::stopped() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

}  // namespace alignment::cuda_shim
