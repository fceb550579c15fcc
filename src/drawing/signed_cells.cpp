#include "src/drawing/signed_cells.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/drawing/canvas.hpp"
#include "src/drawing/colours.hpp"
#include "src/drawing/png.hpp"

namespace alignment::drawing {

std::string signed_cells(const Matrix& matrix, double limit) {
  constexpr auto kMiddle = static_cast<double>(kSignedShades / 2);
  std::vector<std::uint8_t> shades;
  shades.reserve(matrix.values.size());
  for (const double value : matrix.values) {
    const double share = limit > 0 ? std::clamp(value / limit, -1.0, 1.0) : 0;
    shades.push_back(static_cast<std::uint8_t>(std::lround(kMiddle + kMiddle * share)));
  }
  return png_bytes(matrix.columns, matrix.rows, shades, signed_palette());
}

std::string signed_scale(const std::string& name, const std::string& low, const std::string& middle,
                         const std::string& high) {
  constexpr double kWidth = 460, kLeft = 40, kLength = 380, kTop = 24, kThick = 14;
  Matrix colours{{}, 1, static_cast<std::int64_t>(kSignedShades)};
  for (std::size_t n = 0; n < kSignedShades; ++n) {
    colours.values.push_back(static_cast<double>(n) - static_cast<double>(kSignedShades / 2));
  }
  Canvas canvas;
  canvas.text({kLeft + kLength / 2, 14}, "middle", name);
  canvas.image({kLeft, kTop}, kLength, kThick, "cells", png_data_uri(signed_cells(colours, kSignedShades / 2)), {});
  canvas.rectangle({kLeft, kTop}, kLength, kThick, "frame");
  canvas.text({kLeft, kTop + kThick + 16}, "soft middle", low);
  canvas.text({kLeft + kLength / 2, kTop + kThick + 16}, "soft middle", middle);
  canvas.text({kLeft + kLength, kTop + kThick + 16}, "soft middle", high);
  return svg_element(kWidth, kTop + kThick + 24,
                     fmt::format("{}: blue {}, white {}, orange {}", name, low, middle, high), canvas.take());
}

}  // namespace alignment::drawing
