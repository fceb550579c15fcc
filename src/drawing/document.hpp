#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "src/drawing/canvas.hpp"

namespace alignment::drawing {

// Pixels, before a viewer scales the picture.
inline constexpr double kMargin = 24;
inline constexpr double kCharacter = 7.9;         ///< the width that a character of 13 pixels takes on average
inline constexpr double kHeadingCharacter = 9.9;  ///< the same of headings
inline constexpr double kLine = 18;               ///< from one line of text to the next

[[nodiscard]] double width_of(std::string_view text);
/// How many characters have room.
[[nodiscard]] std::size_t characters_in(double width, double character = kCharacter);
/// Lines of at most `most` characters, cut at blanks where there are some.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view text, std::size_t most);

/// Draws title and caption at the top of a document; returns where it goes on.
[[nodiscard]] double draw_head(Canvas& canvas, std::string_view title, std::string_view caption, double width);

/// An SVG document that stands alone, with picture_style(). Title and caption are what a screen reader says of it.
[[nodiscard]] std::string svg_document(double width, double height, std::string_view title, std::string_view caption,
                                       std::string_view elements);

}  // namespace alignment::drawing
