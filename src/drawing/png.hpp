#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "src/drawing/colours.hpp"

namespace alignment::drawing {

/// The pixels that a cell takes in an image, each at least 1.
struct CellSize {
  std::int64_t width = 1, height = 1;
};

/// Of cells that are shown in this size: as many whole pixels, so that their edges stay sharp where a viewer knows
/// nothing of `image-rendering` and blurs what it enlarges.
[[nodiscard]] CellSize whole_pixels(double width, double height);

/// A PNG file of columns x rows cells, row by row, each a position in `palette` (1 to 256 colours): the same bytes
/// wherever it is made.
[[nodiscard]] std::string png_bytes(std::int64_t columns, std::int64_t rows, std::span<const std::uint8_t> cells,
                                    std::span<const Colour> palette, CellSize size = {});

[[nodiscard]] std::string base64(std::string_view bytes);

/// An image as it stands in an SVG: "data:image/png;base64,...".
[[nodiscard]] std::string png_data_uri(std::string_view png);

}  // namespace alignment::drawing
