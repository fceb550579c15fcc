#pragma once

#include <memory>
#include <vector>

#include "dist/communicator.hpp"
#include "src/dejavid/device.hpp"
#include "src/dejavid/engine.hpp"
#include "src/dejavid/evaluation/evaluator.hpp"
#include "src/dejavid/model/model.hpp"
#include "src/dejavid/model/model_content.hpp"
#include "src/training/loop.hpp"
#include "src/training/phases.hpp"
#include "src/training/samples/dataset.hpp"
#include "src/training/trainee.hpp"

namespace alignment::dejavid {

struct Config;

/// DejaVid for the training loop: a model that an Engine trains, its frozen copy of every epoch, its validation and its
/// files.
class DejaVidTrainee final : public Trainee {
 public:
  /// How a model is written: write_model() (model/model_file.hpp), or nullptr for a run that keeps nothing.
  using WriteModel = void (*)(const std::filesystem::path& file, const ModelContent& content);

  /// Collective. `checkpoint`: what to go on from, which `model` must be of, or nullptr. What is passed by reference
  /// must outlive it. Throws dist::AgreedFailure where the device has no room for it.
  DejaVidTrainee(const Config& config, dist::Communicator& communicator, Dataset& dataset, Model& model, Device& device,
                 PhaseClock& phases, const ModelContent* checkpoint, WriteModel write);

  [[nodiscard]] const ScoreNames& score_names() const override { return names_; }
  [[nodiscard]] std::int64_t samples_kept_together() const override { return engine_->samples_kept_together(); }
  std::int64_t begin_epoch(EpochStart start) override;
  void compute(const Step& step) override { engine_->compute(step.samples); }
  void apply(const Step& step) override;
  [[nodiscard]] std::vector<StepTotals> collect() override { return engine_->collect(); }
  void end_epoch() override { engine_->fetch(model_); }
  [[nodiscard]] Scores validate() override;
  [[nodiscard]] FileContent model(const Course& course) override;
  [[nodiscard]] FileContent checkpoint(const Course& course) override;

 private:
  void freeze(const EpochStart& start);
  [[nodiscard]] ModelContent content(const Course& course);
  [[nodiscard]] TrainingState training_state(const Course& course);

  const Config& config_;
  WriteModel write_;
  dist::Communicator& communicator_;
  Dataset& dataset_;
  Model& model_;  ///< as the engine's parameters were when last fetched
  EvaluationSplit validation_;
  ScoreNames names_;
  std::unique_ptr<Engine> engine_;
  Parameters frozen_;  ///< the epoch's frozen copy
};

/// Where its validation scores stand.
enum ValidationScore : std::size_t { kLoss, kTop1, kTop5 };

/// What the loop is told of `config`.
[[nodiscard]] LoopSettings loop_settings(const Config& config);

/// Where the training stood that a checkpoint holds.
[[nodiscard]] Course course_of(const ModelContent& checkpoint);

}  // namespace alignment::dejavid
