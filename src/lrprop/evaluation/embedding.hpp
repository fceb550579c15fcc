#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "src/lrprop/embedded_video.hpp"

namespace alignment::lrprop {

/// An EmbeddedVideo with rows in f64.
struct PreciseVideo {
  std::string id;
  io::Split split = io::Split::kTrain;
  std::int32_t label = 0;
  std::int64_t width = 0;
  std::vector<double> rows;                ///< [T,E]
  std::vector<std::int32_t> frame_labels;  ///< [T], as EmbeddedVideo has them

  [[nodiscard]] std::int64_t frames() const { return static_cast<std::int64_t>(rows.size()) / width; }
};

/// The videos under a clock: frame t of T is the one number t / (T - 1), 0 of a single one. f64, so that no two frames
/// of a video and no two neighbours become equal by rounding.
[[nodiscard]] std::vector<PreciseVideo> time_only(const std::vector<EmbeddedVideo>& videos);

/// One way of embedding a set of videos, to be evaluated. The videos are the caller's.
struct Embedding {
  std::string name;  ///< "model", "raw", "time_only"
  std::variant<const std::vector<EmbeddedVideo>*, const std::vector<PreciseVideo>*> videos;
};

}  // namespace alignment::lrprop
