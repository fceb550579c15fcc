#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "src/config/sections.hpp"
#include "src/training/background_writer.hpp"
#include "src/training/run_directory.hpp"
#include "src/training/trainee.hpp"

namespace alignment {

/// The models and checkpoints of a run. Checkpoints are written by a thread while training goes on. Members are for the
/// rank that writes the run's files, and do nothing on others. With run.keep_going a checkpoint that cannot be written
/// costs no more than a warning.
class Checkpoints {
 public:
  /// `config` and `run` must outlive it. `timeout`: how long a write may take.
  Checkpoints(const RunConfig& config, const RunDirectory& run, std::chrono::duration<double> timeout);

  /// The best model so far, which is written with the next checkpoint: none may speak of a best model that is not on
  /// disk, as a run that goes on from it will not write that again.
  void set_best(FileContent best);
  /// Begins to write a checkpoint of `step`, after which `summary` is the run's. Throws what the one before has met.
  void write(std::int64_t step, FileContent checkpoint, std::string summary);
  /// Throws what the checkpoint under way has met so far; does not wait.
  void check();
  /// Waits for the checkpoint under way. Throws what it has met, run.keep_going or not, where `must_be_there`.
  void finish(bool must_be_there);
  /// The same for a run that has failed, whatever becomes of the checkpoint.
  void finish_in_any_case() noexcept;
  /// Writes the run's model, and what a run that was killed before did not come to. After finish().
  void write_model(std::int64_t step, const FileContent& model);

 private:
  struct Best {
    FileContent content;
    std::atomic<bool> saved = false;
  };
  static void save_best(const RunDirectory& run, const std::shared_ptr<Best>& best);
  void unless_keep_going(const std::function<void()>& writing) const;

  const RunConfig& config_;
  const RunDirectory& run_;
  std::shared_ptr<Best> best_;
  BackgroundWriter writer_;  ///< last, so that it is done before the rest goes
};

}  // namespace alignment
