#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "src/training/scores.hpp"
#include "src/training/trainee.hpp"

namespace alignment {

/// Numbers of one optimizer step, as metrics.jsonl records them.
struct StepRecord {
  std::int64_t epoch = 0, step = 0;
  double loss = 0, lr = 0;
  std::int64_t samples = 0;  ///< units of the step
  Scores means = {};         ///< of the train scores over them
};

/// Numbers of one epoch.
struct EpochRecord {
  EpochScores scores;
  double seconds = 0, samples_per_s = 0;
};

/// What a run has taken up to its last summary; nothing where it has none.
struct TimeSpent {
  double wall_seconds = 0;
  std::map<std::string, double> phase_seconds;  ///< of rank 0, by the phase's name
};

/// What a TrainingLoop tells of a run and leaves of it. RunFiles (files/run_files.hpp) keeps it in a folder; this one
/// keeps nothing. Members are this rank's own; they throw io::WriteError.
class RunRecord {
 public:
  virtual ~RunRecord() = default;
  RunRecord() = default;
  RunRecord(const RunRecord&) = delete;
  RunRecord& operator=(const RunRecord&) = delete;

  /// Whether any rank keeps anything: the same on all.
  [[nodiscard]] virtual bool is_kept() const { return false; }
  /// Whether this rank keeps anything. All that follows but finish_in_any_case() does nothing where it does not.
  [[nodiscard]] virtual bool writes() const { return false; }

  virtual void record(const StepRecord& step, const ScoreNames& names) {
    static_cast<void>(step), static_cast<void>(names);
  }
  virtual void record(const EpochRecord& epoch, const ScoreNames& names) {
    static_cast<void>(epoch), static_cast<void>(names);
  }
  /// What stands in the way of going on: a step that was refused.
  virtual void write_refused_step(const std::string& json) { static_cast<void>(json); }

  /// The best model so far, which is kept with the next checkpoint.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): who keeps it takes it over
  virtual void set_best(FileContent best) { static_cast<void>(best); }
  /// Begins to write a checkpoint of `step`, after which `summary` is the run's. Throws what the one before has met.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): who keeps them takes them over
  virtual void begin_checkpoint(std::int64_t step, FileContent checkpoint, std::string summary) {
    static_cast<void>(step), static_cast<void>(checkpoint), static_cast<void>(summary);
  }
  /// Throws what the checkpoint under way has met so far; does not wait.
  virtual void check_checkpoint() {}
  /// Waits for the checkpoint under way. Throws what it has met, run.keep_going or not, where `must_be_there`.
  virtual void finish_checkpoint(bool must_be_there) { static_cast<void>(must_be_there); }
  /// The same for a run that has failed, whatever becomes of the checkpoint.
  virtual void finish_in_any_case() noexcept {}
  /// The run's model at its end. After finish_checkpoint().
  virtual void write_model(std::int64_t step, const FileContent& model) {
    static_cast<void>(step), static_cast<void>(model);
  }
};

}  // namespace alignment
