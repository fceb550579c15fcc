#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "src/lrprop/config/choices.hpp"

namespace alignment::lrprop {

/// Frame indices of one view of a video: ascending, distinct, below its length.
using FrameIndices = std::vector<std::int64_t>;

/// One pair of videos and the views of both that a step trains on.
struct PairViews {
  std::array<std::int64_t, 2> videos{};  ///< A and B: samples of the store
  std::array<FrameIndices, 4> frames;    ///< a0 a1 b0 b1
};

/// What the draws of a view hang on.
struct ViewKey {
  std::uint64_t seed = 0;
  std::int64_t epoch = 0;
  std::int64_t video = 0;  ///< the sample's number in the store
};

/// Two views of a video of `length` frames, at most `frames` (T) each, at least 2. A function of the key alone.
///
/// carl_code: min(length, T) of the ceil(r * length) positions of a video made longer by r, uniform in [1, 1.5); those
/// past its end are dropped. carl_paper: of two crops of T to 1.5 T frames, which overlap by at least a fifth of the
/// shorter one, T frames each; a video of at most T frames is taken whole. Throws std::invalid_argument where `length`
/// is below 2.
[[nodiscard]] std::array<FrameIndices, 2> draw_views(Sampler sampler, std::int64_t length, std::int64_t frames,
                                                     const ViewKey& key);

}  // namespace alignment::lrprop
