#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "src/lrprop/embedded_video.hpp"
#include "src/lrprop/evaluation/pooled_frames.hpp"
#include "src/lrprop/evaluation/sequence.hpp"

namespace alignment::lrprop {

/// A video of width 1 from its rows and labels.
inline EmbeddedVideo line_video(std::string id, io::Split split, std::vector<float> rows,
                                std::vector<std::int32_t> labels, std::int32_t action = 0) {
  return {std::move(id), split, action, 1, std::move(rows), std::move(labels), {}};
}

/// Videos whose frames wander from phase to phase, with noise. Phases never decrease; with `gaps` a few frames at each
/// phase's end have none. Rows are rounded to quarters with `ties`.
struct ExampleVideos {
  std::int64_t width = 5;
  std::int32_t phases = 4;
  double noise = 0.5;
  bool gaps = false, ties = false;
  std::mt19937 generator{7};

  EmbeddedVideo make(io::Split split, std::int64_t frames, std::int32_t action = 0) {
    std::normal_distribution<double> normal;
    EmbeddedVideo video{"v" + std::to_string(generator()), split, action, width, {}, {}, {}};
    for (std::int64_t t = 0; t < frames; ++t) {
      const double place = static_cast<double>(t * phases) / static_cast<double>(frames);
      const auto phase = static_cast<std::int32_t>(place);
      video.frame_labels.push_back(gaps && place - phase > 0.7 ? -1 : phase);
      for (std::int64_t e = 0; e < width; ++e) {
        double number = std::sin(place * static_cast<double>(e + 1) + action) + noise * normal(generator);
        if (ties) number = std::round(4 * number) / 4;
        video.rows.push_back(static_cast<float>(number));
      }
    }
    return video;
  }

  /// A split's worth of them, of different lengths.
  void add(std::vector<EmbeddedVideo>& videos, io::Split split, int count, std::int64_t frames,
           std::int32_t action = 0) {
    for (int n = 0; n < count; ++n) videos.push_back(make(split, frames + 3 * n, action));
  }
};

/// Videos and their sequences.
struct Sequences : std::vector<Sequence<float>> {
  explicit Sequences(std::vector<EmbeddedVideo> given) : videos(std::move(given)) {
    for (const EmbeddedVideo& video : videos) emplace_back(video);
  }
  std::vector<EmbeddedVideo> videos;
};

inline Sequences sequences_of(std::vector<EmbeddedVideo> videos) {
  return Sequences(std::move(videos));
}

inline PooledFrames pool(const Sequences& sequences) {
  PooledFrames frames;
  for (const Sequence<float>& sequence : sequences) frames.add(sequence);
  return frames;
}

}  // namespace alignment::lrprop
