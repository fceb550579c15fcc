#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "io/model_file.hpp"
#include "src/config/config.hpp"
#include "src/dejavid/dataset.hpp"
#include "src/dejavid/device.hpp"
#include "src/dejavid/engine.hpp"
#include "src/dejavid/evaluator.hpp"
#include "src/dejavid/model.hpp"
#include "src/dejavid/resume.hpp"
#include "src/job/failure.hpp"
#include "src/job/terminal/progress.hpp"
#include "src/training/background_writer.hpp"
#include "src/training/phases.hpp"
#include "src/training/run_directory.hpp"
#include "src/training/schedule.hpp"

namespace alignment {

/// An epoch's validation numbers and which epoch they belong to.
struct Milestone {
  std::int64_t epoch = -1;
  double train_loss = 0, train_top1 = 0;
  double val_loss = 0, val_top1 = 0, val_top5 = 0;
};

/// Trains a model on a dataset, the same way on any device and number of ranks. Every member that is not const is
/// collective.
class Trainer {
 public:
  /// `checkpoint`: where to go on from, or nothing. The model must match it. Throws dist::AgreedFailure where the
  /// device has no room for it.
  Trainer(const Config& config, dist::Communicator& communicator, Dataset& dataset, Model& model, Device& device,
          const std::optional<Checkpoint>& checkpoint);

  /// Trains to train.epochs, recording into `run` (rank 0's; nullptr elsewhere). Checkpoints are written while training
  /// goes on. False where it was asked to stop before the end: a checkpoint has been written.
  [[nodiscard]] bool run(RunDirectory* run);

  /// Waits for the checkpoint under way, whatever becomes of it: for a run that has failed.
  void leave_files_in_peace() noexcept;

  [[nodiscard]] const Milestone& last() const { return last_; }
  [[nodiscard]] const Milestone& best() const { return best_; }  ///< epoch -1 where nothing was validated
  [[nodiscard]] const EvaluationSplit& validation() const { return validation_; }
  [[nodiscard]] double elapsed_seconds() const;
  [[nodiscard]] std::int64_t steps_taken() const { return state_.step; }
  [[nodiscard]] const PhaseClock& phases() const { return phases_; }

 private:
  /// The best model so far: no checkpoint may speak of a best model that is not on disk.
  struct UnsavedBest {
    io::ModelContent content;
    std::atomic<bool> saved = false;
  };

  void freeze();
  [[nodiscard]] bool train_epoch(RunDirectory* run, Progress& progress);
  void settle(RunDirectory* run, Progress& progress, LocalPhase& local);
  void refuse(RunDirectory* run, const StepTotals& totals);
  [[nodiscard]] Sharing sharing() const;
  [[nodiscard]] std::int64_t samples_of_step(std::int64_t step_in_epoch) const;
  [[nodiscard]] double learning_rate() const;
  [[nodiscard]] bool checkpoint_due(std::int64_t steps) const;
  void validate(std::int64_t epoch);
  void record_epoch(RunDirectory* run, double seconds, double samples_per_second);
  void save_checkpoint(RunDirectory* run);
  static void save_best(const RunDirectory& run, const std::shared_ptr<UnsavedBest>& best);
  void save_model(RunDirectory* run);
  void tolerate(const std::function<void()>& writing) const;
  [[nodiscard]] io::ModelContent model_content() const;
  [[nodiscard]] io::TrainingState training_state();
  [[nodiscard]] std::string refused_step() const;

  const Config& config_;
  dist::Communicator& communicator_;
  Dataset& dataset_;
  Model& model_;                        ///< as the engine's parameters were when last fetched
  std::vector<std::int64_t> training_;  ///< samples of the train split
  EvaluationSplit validation_;
  PhaseClock phases_;
  std::unique_ptr<Engine> engine_;
  std::vector<float> frozen_centroids_, frozen_log_weights_;  ///< the epoch's frozen copy

  io::TrainingState state_;          ///< the counters; its arrays are filled only while a checkpoint is written
  std::vector<std::int64_t> order_;  ///< training samples in the order of the epoch under way
  Milestone last_, best_;
  std::shared_ptr<UnsavedBest> unsaved_best_;
  double wall_seconds_before_ = 0;
  std::chrono::steady_clock::time_point start_;
  BackgroundWriter writer_;  ///< rank 0's; last, so that it is done before the rest goes
};

}  // namespace alignment
