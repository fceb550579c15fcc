#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dist/cuda/handles.hpp"
#include "dist/watch/last_resort.hpp"

namespace alignment::dist::detail {

/// How long things may take.
struct Deadlines {
  std::chrono::duration<double> timeout;  ///< a collective, once the work before it is done
  std::chrono::duration<double> grace;    ///< until a failure is noticed and what is under way is given up
};

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
/// It only takes down what it found; the owner throws it, by calling check() while it waits. An owner that has not
/// given up what is under way after the grace time is ended, with its process.
class CollectiveWatch {
 public:
  /// What the library reports, from the watching thread; empty while all is well. Must not block.
  using AskLibrary = std::function<std::optional<std::string>()>;

  /// On the calling thread's current GPU.
  CollectiveWatch(Deadlines deadlines, LastResort& last_resort, AskLibrary ask_library);
  ~CollectiveWatch();
  CollectiveWatch(const CollectiveWatch&) = delete;
  CollectiveWatch& operator=(const CollectiveWatch&) = delete;

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
  using Clock = std::chrono::steady_clock;

  struct Record {
    Collective collective{};
    std::uint64_t number = 0;
    OwnedEvent begun;
    OwnedEvent ended;
    std::optional<Clock::time_point> running_since;
  };

  Record& record(std::uint64_t number) { return records_[number % records_.size()]; }
  void make_room();
  void watch(int device);
  void look();
  void retire();
  void look_at_oldest();
  void put_off(Clock::duration stood_still);
  void fail(std::exception_ptr error, int code, std::string line);
  void fail_with_timeout(const Record& late, Clock::duration waited);
  void fail_with_error(const Record* current, const std::string& error);
  [[nodiscard]] std::string describe(const Record& one) const;

  Deadlines deadlines_;
  std::string who_;
  LastResort& last_resort_;
  AskLibrary ask_library_;

  std::mutex mutex_;  ///< over all that follows
  std::vector<Record> records_;
  std::uint64_t issued_ = 0;       ///< collectives so far
  std::uint64_t done_ = 0;         ///< of them
  Clock::time_point handed_over_;  ///< when the owner began the newest
  std::atomic<bool> failed_ = false;
  std::exception_ptr failure_;
  int failure_code_ = 0;
  std::string failure_line_;
  bool noticed_ = false;  ///< by the owner

  std::condition_variable wake_;
  bool leaving_ = false;
  std::thread thread_;
};

}  // namespace alignment::dist::detail
