#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace alignment {

enum class CacheChoice : std::uint8_t { kAuto, kNone, kMemory, kDevice };
enum class BadSamples : std::uint8_t { kRefuse, kSkip };
enum class WeightInit : std::uint8_t { kOne, kRandom };
enum class Refresh : std::uint8_t { kEpoch, kBatch };
enum class PathPrecision : std::uint8_t { kF32, kF16, kI8 };
enum class GradientPrecision : std::uint8_t { kF32, kF16 };
enum class Profile : std::uint8_t { kPaper, kDejavidCode };
enum class LogitNorm : std::uint8_t { kLayernorm, kNone };
enum class EvalPaths : std::uint8_t { kCurrent, kFrozen };
enum class EvalSplit : std::uint8_t { kAuto, kTrain, kVal, kTest };
enum class DeviceChoice : std::uint8_t { kAuto, kCpu, kCuda };
enum class BackendChoice : std::uint8_t { kAuto, kMpi, kNccl };
enum class ProgressChoice : std::uint8_t { kAuto, kBar, kPlain, kOff };

struct DataConfig {
  std::vector<std::filesystem::path> store;      ///< TSE stores, read as one
  CacheChoice cache = CacheChoice::kAuto;        ///< auto: the GPU's memory or else the host's, where they fit
  std::int64_t prefetch = 2;                     ///< batches read ahead
  BadSamples bad_samples = BadSamples::kRefuse;  ///< what to do with samples that hold NaN or infinity
};

struct ModelConfig {
  std::int64_t steps = 8;  ///< K
  WeightInit weight_init = WeightInit::kOne;
  bool learn_weights = true;
  bool learn_centroids = true;
  bool diagonal = false;
  std::filesystem::path init;  ///< model file to start from; empty: centroids by DBA
};

struct CentroidsConfig {
  std::int64_t samples_per_class = 50;
  std::int64_t iterations = 100;
};

struct TrainConfig {
  std::int64_t epochs = 36;
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
};

struct EvalConfig {
  EvalPaths paths = EvalPaths::kCurrent;  ///< default frozen under train.profile = "dejavid-code"
  EvalSplit split = EvalSplit::kAuto;     ///< auto: val, or test where there is no val
};

struct DistConfig {
  DeviceChoice device = DeviceChoice::kAuto;
  BackendChoice backend = BackendChoice::kAuto;
  double timeout_s = 600;
  std::int64_t threads = 0;  ///< threads a rank computes with; 0: its share of the host's cores

  [[nodiscard]] std::chrono::duration<double> timeout() const { return std::chrono::duration<double>(timeout_s); }
};

struct RunConfig {
  std::filesystem::path dir;                ///< empty: runs/<store>-<UTC time>
  std::string resume = "none";              ///< none, auto, or a checkpoint's path
  std::int64_t checkpoint_every_steps = 0;  ///< 0: at epoch ends only
  std::int64_t checkpoint_keep = 2;
  bool keep_going = false;  ///< past a checkpoint that could not be written
  ProgressChoice progress = ProgressChoice::kAuto;
};

/// Everything a run is told, resolved: default < file < command line.
struct Config {
  DataConfig data;
  ModelConfig model;
  CentroidsConfig centroids;
  TrainConfig train;
  EvalConfig eval;
  DistConfig dist;
  RunConfig run;
};

}  // namespace alignment
