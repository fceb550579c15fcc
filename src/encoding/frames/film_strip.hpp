#pragma once

#include <filesystem>

#include "io/video/rgb_image.hpp"
#include "src/encoding/frames/frame_preparation.hpp"

namespace alignment::encoding {

/// `count` frames of a video, the middles of as many equal parts of it, prepared as for an encoder of `size` pixels a
/// side, from left to right with two white pixels between them. Decodes the video twice. Throws io::VideoError, which
/// does not name the file, where it cannot be used or has no frame.
[[nodiscard]] io::RgbImage film_strip(const std::filesystem::path& video, int count, int size, Resize resize);

}  // namespace alignment::encoding
