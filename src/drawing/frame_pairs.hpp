#pragma once

#include <array>
#include <string>
#include <vector>

namespace alignment::drawing {

/// A square picture of a frame.
struct Still {
  std::string png;   ///< the file
  std::string text;  ///< which frame it is, in a few characters
  std::string hover;
};

/// Frames of two videos that belong together, one above the other, from left to right and then line by line.
struct FramePairs {
  std::string title;
  std::string caption;               ///< one paragraph
  std::array<std::string, 2> names;  ///< what the upper frames are of, and the lower ones
  std::vector<std::array<Still, 2>> pairs;
  double size = 128;  ///< pixels that the side of a frame is shown in, at most 900
};

/// The picture as an SVG document in UTF-8 that stands alone, readable on light and on dark; valid XML whatever the
/// texts hold. The same input gives the same bytes.
[[nodiscard]] std::string to_svg(const FramePairs& picture);

}  // namespace alignment::drawing
