#pragma once

#include <cstdint>
#include <filesystem>

#include "src/config/sections.hpp"
#include "src/dejavid/config/choices.hpp"

namespace alignment::dejavid {

/// What is made of the samples of the stores.
struct SamplesConfig {
  bool slope = false;  ///< features are followed by their slopes (kernels/slope.hpp)
  double holdout = 0;  ///< share of every class's training samples to validate on, where the stores have no val split
};

struct ModelConfig {
  std::int64_t steps = 8;  ///< K, or kStepsOfData
  WeightInit weight_init = WeightInit::kOne;
  bool learn_weights = true;
  bool learn_centroids = true;
  bool diagonal = false;
  std::filesystem::path init;  ///< model file to start from; empty: centroids by DBA

  /// "auto": the median length of the training samples, kept within kLeastAutoSteps and kMostAutoSteps.
  static constexpr std::int64_t kStepsOfData = 0;
  static constexpr std::int64_t kLeastAutoSteps = 8, kMostAutoSteps = 64;
  static constexpr std::int64_t kMostSteps = 1 << 24;  ///< so that no product of sizes overflows
};

struct CentroidsConfig {
  std::int64_t samples_per_class = 50;
  std::int64_t iterations = 100;
};

struct TrainConfig {
  std::int64_t epochs = 36;       ///< or kEpochsOfData
  std::int64_t batch_size = 384;  ///< global
  double lr = 1e-3;               ///< of log_weights
  double centroid_lr_ratio = 1.0 / 3.0;
  double weight_decay = 0;  ///< default 0.01 under train.profile = "dejavid-code"
  Refresh refresh = Refresh::kEpoch;
  PathPrecision path_precision = PathPrecision::kF32;              ///< of the costs that training searches paths in
  GradientPrecision gradient_precision = GradientPrecision::kF32;  ///< of training's distances and gradients
  bool shuffle = true;
  std::int64_t seed = 0;
  Profile profile = Profile::kPaper;
  LogitNorm logit_norm = LogitNorm::kLayernorm;
  double logit_scale = 8;      ///< of logit_norm = "log"
  double label_smoothing = 0;  ///< share of a training sample's target that all classes have alike

  /// "auto": as many as it takes to make kOptimizerSteps, kept within kLeastEpochs and kMostEpochs.
  static constexpr std::int64_t kEpochsOfData = -1;
  static constexpr std::int64_t kOptimizerSteps = 300, kLeastEpochs = 12, kMostEpochs = 60;
  /// So that samples can be counted over all epochs and places in an epoch's last batch.
  static constexpr std::int64_t kLongestRun = 1 << 30, kLargestBatch = 1 << 30;

  /// What is trained; and what is told of a model, whose targets are the labels.
  [[nodiscard]] kernels::LossRule loss_rule() const { return {logit_norm, logit_scale, label_smoothing}; }
  [[nodiscard]] kernels::LossRule label_rule() const { return {logit_norm, logit_scale, 0}; }
};

struct EvalConfig {
  EvalPaths paths = EvalPaths::kCurrent;  ///< default frozen under train.profile = "dejavid-code"
  EvalSplit split = EvalSplit::kAuto;     ///< auto: val, or test where there is no val
};

/// Everything that DejaVid is told, resolved: default < file < command line. Its keys: config_keys.hpp.
struct Config : SharedConfig {
  SamplesConfig samples;
  ModelConfig model;
  CentroidsConfig centroids;
  TrainConfig train;
  EvalConfig eval;
};

}  // namespace alignment::dejavid
