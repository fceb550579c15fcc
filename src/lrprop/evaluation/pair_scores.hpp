#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dist/communicator.hpp"
#include "src/lrprop/evaluation/sequence.hpp"
#include "src/lrprop/evaluation/settings.hpp"
#include "src/lrprop/evaluation/work_watch.hpp"

namespace alignment::lrprop {

/// What all pairs of an action's videos say, the same on every rank and for every number of ranks.
struct PairScores {
  std::vector<double> ap;                  ///< [k]; empty where there are fewer than two labelled videos
  std::vector<std::optional<double>> tau;  ///< of ordered pairs (i,j), (j,i) for each i < j; nothing where not defined
  std::vector<double> dtw_accuracy;        ///< of each pair i < j of labelled videos
};

/// Collective. One pass over all pairs of `videos`, none without frames, shared out over ranks and threads; `watch` is
/// told of every pair.
/// - tau: Kendall's tau-b of the frames of i, in order, and the numbers of their nearest frames of j (of equally near
///   ones the first); every stride-th frame of both;
/// - ap: average_precision() of labelled videos; every stride-th frame;
/// - dtw_accuracy: the share of cells of the DTW path whose two frames have the same label; every dtw_stride-th frame.
/// Distances are Euclidean. Where the strides agree, a pair's distances are computed once for all three.
///
/// A rank holds 16 bytes a frame and K for the nearest frames, 24 bytes a pair, a copy of the frames for each stride
/// above 1, and for each thread 8 bytes a cell of the largest pair and what the kernels need.
/// Throws dist::AgreedFailure.
template <typename Real>
[[nodiscard]] PairScores compare_all(const std::vector<Sequence<Real>>& videos, const EvaluationSettings& settings,
                                     WorkWatch& watch, dist::Communicator& communicator);

}  // namespace alignment::lrprop
