#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "io/video/rgb_image.hpp"
#include "src/encoding/frames/inspection.hpp"

namespace alignment::encoding {

/// Called with a frame, prepared, and its place among those that were chosen.
using FrameTaker = std::function<void(std::size_t place, const io::RgbImage& prepared)>;

/// Hands on the frames `chosen` (from 0, in any order; one may be there several times) of a video, prepared as for an
/// encoder of `size` pixels a side, as they come in the video. `inspection` is of the video, which is decoded once
/// more. Throws io::VideoError, which does not name the file.
void take_frames(const std::filesystem::path& video, const VideoInspection& inspection,
                 std::span<const std::int64_t> chosen, int size, Resize resize, const FrameTaker& take,
                 const FrameWatch& watch = {});

/// The frame that lies nearest to each of these times, in seconds from the first frame.
[[nodiscard]] std::vector<std::int64_t> frames_at(const VideoInspection& inspection, std::span<const double> seconds);

/// Refuses a video that features whose last row is at `last_second` cannot be of: it ends before, or goes on for as
/// long again. Throws io::VideoError, which does not name the file.
void require_end(const VideoInspection& inspection, double last_second);

}  // namespace alignment::encoding
