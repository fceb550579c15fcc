#pragma once

#include <chrono>
#include <functional>
#include <future>

namespace alignment {

/// Writes files one after the other while its owner goes on. What a job throws is thrown, once, by the next member
/// called after it. The destructor waits for the job under way and drops its failure. Waiting for a job longer than the
/// timeout ends the process with 14.
class BackgroundWriter {
 public:
  explicit BackgroundWriter(std::chrono::duration<double> timeout) : timeout_(timeout) {}
  ~BackgroundWriter();
  BackgroundWriter(const BackgroundWriter&) = delete;
  BackgroundWriter& operator=(const BackgroundWriter&) = delete;

  /// Begins `job`, once the one before has ended, also where that has failed.
  void start(std::function<void()> job);
  /// Looks whether the last job has failed; does not wait.
  void check();
  /// Waits for the last job.
  void finish();

 private:
  void wait() const;

  std::chrono::duration<double> timeout_;
  std::future<void> job_;
};

}  // namespace alignment
