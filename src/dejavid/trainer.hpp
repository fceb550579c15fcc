#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "io/model_file.hpp"
#include "src/config/config.hpp"
#include "src/dejavid/adamw.hpp"
#include "src/dejavid/cpu_aligner.hpp"
#include "src/dejavid/dataset.hpp"
#include "src/dejavid/evaluator.hpp"
#include "src/dejavid/model.hpp"
#include "src/dejavid/phases.hpp"
#include "src/run/failure.hpp"
#include "src/run/progress.hpp"
#include "src/run/run_directory.hpp"

namespace dejavid {

/// What one optimizer step saw, over the whole global batch.
struct StepStats {
  double loss = 0;  ///< mean, before the update
  std::int64_t correct = 0, samples = 0;
};

/// An epoch's validation numbers and which epoch they belong to.
struct Milestone {
  std::int64_t epoch = -1;
  double train_loss = 0, train_top1 = 0;
  double val_loss = 0, val_top1 = 0, val_top5 = 0;
};

/// Trains a model on a dataset, the same way on any number of ranks. Every member that is not const is collective.
class Trainer {
 public:
  /// `checkpoint`: where to go on from, or nothing. The model must match it.
  Trainer(const Config& config, dist::Communicator& communicator, Dataset& dataset, Model& model, int threads,
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
  [[nodiscard]] CpuAligner& aligner() { return aligner_; }

 private:
  /// Sums over a batch, to be added up over ranks.
  struct BatchTotals {
    std::array<double, 2> sums{};        ///< loss, correct
    std::int64_t first_not_finite = -1;  ///< this rank's first sample whose loss is not finite
    [[nodiscard]] double loss() const { return sums[0]; }
    [[nodiscard]] std::int64_t correct() const { return static_cast<std::int64_t>(sums[1]); }
  };

  void freeze();
  [[nodiscard]] bool train_epoch(RunDirectory* run, Progress& progress);
  [[nodiscard]] std::optional<StepStats> step(std::int64_t batch_samples, double lr, LocalPhase& local);
  [[nodiscard]] PathSource path_source() const;
  [[nodiscard]] BatchTotals batch_loss(const io::SampleBatch& batch, std::span<const double> distances,
                                       std::int64_t batch_samples);
  void update(const BatchTotals& totals, double lr);
  void validate(std::int64_t epoch);
  void record_epoch(RunDirectory* run, double seconds);
  void save_checkpoint(RunDirectory* run);
  void save_model(RunDirectory* run, const std::filesystem::path& file, const Milestone& milestone);
  [[nodiscard]] io::ModelContent model_content(const Milestone& milestone) const;

  const Config& config_;
  dist::Communicator& communicator_;
  Dataset& dataset_;
  Model& model_;
  std::vector<std::int64_t> training_;  ///< samples of the train split
  EvaluationSplit validation_;
  std::int64_t group_;  ///< samples that stay on one rank together
  CpuAligner aligner_;
  AdamW centroid_optimizer_, log_weight_optimizer_;

  std::vector<float> frozen_centroids_, frozen_log_weights_;    ///< the epoch's frozen copy
  std::vector<float> centroid_gradient_, log_weight_gradient_;  ///< [C,K,F]
  std::vector<float> distance_gradient_;                        ///< [B,C] of this rank
  std::vector<double> probabilities_;                           ///< [C]

  io::TrainingState state_;  ///< the counters; its arrays are filled only while a checkpoint is written
  Milestone last_, best_;
  PhaseClock phases_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace dejavid
