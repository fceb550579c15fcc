#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "src/lrprop/evaluation/pooled_frames.hpp"

namespace alignment::lrprop {

/// How far the frames of a video are within each phase but the last: column c of frame t of L is (t - e(c)) / L, where
/// e(c) is the last frame of phase c; of a phase that the video lacks, the first frame of a later phase, or L-1 where
/// there is none.
/// | labels | [L]   | in  |
/// | phases | [P]   | in, ascending: those of the action, whatever their numbers |
/// | result | [L,P-1] | out |
[[nodiscard]] std::vector<double> progression_targets(std::span<const std::int32_t> labels,
                                                      std::span<const std::int32_t> phases);

/// R^2 of each column of `targets` [N,columns] predicted as `predictions` [N,columns], N >= 2, as sklearn's r2_score:
/// 1 - sum (y - f)^2 / sum (y - mean y)^2; of a constant column 1 where every prediction is exact, else 0.
[[nodiscard]] std::vector<double> coefficients_of_determination(const std::vector<double>& targets,
                                                                const std::vector<double>& predictions,
                                                                std::int64_t columns);

/// Phase progression: a linear regression with intercept for each of the P-1 columns, from the frames of `train`
/// to their targets, judged by R^2 over all frames of `judged`. [P-1]. At least one frame in `train`, two in
/// `judged`.
[[nodiscard]] std::vector<double> progression_scores(const PooledFrames& train, const PooledFrames& judged,
                                                     std::span<const std::int32_t> phases);

}  // namespace alignment::lrprop
