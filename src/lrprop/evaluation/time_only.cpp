#include "src/lrprop/evaluation/embedding.hpp"

namespace alignment::lrprop {

std::vector<PreciseVideo> time_only(const std::vector<EmbeddedVideo>& videos) {
  std::vector<PreciseVideo> clocks;
  for (const EmbeddedVideo& video : videos) {
    PreciseVideo clock{video.id, video.split, video.label, 1, {}, video.frame_labels};
    const auto frames = static_cast<double>(video.frames());
    for (std::int64_t t = 0; t < video.frames(); ++t) clock.rows.push_back(static_cast<double>(t) / frames);
    clocks.push_back(std::move(clock));
  }
  return clocks;
}

}  // namespace alignment::lrprop
