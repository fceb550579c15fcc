#pragma once

#include <chrono>
#include <cstdint>
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
#include "src/dejavid/phases.hpp"
#include "src/run/failure.hpp"
#include "src/run/progress.hpp"
#include "src/run/run_directory.hpp"

namespace dejavid {

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
          const std::optional<io::TrainingState>& checkpoint);

  /// Trains to train.epochs, recording into `run` (rank 0's; nullptr elsewhere). False where it was asked to stop
  /// before the end: a checkpoint has been written.
  [[nodiscard]] bool run(RunDirectory* run);

  [[nodiscard]] const Milestone& last() const { return last_; }
  [[nodiscard]] const Milestone& best() const { return best_; }  ///< epoch -1 where nothing was validated
  [[nodiscard]] const EvaluationSplit& validation() const { return validation_; }
  [[nodiscard]] double elapsed_seconds() const;
  [[nodiscard]] std::int64_t steps_taken() const { return state_.step; }
  [[nodiscard]] const PhaseClock& phases() const { return phases_; }

 private:
  void freeze();
  [[nodiscard]] bool train_epoch(RunDirectory* run, Progress& progress);
  void settle(RunDirectory* run, Progress& progress, LocalPhase& local);
  void refuse(const StepTotals& totals);
  [[nodiscard]] std::int64_t samples_of_step(std::int64_t step_in_epoch) const;
  [[nodiscard]] double learning_rate() const;
  [[nodiscard]] bool checkpoint_due(std::int64_t steps) const;
  void validate(std::int64_t epoch);
  void record_epoch(RunDirectory* run, double seconds);
  void save_checkpoint(RunDirectory* run);
  void save_model(RunDirectory* run, const std::filesystem::path& file, const Milestone& milestone);
  [[nodiscard]] io::ModelContent model_content(const Milestone& milestone) const;

  const Config& config_;
  dist::Communicator& communicator_;
  Dataset& dataset_;
  Model& model_;                        ///< as the engine's parameters were when last fetched
  std::vector<std::int64_t> training_;  ///< samples of the train split
  EvaluationSplit validation_;
  PhaseClock phases_;
  std::unique_ptr<Engine> engine_;
  std::vector<float> frozen_centroids_, frozen_log_weights_;  ///< the epoch's frozen copy

  io::TrainingState state_;  ///< the counters; its arrays are filled only while a checkpoint is written
  Milestone last_, best_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace dejavid
