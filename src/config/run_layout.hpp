#pragma once

#include <array>

/// What lies in the folder of a run, run.dir.
namespace alignment::run_layout {

inline constexpr const char* kConfig = "config.toml";
inline constexpr const char* kMetrics = "metrics.jsonl";
inline constexpr const char* kSummary = "summary.json";
inline constexpr const char* kEnvironment = "environment.json";
inline constexpr const char* kRefusedStep = "refused_step.json";
inline constexpr const char* kModel = "model.h5";  ///< of the last epoch
inline constexpr const char* kBest = "best.h5";    ///< of the epoch that was best on validation samples
inline constexpr std::array kFiles{kConfig, kMetrics, kSummary, kEnvironment, kRefusedStep, kModel, kBest};

inline constexpr const char* kCheckpoints = "checkpoints";
inline constexpr const char* kLogs = "logs";
inline constexpr const char* kTensorBoard = "tensorboard";
inline constexpr std::array kFolders{kCheckpoints, kLogs, kTensorBoard};

}  // namespace alignment::run_layout
