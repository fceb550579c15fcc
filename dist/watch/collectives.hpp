#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dist/cuda/handles.hpp"
#include "dist/errors.hpp"
#include "dist/watch/running_time.hpp"
#include "dist/watch/watchdog.hpp"

namespace alignment::dist::detail {

/// A collective in GPU memory, for messages.
struct Collective {
  const char* operation;
  std::size_t count;  ///< float32 values
  std::int64_t step;  ///< of the training, or -1
};

/// Records the collectives that one thread, the owner, puts on streams, and looks after those that are not done: a
/// thread of its own asks every 50 ms whether the oldest has outlasted its deadline and whether the library has
/// something to report. A collective's time starts when the work before it on its stream is done and the collectives
/// before it are.
///
/// That thread only keeps the first failure: what it threw would not reach the owner, and only the owner can give up
/// what is under way. The owner meets the failure in check(), gives up and says so by forget(). Where that takes longer
/// than the grace time, the watchdog ends the process with the failure's line and code.
class Collectives {
 public:
  /// What the library reports, from the watching thread; empty while all is well. Must not block.
  using AskLibrary = std::function<std::optional<std::string>()>;

  /// On the calling thread's current GPU. `timeout` is a collective's.
  Collectives(Seconds timeout, Seconds grace, AskLibrary ask_library);
  ~Collectives();
  Collectives(const Collectives&) = delete;
  Collectives& operator=(const Collectives&) = delete;

  /// The owner's, around putting one collective on `stream`. before() waits while too many are under way.
  void before(const Collective& collective, cudaStream_t stream);
  void after(cudaStream_t stream);

  /// Throws the failure, where there is one: TimeoutError or RankLostError, always the same.
  void check();
  [[nodiscard]] bool failed() const { return failed_; }
  /// The owner's own findings about the collective between before() and after().
  void fail_with_timeout();
  void fail_with_error(const std::string& error);

  /// Whether something is under way.
  [[nodiscard]] bool busy() noexcept;
  /// What is under way has been given up.
  void forget() noexcept;

 private:
  struct Record {
    Collective collective{};
    std::uint64_t number = 0;
    OwnedEvent begun;
    OwnedEvent ended;
    std::optional<Seconds> running_since;  ///< on the watching thread's clock
  };

  Record& record(std::uint64_t number) { return records_[number % records_.size()]; }
  void make_room();
  void watch(int device);
  void look();
  void retire();
  void look_at_oldest();
  void fail(int code, std::string line);
  void fail_with_timeout(const Record& late, Seconds waited);
  void fail_with_error(const Record* current, const std::string& error);

  const Seconds timeout_;
  const Seconds grace_;
  const std::string who_;
  const AskLibrary ask_library_;

  std::mutex mutex_;  ///< over all that follows
  std::vector<Record> records_;
  std::uint64_t issued_ = 0;  ///< collectives so far
  std::uint64_t done_ = 0;    ///< of them
  RunningTime time_;          ///< the watching thread's
  Seconds handed_over_{0};    ///< when the owner began the newest
  std::atomic<bool> failed_ = false;
  Failure failure_;
  bool thrown_ = false;
  std::optional<Deadline> giving_up_;  ///< from the failure until the owner has given up what is under way

  std::condition_variable wake_;
  bool leaving_ = false;
  std::thread thread_;
};

}  // namespace alignment::dist::detail
