#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "dist/communicator.hpp"
#include "src/lrprop/config/config.hpp"
#include "src/lrprop/cuda/device.hpp"
#include "src/lrprop/model/model_content.hpp"
#include "src/lrprop/network/network.hpp"
#include "src/lrprop/samples/pairs.hpp"
#include "src/lrprop/validation.hpp"
#include "src/training/loop.hpp"
#include "src/training/phases.hpp"
#include "src/training/samples/dataset.hpp"
#include "src/training/trainee.hpp"

namespace alignment::lrprop {

/// LRProp, as TrainingLoop trains it: a step is some pairs of videos.
class LrpropTrainee final : public Trainee {
 public:
  /// How a model is written: write_model() (model/model_file.hpp), or nullptr for a run that keeps nothing.
  using WriteModel = void (*)(const std::filesystem::path& file, const ModelContent& content);

  /// What is passed by reference or pointer must outlive it. `content`: the model that training starts from, or goes on
  /// from where it has a training state. `gpu`: nullptr where the CPU computes. `validation`: nullptr where nothing
  /// judges the model.
  LrpropTrainee(const Config& config, dist::Communicator& communicator, Dataset& dataset,
                const PairCurriculum& curriculum, ModelContent content, CudaDevice* gpu, PhaseClock& phases,
                int threads, Validation* validation, WriteModel write);

  [[nodiscard]] const ScoreNames& score_names() const override { return names_; }
  [[nodiscard]] std::int64_t samples_kept_together() const override { return 1; }
  std::int64_t begin_epoch(EpochStart start) override;
  void compute(const Step& step) override;
  void apply(const Step& step) override;
  [[nodiscard]] std::vector<StepTotals> collect() override { return std::exchange(applied_, {}); }
  void end_epoch() override;
  [[nodiscard]] bool validates_after(std::int64_t epoch, std::int64_t epochs) const override;
  [[nodiscard]] Scores validate() override;
  [[nodiscard]] FileContent model(const Course& course) override;
  [[nodiscard]] FileContent checkpoint(const Course& course) override;

  /// The model as it is.
  [[nodiscard]] ModelContent content(const Course& course) const;
  /// It without what the network holds.
  [[nodiscard]] const ModelContent& content_beside_network() const { return content_; }
  /// Of an epoch: mean cosine of two projected rows within a view.
  [[nodiscard]] static double cosine_of(const EpochScores& scores);

 private:
  [[nodiscard]] TrainingPair training_pair(const io::SampleBatch& batch, std::size_t pair) const;

  const Config& config_;
  dist::Communicator& communicator_;
  Dataset& dataset_;
  const PairCurriculum& curriculum_;
  ModelContent content_;  ///< without what the network holds
  CudaDevice* gpu_;       ///< nullptr: the CPU computes
  PhaseClock& phases_;
  Validation* validation_;
  WriteModel write_;
  ScoreNames names_;
  Network network_;

  std::int64_t epoch_ = 0;
  std::vector<std::vector<std::int64_t>> units_;   ///< this rank's of each step to come, last step first
  std::vector<std::vector<std::int64_t>> places_;  ///< of the units among their step's
  std::vector<std::int64_t> units_now_;
  std::vector<TrainingPair> pairs_;
  std::vector<StepTotals> applied_;
  double sdtw_sum_ = 0, cosine_sum_ = 0, cosine_pairs_ = 0;
  bool alarmed_ = false;
};

/// Mean cosines of projected rows within a video. Above the first they are nearly one and the same: the embedding has
/// collapsed. So it has above the second where soft-DTW is below 0: then two videos lie nearer to each other than its
/// smoothing reaches. Only below the third it has recovered, as collapsed runs swing.
inline constexpr double kCollapsedCosine = 0.9, kSuspectCosine = 0.8, kRecoveredCosine = 0.7;
/// Of an epoch's mean cosine and mean (or sum of) soft-DTW.
[[nodiscard]] constexpr bool has_collapsed(double cosine, double soft_dtw) {
  return cosine > kCollapsedCosine || (cosine > kSuspectCosine && soft_dtw < 0);
}

/// What train.pairs_per_step comes to on that many ranks.
[[nodiscard]] std::int64_t pairs_per_step(const Config& config, dist::WorldSize ranks);
[[nodiscard]] LoopSettings loop_settings(const Config& config, dist::WorldSize ranks);
/// Settings that are known to make the embedding collapse, a line each.
[[nodiscard]] std::vector<std::string> known_to_collapse(const Config& config);

}  // namespace alignment::lrprop
