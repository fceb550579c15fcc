#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "src/encoding/job/video_encoding.hpp"
#include "src/encoding/samples/video_list.hpp"

namespace alignment::encoding {

/// What became of a video that a worker was given.
struct FinishedVideo {
  std::int64_t number = 0;              ///< in the list of videos
  std::optional<EncodedVideo> encoded;  ///< or else:
  std::string reason;                   ///< why it cannot be
  double seconds = 0;
};

/// The threads of a rank that encode videos. Everything but the work itself is the owner's thread's.
class WorkerPool {
 public:
  /// `encoder` and `videos` must outlive it.
  WorkerPool(const Encoder& encoder, EncodingRule rule, const std::vector<Video>& videos, int threads);
  /// Gives up what is under way.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  [[nodiscard]] int threads() const { return static_cast<int>(threads_.size()); }
  /// The video with that number in the list, to the next worker that is free.
  void give(std::int64_t number);
  /// Given, and neither taken back nor given up.
  [[nodiscard]] std::int64_t in_hand() const;
  /// What has been finished; waits for it, but not for longer than `patience`.
  [[nodiscard]] std::vector<FinishedVideo> take(std::chrono::milliseconds patience);
  /// Gives up what is not finished.
  void abandon();
  /// Throws what a worker met that is no fault of its video: an EncoderError, or an io::StoreError that names the
  /// file where this host cannot read one, or does not find it as it was listed.
  void require_sound() const;
  /// Of all workers, with videos that failed or were given up. Complete once nothing is in hand.
  [[nodiscard]] EncodingTimes times() const;
  /// How many frames have been decoded, each time that one was, those of videos under way among them.
  [[nodiscard]] std::int64_t decoded_frames() const;
  /// How much has been encoded, in EncodingWork::kWhole a video, parts of those under way among it.
  [[nodiscard]] std::int64_t encoded_parts() const;

 private:
  void run(EncodingWork& work);
  [[nodiscard]] std::optional<std::int64_t> await_video();
  [[nodiscard]] FinishedVideo finish(const VideoEncoding& encoding, std::int64_t number, EncodingWork& work) const;

  const Encoder& encoder_;
  const EncodingRule rule_;
  const std::vector<Video>& videos_;
  std::atomic<bool> abandoned_ = false;

  mutable std::mutex mutex_;  ///< over all that follows
  std::condition_variable given_condition_, finished_condition_;
  std::deque<std::int64_t> given_;
  std::vector<FinishedVideo> finished_;
  std::int64_t in_hand_ = 0;
  EncodingTimes times_;  ///< of videos that are no longer under way
  std::exception_ptr failure_;

  std::deque<EncodingWork> works_;  ///< of every thread
  std::vector<std::thread> threads_;
};

}  // namespace alignment::encoding
