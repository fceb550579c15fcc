#pragma once

#include <chrono>
#include <filesystem>

namespace alignment::io {

/// What is being read: it decides the exit code and what the line advises.
enum class GuardedFile : int { kStore = 10, kModelFile = 11 };

/// HDF5 can crash on a damaged file, or never return. While a guard lives, a crash of the thread that made it (SIGSEGV,
/// SIGBUS, SIGFPE, SIGILL, SIGABRT), or more processor time than the limit, ends the process with the exit code of
/// `kind` and one line that names the file. A crash anywhere else keeps the effect that it had before. Guards may nest;
/// the innermost counts. `file` must outlive the guard.
class CrashGuard {
 public:
  CrashGuard(const std::filesystem::path& file, GuardedFile kind);
  ~CrashGuard();
  CrashGuard(const CrashGuard&) = delete;
  CrashGuard& operator=(const CrashGuard&) = delete;

  [[nodiscard]] const char* file() const { return file_; }
  [[nodiscard]] GuardedFile kind() const { return kind_; }

 private:
  const char* file_;
  GuardedFile kind_;
  const CrashGuard* outer_;
};

/// Sends the lines of later crashes to this descriptor instead of stderr: a parent process may want them.
void report_crashes_to(int descriptor);

/// Processor time that a thread may spend under one guard; 2 minutes unless told otherwise. Where a guard's work is one
/// sample or one index, only an endless loop takes that long.
void limit_guarded_time(std::chrono::milliseconds limit);

}  // namespace alignment::io
