#pragma once

#include <cstdint>
#include <span>

#include "io/video/rgb_image.hpp"

namespace alignment::encoding {

/// A part of a scaled picture: pixels from its upper left corner.
struct Cutout {
  std::int64_t x = 0, y = 0, width = 0, height = 0;
};

/// `cutout` of `image` scaled to [scaled_height, scaled_width, 3] as OpenCV's INTER_LINEAR scales 8-bit pictures, equal
/// to it: the two nearest pixels each way, weights in 2048ths, whole numbers, nothing smoothed. What lies outside is
/// not computed. pixels: [cutout.height, cutout.width, 3].
void resize_bilinear(const io::RgbImage& image, std::int64_t scaled_width, std::int64_t scaled_height,
                     const Cutout& cutout, std::span<std::uint8_t> pixels);

}  // namespace alignment::encoding
