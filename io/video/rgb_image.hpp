#pragma once

#include <cstdint>
#include <vector>

namespace alignment::io {

/// A picture of 8-bit red, green and blue, row by row from the top: [height, width, 3].
struct RgbImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;  ///< 3 * width * height
};

}  // namespace alignment::io
