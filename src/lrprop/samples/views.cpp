#include "src/lrprop/samples/views.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "src/training/samples/random.hpp"

namespace alignment::lrprop {
namespace {

constexpr double kStretch = 1.5;                          ///< CARL's SAMPLING_REGION and alpha
constexpr double kOverlap = 0.2;                          ///< CARL's CONSISTENT_OFFSET and beta
constexpr std::uint64_t kFramesStream = 0x6672616D6573U;  // "frames": a stream of its own
constexpr std::uint64_t kCropsStream = 0x63726F7073U;     // "crops"

/// `count` ascending positions below `total`.
FrameIndices ascending(Random& random, std::int64_t total, std::int64_t count) {
  FrameIndices positions = random.draw(total, count);
  std::sort(positions.begin(), positions.end());
  return positions;
}

/// Drawn again where fewer than two frames are left, which a video of two frames does every other time.
FrameIndices whole_video_view(Random& random, std::int64_t length, std::int64_t frames) {
  constexpr int kMostDraws = 1000;
  for (int draw = 0; draw < kMostDraws; ++draw) {
    const double stretch = 1 + (kStretch - 1) * random.uniform();
    const auto positions = static_cast<std::int64_t>(std::ceil(stretch * static_cast<double>(length)));
    FrameIndices view = ascending(random, positions, std::min(length, frames));
    view.erase(std::lower_bound(view.begin(), view.end(), length), view.end());
    if (view.size() >= 2) return view;
  }
  throw std::runtime_error("no view of two frames was drawn in a thousand draws");
}

struct Crop {
  std::int64_t first = 0, count = 0;
};

std::array<Crop, 2> draw_crops(Random& random, std::int64_t length, std::int64_t frames) {
  std::array<Crop, 2> crops;
  for (Crop& crop : crops) {
    const double stretch = 1 + (kStretch - 1) * random.uniform();
    crop.count = std::min(length, static_cast<std::int64_t>(std::ceil(stretch * static_cast<double>(frames))));
  }
  crops[0].first = random.below(length - crops[0].count + 1);
  const auto shared =
      static_cast<std::int64_t>(std::ceil(kOverlap * static_cast<double>(std::min(crops[0].count, crops[1].count))));
  const std::int64_t least = std::max(std::int64_t{0}, crops[0].first + shared - crops[1].count);
  const std::int64_t most = std::min(length - crops[1].count, crops[0].first + crops[0].count - shared);
  crops[1].first = least + random.below(most - least + 1);
  return crops;
}

}  // namespace

std::array<FrameIndices, 2> draw_views(Sampler sampler, std::int64_t length, std::int64_t frames, const ViewKey& key) {
  if (length < 2) throw std::invalid_argument("a view needs a video of two frames");
  const auto stream = [&](std::uint64_t which, std::uint64_t view) {
    return Random{key.seed, which, static_cast<std::uint64_t>(key.epoch), static_cast<std::uint64_t>(key.video), view};
  };
  std::array<FrameIndices, 2> views;
  Random of_crops = stream(kCropsStream, 0);
  const std::array<Crop, 2> crops = draw_crops(of_crops, length, std::min(frames, length));
  for (std::size_t view = 0; view < views.size(); ++view) {
    Random random = stream(kFramesStream, view);
    if (sampler == Sampler::kCarlCode) {
      views[view] = whole_video_view(random, length, frames);
    } else {
      views[view] = ascending(random, crops[view].count, std::min(crops[view].count, frames));
      for (std::int64_t& frame : views[view]) frame += crops[view].first;
    }
  }
  return views;
}

}  // namespace alignment::lrprop
