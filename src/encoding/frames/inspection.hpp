#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/video/video_reader.hpp"
#include "src/encoding/frames/frame_preparation.hpp"
#include "src/encoding/samples/windows.hpp"

namespace alignment::encoding {

/// Red, green and blue, 0-255.
using MeanColour = std::array<double, 3>;

/// All of a video that can be said without an encoder.
struct VideoInspection {
  io::VideoProperties properties;
  std::int64_t frames = 0, bad_packets = 0, damaged_frames = 0, steps_back = 0;  ///< as VideoReader has them at the end
  std::vector<double> times;                                                     ///< [frames] seconds from the first
  std::vector<MeanColour> mean_native;                                           ///< [frames] of what was decoded
  std::vector<MeanColour> mean_prepared;  ///< [frames] of the square that an encoder gets
};

/// Decodes and prepares every frame, one in memory at a time. Throws io::VideoError, which does not name the file,
/// where it cannot be used or has no frame.
[[nodiscard]] VideoInspection inspect_video(const std::filesystem::path& video, int size, Resize resize);

/// What a plan is made by, and the plan of a video of as many frames as were decoded.
struct InspectedWindows {
  WindowRule rule;
  WindowPlan plan;
};

/// The file that `inspect` writes, a JSON object of one line a key: `frames`, `header_frames` (null: not said),
/// `bad_packets`, `damaged_frames`, `steps_back`, `stream`, `codec`, `width`, `height`, `rotation`, `interlaced`,
/// `rate`, `times`, `mean_rgb`, `mean_rgb_native`, and with `windows` also `windows`: of a fraction rule [T][m] frame
/// indices, of a multi rule an object from each width (`video`: the whole video) to [T][m].
[[nodiscard]] std::string to_json(const VideoInspection& inspection, const std::optional<InspectedWindows>& windows);

}  // namespace alignment::encoding
