#include "src/encoding/job/worker_pool.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <new>
#include <utility>

#include "dist/topology.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/video/video_error.hpp"
#include "src/encoding/job/torch_threads.hpp"

namespace alignment::encoding {
namespace {

/// Ends the job where this host does not have the file that was listed: another one may, and the video is not bad.
void require_unchanged(const Video& video) {
  Video now = video;
  look_at_file(now);
  if (now.bytes == video.bytes && now.modified_ns == video.modified_ns) return;
  throw io::StoreError(
      fmt::format("{}: found another size or time than rank 0 found when it was listed; expected the same file on all "
                  "hosts, to which nothing writes; start again (on the host {})",
                  io::printable(video.file.string()), dist::host_name()));
}

}  // namespace

WorkerPool::WorkerPool(const Encoder& encoder, EncodingRule rule, const std::vector<Video>& videos, int threads)
    : encoder_(encoder), rule_(std::move(rule)), videos_(videos) {
  try {
    for (int thread = 0; thread < threads; ++thread) {
      threads_.emplace_back([this, &work = works_.emplace_back()] { run(work); });
    }
  } catch (...) {  // no room for another thread: those that run have to be joined
    abandon();
    for (std::thread& thread : threads_) thread.join();
    throw;
  }
}

WorkerPool::~WorkerPool() {
  abandon();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::give(std::int64_t number) {
  const std::lock_guard lock(mutex_);
  if (abandoned_) return;
  given_.push_back(number);
  ++in_hand_;
  given_condition_.notify_one();
}

std::int64_t WorkerPool::in_hand() const {
  const std::lock_guard lock(mutex_);
  return in_hand_;
}

std::vector<FinishedVideo> WorkerPool::take(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  finished_condition_.wait_for(lock, patience, [this] { return !finished_.empty(); });
  in_hand_ -= std::ssize(finished_);
  return std::exchange(finished_, {});
}

void WorkerPool::abandon() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
  in_hand_ -= std::ssize(given_);
  given_.clear();
  given_condition_.notify_all();
}

void WorkerPool::require_sound() const {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
}

EncodingTimes WorkerPool::times() const {
  const std::lock_guard lock(mutex_);
  return times_;
}

std::int64_t WorkerPool::decoded_frames() const {
  std::int64_t frames = 0;
  for (const EncodingWork& work : works_) frames += work.decoded;
  return frames;
}

std::int64_t WorkerPool::encoded_parts() const {
  std::int64_t parts = 0;
  for (const EncodingWork& work : works_) parts += work.parts;
  return parts;
}

std::optional<std::int64_t> WorkerPool::await_video() {
  std::unique_lock lock(mutex_);
  given_condition_.wait(lock, [this] { return abandoned_ || !given_.empty(); });
  if (abandoned_) return std::nullopt;
  const std::int64_t number = given_.front();
  given_.pop_front();
  return number;
}

FinishedVideo WorkerPool::finish(const VideoEncoding& encoding, std::int64_t number, EncodingWork& work) const {
  const auto begun = std::chrono::steady_clock::now();
  const std::int64_t parts = work.parts;
  const Video& video = videos_[static_cast<std::size_t>(number)];
  FinishedVideo finished;
  finished.number = number;
  try {
    require_unchanged(video);
    finished.encoded = encoding.encode(video.file, work);
    require_unchanged(video);
  } catch (const io::UnreadableVideo& error) {
    throw io::StoreError(
        fmt::format("{}: {} (on the host {}; another may read it, so that --bad-videos skip does not leave it out)",
                    io::printable(video.file.string()), error.what(), dist::host_name()));
  } catch (const io::VideoError& error) {
    require_unchanged(video);
    finished.encoded.reset();
    finished.reason = error.what();
  } catch (const EncoderError& error) {
    throw EncoderError(fmt::format("while encoding '{}': {}", io::printable(video.id), error.what()));
  } catch (const std::bad_alloc&) {
    throw io::StoreError(
        fmt::format("{}: found no memory for it; expected enough; run fewer threads a host, or use a smaller --batch "
                    "(on the host {})",
                    io::printable(video.file.string()), dist::host_name()));
  }
  work.parts = parts + EncodingWork::kWhole;
  finished.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  return finished;
}

void WorkerPool::run(EncodingWork& work) {
  std::int64_t under_way = 0;
  // With the lock held.
  const auto end_video = [&] {
    times_ += std::exchange(work.times, {});
    under_way = 0;
  };
  try {
    compute_on_this_thread();
    const VideoEncoding encoding(encoder_, rule_, abandoned_);
    while (const std::optional<std::int64_t> number = await_video()) {
      under_way = 1;
      FinishedVideo finished = finish(encoding, *number, work);
      const std::lock_guard lock(mutex_);
      finished_.push_back(std::move(finished));
      end_video();
      finished_condition_.notify_one();
    }
  } catch (const EncodingAbandoned&) {
    const std::lock_guard lock(mutex_);
    in_hand_ -= under_way;
    end_video();
  } catch (...) {
    {
      const std::lock_guard lock(mutex_);
      in_hand_ -= under_way;
      end_video();
      if (!failure_) failure_ = std::current_exception();
    }
    abandon();
  }
}

}  // namespace alignment::encoding
