#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "io/store/tse_store.hpp"
#include "src/config/sections.hpp"

namespace alignment::lrprop {

/// What is measured, and on which frames.
struct EvaluationSettings {
  io::Split split = io::Split::kValidation;  ///< the videos that are judged; probes are trained on kTrain
  std::int64_t stride = 1;                   ///< of frames for AP and tau
  std::int64_t dtw_stride = 1;               ///< of frames for DTW accuracy
  std::vector<double> fractions{0.05, 0.1, 0.25, 0.5, 0.75, 1};  ///< of the train videos, each in (0,1]
  std::vector<std::int64_t> k{1, 5, 10, 15, 20, 25};
  std::int64_t svm_frames = 50'000;  ///< most frames that a support vector machine is trained on; 0: all
  std::int64_t subsets = 0;          ///< random subsets of the train videos a fraction, beside the first videos
  std::uint64_t seed = 0;            ///< of the subsets
  int threads = 1;
  std::vector<std::string> action_names;  ///< by EmbeddedVideo::label; may be empty

  /// Throws std::invalid_argument.
  void require_usable() const;
  /// "pour", or "action 3" where it has no name.
  [[nodiscard]] std::string action_name(std::int32_t label) const;
};

/// Who looks on.
struct EvaluationWatch {
  ProgressChoice progress = ProgressChoice::kOff;  ///< on rank 0; the others are silent
  std::function<bool()> asked_to_stop;             ///< looked at on every rank every second or so; may be empty
};

}  // namespace alignment::lrprop
