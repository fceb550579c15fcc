#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace alignment::dist {
namespace detail {

class Watchdog;

/// Exit codes of a process that can do nothing but leave.
inline constexpr int kTimeoutCode = 14;
inline constexpr int kRankLostCode = 15;

}  // namespace detail

/// What a process waits for. It decides what the line of a missed deadline advises.
enum class Awaited : std::uint8_t { kRanks, kNccl, kGpu, kFileSystem };

/// Ends this process where the scope of one outlasts its time: the owner may sit in a call into MPI, CUDA, NCCL or a
/// file system that never returns, with no other rank there to miss it. The process's watchdog, a thread that calls
/// none of them, then prints one line and leaves at once. Any number may live at a time, on any threads. Time in which
/// the process was stopped does not count.
class Deadline {
 public:
  /// `work` (a literal, for the line) must end within `timeout`; otherwise the exit code is 14. `files_in_use`, where
  /// given, says which files the line names, empty for none; the watchdog calls it while the owner hangs.
  Deadline(Awaited awaited, const char* work, std::chrono::duration<double> timeout,
           std::string (*files_in_use)() = nullptr);
  /// Prints `line` (nothing where it is empty) and ends with `code` after `timeout`.
  Deadline(std::chrono::duration<double> timeout, int code, std::string line);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  friend detail::Watchdog;

  [[nodiscard]] std::string text(const std::string& who) const;

  std::chrono::duration<double> timeout_;
  std::chrono::duration<double> until_{0};  ///< on the watchdog's clock
  int code_ = detail::kTimeoutCode;
  Awaited awaited_ = Awaited::kRanks;
  const char* work_ = nullptr;  ///< or the line
  std::string (*files_in_use_)() = nullptr;
  std::string line_;
};

}  // namespace alignment::dist
