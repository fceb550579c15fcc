#pragma once

#include <filesystem>

#include "io/video/rgb_image.hpp"
#include "src/encoding/frames/inspection.hpp"

namespace alignment::encoding {

/// `count` frames of a video, the middles of as many equal parts of it, or all where it has fewer: prepared as for an
/// encoder of `size` pixels a side, from left to right, white between them, and below each its number, from 0, and its
/// time. `inspection` is of the video, which is decoded once more. Throws io::VideoError, which does not name the file.
[[nodiscard]] io::RgbImage film_strip(const std::filesystem::path& video, const VideoInspection& inspection, int count,
                                      int size, Resize resize, const FrameWatch& watch = {});

}  // namespace alignment::encoding
