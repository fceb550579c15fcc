#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace alignment::dist::detail {

/// Exit codes of a process that can do nothing but leave.
inline constexpr int kTimeoutCode = 14;
inline constexpr int kRankLostCode = 15;

/// Ends this process where something has not come in time and nothing else is left to notice it: a thread may sit in a
/// call into MPI, CUDA, NCCL or a file system that never returns. Its own thread calls none of them. Prints one line
/// and leaves with the code.
class LastResort {
 public:
  /// `advice`: what to do about a call that does not return, for the line.
  explicit LastResort(std::string advice);
  ~LastResort();
  LastResort(const LastResort&) = delete;
  LastResort& operator=(const LastResort&) = delete;

  /// What may be waited for at the same time, one of each.
  enum class Awaited : std::uint8_t { kNotice, kCallOfOwner, kCallOfWatch };
  static constexpr std::size_t kAwaitedKinds = 3;

  /// The owner must take notice of a failure: `line` is to be printed otherwise (nothing where it is empty), and `code`
  /// the process's exit code.
  void expect_notice(std::chrono::duration<double> within, int code, std::string line);
  /// `call` (a literal) must return; otherwise the exit code is 14. `find_detail` says what else the line should.
  using FindDetail = std::string (*)();
  void expect_return(Awaited awaited, const char* call, std::chrono::duration<double> within,
                     FindDetail find_detail = nullptr);
  /// It came.
  void met(Awaited awaited);

 private:
  using Clock = std::chrono::steady_clock;

  struct Expectation {
    Clock::time_point until;
    std::chrono::duration<double> within{};
    int code = 0;
    const char* call = nullptr;  ///< or the line
    FindDetail find_detail = nullptr;
    std::string line;
  };

  void keep_watch();
  void put_off(Clock::duration stood_still);
  /// The first one overdue.
  [[nodiscard]] const Expectation* overdue(Clock::time_point now) const;
  [[noreturn]] void end_process(const Expectation& expectation) const;

  std::string who_;
  std::string advice_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool leaving_ = false;
  std::array<std::optional<Expectation>, kAwaitedKinds> expectations_;
  std::thread thread_;
};

/// That of this process's calls into MPI, and of its end after a failure. It lives for as long as the process, so that
/// it is there when everything else is being left, and nobody waits for its thread.
[[nodiscard]] LastResort& last_resort();

/// A call that may not return, from here to the end of the scope.
class BoundedCall {
 public:
  BoundedCall(LastResort& last_resort, LastResort::Awaited awaited, const char* call,
              std::chrono::duration<double> within)
      : last_resort_(last_resort), awaited_(awaited) {
    last_resort_.expect_return(awaited, call, within);
  }
  ~BoundedCall() { last_resort_.met(awaited_); }
  BoundedCall(const BoundedCall&) = delete;
  BoundedCall& operator=(const BoundedCall&) = delete;

 private:
  LastResort& last_resort_;
  LastResort::Awaited awaited_;
};

}  // namespace alignment::dist::detail
