#include "src/encoding/frames/small_text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace alignment::encoding {
namespace {

using Glyph = std::array<std::string_view, SmallText::kHeight>;

struct Character {
  char character;
  Glyph dots;
};

constexpr std::array<Character, 12> kCharacters{{
    {'0', {" ### ", "#   #", "#  ##", "# # #", "##  #", "#   #", " ### "}},
    {'1', {"  #  ", " ##  ", "  #  ", "  #  ", "  #  ", "  #  ", " ### "}},
    {'2', {" ### ", "#   #", "    #", "   # ", "  #  ", " #   ", "#####"}},
    {'3', {" ### ", "#   #", "    #", "  ## ", "    #", "#   #", " ### "}},
    {'4', {"   # ", "  ## ", " # # ", "#  # ", "#####", "   # ", "   # "}},
    {'5', {"#####", "#    ", "#### ", "    #", "    #", "#   #", " ### "}},
    {'6', {" ### ", "#    ", "#    ", "#### ", "#   #", "#   #", " ### "}},
    {'7', {"#####", "    #", "   # ", "  #  ", "  #  ", "  #  ", "  #  "}},
    {'8', {" ### ", "#   #", "#   #", " ### ", "#   #", "#   #", " ### "}},
    {'9', {" ### ", "#   #", "#   #", " ####", "    #", "    #", " ### "}},
    {'.', {"     ", "     ", "     ", "     ", "     ", " ##  ", " ##  "}},
    {'s', {"     ", "     ", " ####", "#    ", " ### ", "    #", "#### "}},
}};

}  // namespace

void SmallText::draw(io::RgbImage& image, int left, int top) const {
  const auto blacken = [&](int x, int y) {
    if (x < 0 || y < 0 || x >= image.width || y >= image.height) return;
    const auto pixel =
        3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) + static_cast<std::size_t>(x));
    std::fill_n(image.pixels.begin() + static_cast<std::ptrdiff_t>(pixel), 3, std::uint8_t{0});
  };
  for (const char character : text) {
    const auto* known = std::find_if(kCharacters.begin(), kCharacters.end(),
                                     [&](const Character& one) { return one.character == character; });
    for (int y = 0; known != kCharacters.end() && y < kHeight * scale; ++y) {
      const std::string_view dots = known->dots[static_cast<std::size_t>(y / scale)];
      for (int x = 0; x < static_cast<int>(dots.size()) * scale; ++x) {
        if (dots[static_cast<std::size_t>(x / scale)] == '#') blacken(left + x, top + y);
      }
    }
    left += kAdvance * scale;
  }
}

}  // namespace alignment::encoding
