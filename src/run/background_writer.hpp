#pragma once

#include <functional>
#include <future>

namespace dejavid {

/// Writes files one after the other while its owner goes on. What a job throws is thrown, once, by the next member
/// called after it. The destructor waits for the job under way and drops its failure.
class BackgroundWriter {
 public:
  /// Begins `job`, once the one before has ended, also where that has failed.
  void start(std::function<void()> job);
  /// Looks whether the last job has failed; does not wait.
  void check();
  /// Waits for the last job.
  void finish();

 private:
  std::future<void> job_;
};

}  // namespace dejavid
