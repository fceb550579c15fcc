#pragma once

#include <string_view>

#include "io/video/rgb_image.hpp"

namespace alignment::encoding {

/// Digits, points, blanks and the letter s in black, of 5 x 7 dots of `scale` x `scale` pixels each: what frames'
/// numbers and times take. What else `text` holds is blank.
struct SmallText {
  static constexpr int kHeight = 7, kAdvance = 6;  ///< dots of a line, and from one character to the next

  std::string_view text;
  int scale = 1;

  [[nodiscard]] int width() const { return static_cast<int>(text.size()) * kAdvance * scale; }
  /// With its upper left corner at pixel (left, top); what lies outside of the image is left out.
  void draw(io::RgbImage& image, int left, int top) const;
};

}  // namespace alignment::encoding
