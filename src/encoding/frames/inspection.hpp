#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
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
  /// As VideoReader has them at the end.
  std::int64_t frames = 0, bad_packets = 0, damaged_frames = 0, steps_back = 0, interlaced_frames = 0;
  std::vector<double> times;              ///< [frames] seconds from the first
  std::vector<MeanColour> mean_native;    ///< [frames] of what was decoded
  std::vector<MeanColour> mean_prepared;  ///< [frames] of the square that an encoder gets

  [[nodiscard]] bool is_interlaced() const { return properties.interlaced || interlaced_frames > 0; }
};

/// Called with every frame: how many have been decoded, and how many there are, where that is known.
using FrameWatch = std::function<void(std::int64_t decoded, std::optional<std::int64_t> all)>;

/// Decodes and prepares every frame, one in memory at a time. Throws io::VideoError, which does not name the file,
/// where it cannot be used or has no frame.
[[nodiscard]] VideoInspection inspect_video(const std::filesystem::path& video, int size, Resize resize,
                                            const FrameWatch& watch = {});

/// The same without colours: frames are decoded, not converted.
[[nodiscard]] VideoInspection inspect_video(const std::filesystem::path& video, const FrameWatch& watch = {});

/// What a plan is made by, and the plan of a video of as many frames as were decoded.
struct InspectedWindows {
  WindowRule rule;
  WindowPlan plan;
};

/// The file that `inspect` writes, a JSON object of one line a key: `frames`, `header_frames` (null: not said),
/// `bad_packets`, `damaged_frames`, `steps_back`, `stream`, `codec`, `width`, `height`, `rotation`, `interlaced`,
/// `interlaced_frames`, `rate`, `times`, `mean_rgb`, `mean_rgb_native`, and with `windows` also `windows`: of a
/// fraction rule [T][m] frame indices, of a multi rule an object from each width (`video`: the whole video) to [T][m].
[[nodiscard]] std::string to_json(const VideoInspection& inspection, const std::optional<InspectedWindows>& windows);

/// The same in a few lines for people: what it is, its frames and seconds, what of it does not decode, its windows.
[[nodiscard]] std::string to_text(const VideoInspection& inspection, const std::optional<InspectedWindows>& windows);

}  // namespace alignment::encoding
