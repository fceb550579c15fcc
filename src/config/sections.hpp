#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "src/config/choices.hpp"

namespace alignment {

enum class CacheChoice : std::uint8_t { kAuto, kNone, kMemory, kDevice };
enum class BadSamples : std::uint8_t { kRefuse, kSkip };
enum class DeviceChoice : std::uint8_t { kAuto, kCpu, kCuda };
enum class BackendChoice : std::uint8_t { kAuto, kMpi, kNccl };
enum class ProgressChoice : std::uint8_t { kAuto, kBar, kPlain, kOff };
/// For systems that evaluate on a split of the store.
enum class EvalSplit : std::uint8_t { kAuto, kTrain, kVal, kTest };

template <>
inline constexpr std::array<std::string_view, 4> kChoiceNames<CacheChoice>{"auto", "none", "memory", "device"};
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<BadSamples>{"refuse", "skip"};
template <>
inline constexpr std::array<std::string_view, 3> kChoiceNames<DeviceChoice>{"auto", "cpu", "cuda"};
template <>
inline constexpr std::array<std::string_view, 3> kChoiceNames<BackendChoice>{"auto", "mpi", "nccl"};
template <>
inline constexpr std::array<std::string_view, 4> kChoiceNames<ProgressChoice>{"auto", "bar", "plain", "off"};
template <>
inline constexpr std::array<std::string_view, 4> kChoiceNames<EvalSplit>{"auto", "train", "val", "test"};

struct DataConfig {
  std::vector<std::filesystem::path> store;      ///< TSE stores, read as one
  CacheChoice cache = CacheChoice::kAuto;        ///< auto: the GPU's memory or else the host's, where they fit
  std::int64_t prefetch = 2;                     ///< batches read ahead
  BadSamples bad_samples = BadSamples::kRefuse;  ///< what to do with samples that hold NaN or infinity
};

struct DistConfig {
  DeviceChoice device = DeviceChoice::kAuto;
  BackendChoice backend = BackendChoice::kAuto;
  /// Seconds: what the watching threads tell apart, and three years.
  static constexpr double kLeastTimeout = 0.1, kMostTimeout = 1e8;
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
  bool tensorboard = true;  ///< whether an event file is written too
  ProgressChoice progress = ProgressChoice::kAuto;
};

/// What every system is told. A system's own configuration derives from it and adds sections; its key table
/// (keys.hpp) says how they are read and written.
struct SharedConfig {
  DataConfig data;
  DistConfig dist;
  RunConfig run;
  std::filesystem::path config_file;  ///< that --config names; no key

  SharedConfig() = default;
  SharedConfig(const SharedConfig&) = default;
  SharedConfig(SharedConfig&&) = default;
  SharedConfig& operator=(const SharedConfig&) = default;
  SharedConfig& operator=(SharedConfig&&) = default;
  virtual ~SharedConfig() = default;
};

}  // namespace alignment
