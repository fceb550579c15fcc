#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "src/lrprop/evaluation/embedding.hpp"
#include "src/lrprop/evaluation/pair_scores.hpp"
#include "src/lrprop/evaluation/pooled_frames.hpp"
#include "src/lrprop/evaluation/result.hpp"
#include "src/lrprop/evaluation/settings.hpp"

namespace alignment::lrprop {

/// One action under one embedding: which videos count, and how to get at their frames. Knows of no type of rows.
struct Action {
  std::int32_t label = 0;
  ActionResult result;
  std::vector<std::int32_t> phases;  ///< ascending, those of any of its videos
  std::int64_t train_videos = 0;     ///< labelled
  std::int64_t judged_videos = 0;    ///< with frames, labelled or not
  std::int64_t labelled_videos = 0;  ///< of those, the labelled ones
  std::int64_t fewest_others = 0;    ///< frames of all labelled videos but the one that has most, at the stride
  bool without_phases = false;       ///< no frame of any of its videos has a label: Kendall's tau is all that is told
  /// Labelled train videos by their number among them, and all labelled judged ones.
  std::function<PooledFrames(const std::vector<std::int64_t>& train_videos)> train;
  std::function<PooledFrames()> judged;
  std::function<PairScores(WorkWatch& watch, dist::Communicator& communicator)> compare_all;  ///< collective
  std::vector<std::string> notes;

  void note(std::string line) { notes.push_back(std::move(line)); }
};

/// The videos of `embedding` by action, in the order of their labels; also of actions without videos to judge. Frames
/// with a label below 0 are gone. What it returns refers to `embedding` and `settings`. Throws io::NotFiniteError where
/// a row holds NaN or infinity, std::invalid_argument where the videos contradict themselves or each other.
[[nodiscard]] std::vector<Action> split_into_actions(const Embedding& embedding, const EvaluationSettings& settings);

}  // namespace alignment::lrprop
