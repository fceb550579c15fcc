#pragma once

#include <string_view>

namespace alignment::drawing {

/// The rules of a style sheet that all pictures share, for light and for dark. Text stands out by at least 7 to 1 from
/// its background, lines by 3 to 1. A page that holds svg_element()s has it once.
[[nodiscard]] std::string_view picture_style();

}  // namespace alignment::drawing
