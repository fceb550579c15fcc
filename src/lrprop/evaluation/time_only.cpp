#include <algorithm>

#include "src/lrprop/evaluation/embedding.hpp"

namespace alignment::lrprop {

std::vector<PreciseVideo> time_only(const std::vector<EmbeddedVideo>& videos) {
  std::vector<PreciseVideo> clocks;
  for (const EmbeddedVideo& video : videos) {
    PreciseVideo clock{video.id, video.split, video.label, 1, {}, video.frame_labels};
    const auto last = static_cast<double>(std::max(video.frames() - 1, std::int64_t{1}));
    for (std::int64_t t = 0; t < video.frames(); ++t) clock.rows.push_back(static_cast<double>(t) / last);
    clocks.push_back(std::move(clock));
  }
  return clocks;
}

}  // namespace alignment::lrprop
