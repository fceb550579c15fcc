#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "src/drawing/colours.hpp"

namespace alignment::drawing {

/// A PNG file of width x height pixels, row by row, each a position in `palette` (1 to 256 colours): the same bytes
/// wherever it is made.
[[nodiscard]] std::string png_bytes(std::int64_t width, std::int64_t height, std::span<const std::uint8_t> pixels,
                                    std::span<const Colour> palette);

[[nodiscard]] std::string base64(std::string_view bytes);

/// An image as it stands in an SVG: "data:image/png;base64,...".
[[nodiscard]] std::string png_data_uri(std::string_view png);

}  // namespace alignment::drawing
