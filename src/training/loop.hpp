#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "io/store/tse_store.hpp"
#include "src/config/sections.hpp"
#include "src/job/terminal/progress.hpp"
#include "src/training/course.hpp"
#include "src/training/phases.hpp"
#include "src/training/run_record.hpp"
#include "src/training/samples/curriculum.hpp"
#include "src/training/samples/schedule.hpp"
#include "src/training/step_guard.hpp"
#include "src/training/trainee.hpp"

namespace alignment {

/// The learning rate of an epoch of `epochs` in all.
using LearningRate = std::function<double(std::int64_t epoch, std::int64_t epochs)>;

/// What a loop has to know of a run's settings.
struct LoopSettings {
  std::int64_t batch_size = 1;  ///< units of a step, over all ranks
  LearningRate learning_rate;
  std::uint64_t seed = 0;  ///< what the order of units is drawn from
  RunConfig run;
};

/// What a run that goes on has behind it.
struct Resumed {
  Course course;
  TimeSpent spent;
};

/// Trains a Trainee on what a curriculum hands out, the same way on any device and number of ranks, and records, saves
/// and validates. Every member that is not const is collective.
class TrainingLoop {
 public:
  /// What is passed by reference must outlive it. `phases`: of the trainee; validation is added.
  TrainingLoop(const LoopSettings& settings, dist::Communicator& communicator, const io::TseStore& store,
               const Curriculum& curriculum, Trainee& trainee, RunRecord& run, PhaseClock& phases,
               const std::optional<Resumed>& resumed);

  /// Trains until `epochs` are done in all. Checkpoints are written while training goes on. False where it was asked to
  /// stop before the end: a checkpoint has been written. Throws dist::AgreedFailure.
  [[nodiscard]] bool run_to(std::int64_t epochs);

  /// Waits for the checkpoint under way, whatever becomes of it: for a run that has failed.
  void finish_writing() noexcept { run_.finish_in_any_case(); }

  [[nodiscard]] const Course& course() const { return course_; }
  [[nodiscard]] double elapsed_seconds() const;
  /// summary.json: how far the run is, or how it ended. `reason`: "running", "done", "stopped", or the error's line; no
  /// exit code while it runs.
  [[nodiscard]] std::string summary(const std::string& reason, std::optional<int> exit_code) const;

 private:
  [[nodiscard]] bool train_epoch(Progress& progress);
  [[nodiscard]] std::int64_t begin_epoch();
  [[nodiscard]] bool stop(StepGuard& guard);
  void record_applied_steps(StepGuard& guard, Progress& progress);
  [[nodiscard]] StepRecord step_record(double loss, std::span<const double> sums, std::int64_t units) const;
  void refuse(const StepTotals& totals);
  void finish_epoch(std::int64_t epoch);
  void record_epoch(double seconds, double samples_per_second);
  void save_checkpoint();
  [[nodiscard]] Step step_of(std::int64_t step_in_epoch) const;
  [[nodiscard]] Sharing sharing() const;
  [[nodiscard]] std::int64_t steps_of_epoch() const;
  [[nodiscard]] std::int64_t samples_of_step(std::int64_t step_in_epoch) const;
  [[nodiscard]] double learning_rate() const;
  [[nodiscard]] bool checkpoint_due(const Step& step) const;
  [[nodiscard]] std::string refused_step() const;

  const LoopSettings& settings_;
  dist::Communicator& communicator_;
  const Curriculum& curriculum_;
  Trainee& trainee_;
  const ScoreNames& names_;
  RunRecord& run_;
  PhaseClock& phases_;
  std::vector<std::int64_t> order_;  ///< units of the epoch under way
  std::int64_t epochs_ = 0;          ///< in all
  Course course_;
  double seconds_before_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace alignment
