#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "src/config/sections.hpp"
#include "src/lrprop/config/choices.hpp"

namespace alignment::lrprop {

/// What is done to features before the encoder sees them.
struct FeaturesConfig {
  bool standardize = false;  ///< by mean and standard deviation of the training frames
};

/// Sizes of the encoder (model/encoder_sizes.hpp).
struct ModelConfig {
  std::int64_t fc_width = 512;
  std::int64_t hidden = 256;
  std::int64_t heads = 8;
  std::int64_t ff_width = 1024;
  std::int64_t layers = 7;
  std::int64_t embedding = 128;  ///< E
  double dropout = 0.1;
  LayerInit layer_init = LayerInit::kIndependent;
  std::filesystem::path init;  ///< model file to start from; empty: weights are drawn

  /// So that no product of sizes overflows.
  static constexpr std::int64_t kMostExtent = 1 << 24, kMostLayers = 1000;
};

/// Weights and scales of the losses (network/losses.hpp).
struct LossConfig {
  double lambda_same = 1;
  double lambda_prop = 0.1;  ///< lambda_1
  double lambda_sdtw = 0.1;  ///< lambda_2
  double temperature = 0.1;  ///< tau
  double sigma2 = 100;       ///< square of sigma, in frames
  double gamma = 0.1;
  SdtwReduction sdtw_reduction = SdtwReduction::kMean;
  Regularizer regularizer = Regularizer::kNone;
  double regularizer_weight = 0.5;
  double idm_margin = 2;
  double idm_sigma = 10;  ///< frames
};

struct TrainConfig {
  std::int64_t epochs = kFollowsPlan;
  std::int64_t frames = 80;  ///< T
  Sampler sampler = Sampler::kCarlCode;
  std::int64_t pairs_per_rank = 1;
  std::int64_t pairs_per_step = 0;  ///< over all ranks; 0: pairs_per_rank times their number
  double lr = 1e-3;
  double weight_decay = 1e-5;
  double clip_norm = 10;  ///< 0: gradients are not clipped
  Schedule schedule = Schedule::kCosine;
  BatchNorm batch_norm = BatchNorm::kSynced;
  std::int64_t seed = 0;
  std::filesystem::path plan;  ///< plan file; empty: pairs and frames are drawn
  Profile profile = Profile::kRecommended;

  static constexpr std::int64_t kMostPairs = 1 << 24;   ///< of a rank or a step
  static constexpr std::int64_t kLongestRun = 1 << 30;  ///< so that pairs can be counted over all epochs

  /// train.epochs: 400 passes over the training videos, or one over a plan.
  static constexpr std::int64_t kFollowsPlan = -1;
  [[nodiscard]] std::int64_t epoch_count() const {
    constexpr std::int64_t kDrawn = 400;
    if (epochs != kFollowsPlan) return epochs;
    return plan.empty() ? kDrawn : 1;
  }
};

struct EvalConfig {
  EvalSplit split = EvalSplit::kAuto;
  std::int64_t every_epochs = 0;  ///< between validations; 0: only after the last epoch
  std::int64_t stride = 1;        ///< frames, of AP@K and Kendall's tau
  std::int64_t dtw_stride = 1;    ///< frames, of the DTW accuracy
  std::string fractions = "0.05,0.1,0.25,0.5,0.75,1";
  std::string k = "1,5,10,15,20,25";
  std::int64_t svm_frames = 50'000;  ///< training frames of a classifier, at most; 0: all
  std::int64_t subsets = 0;          ///< random subsets of each label fraction, beside the first videos
  std::int64_t frames_per_pass = 0;  ///< of a video that the encoder sees at once; 0: all
};

/// Everything that LRProp is told, resolved: default < file < command line. Its keys: config_keys.hpp.
struct Config : SharedConfig {
  FeaturesConfig features;
  ModelConfig model;
  LossConfig loss;
  TrainConfig train;
  EvalConfig eval;
};

}  // namespace alignment::lrprop
