#pragma once

#include <string>

#include "io/video/rgb_image.hpp"

namespace alignment::io {

/// `image` as a PNG file, by FFmpeg's encoder. Throws VideoError for an image without pixels.
[[nodiscard]] std::string png_file(const RgbImage& image);

}  // namespace alignment::io
