#include "src/drawing/count_matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "src/drawing/canvas.hpp"
#include "src/drawing/colours.hpp"
#include "src/drawing/png.hpp"
#include "src/drawing/ticks.hpp"
#include "src/drawing/xml.hpp"

namespace alignment::drawing {
namespace {

constexpr double kWidth = 460;
constexpr Colour kWhite{255, 255, 255}, kRight{150, 156, 164};

/// Orange has one shade for each number of errors as far as that goes.
constexpr std::size_t kShades = 32;

class CountDrawing {
 public:
  explicit CountDrawing(const CountMatrix& matrix) : matrix_(matrix), classes_(matrix.names.size()) {
    if (classes_ == 0 || matrix.counts.size() != classes_ * classes_)
      throw std::invalid_argument("a matrix of counts: another size than its names");
    for (std::size_t row = 0; row < classes_; ++row) {
      for (std::size_t column = 0; column < classes_; ++column) {
        if (row != column) most_ = std::max(most_, count(row, column));
      }
    }
  }

  std::string draw() {
    if (classes_ <= kNamedClasses) {
      draw_named();
    } else {
      draw_cells();
    }
    const std::string label = fmt::format(
        "Confusion of {} classes, rows the true class, columns what it was taken for; at most {} errors in a cell",
        classes_, most_);
    return svg_element(kWidth, height_, label, canvas_.take());
  }

 private:
  [[nodiscard]] std::int64_t count(std::size_t row, std::size_t column) const {
    return matrix_.counts[row * classes_ + column];
  }

  /// 0 to 1 for one error to the most.
  [[nodiscard]] double share_of(std::int64_t errors) const {
    return most_ > 1 ? static_cast<double>(errors - 1) / static_cast<double>(most_ - 1) : 0;
  }

  void draw_named() {
    constexpr double kLeft = 172, kTop = 44, kRightEdge = 8;
    constexpr std::size_t kCharacters = 17;
    const double cell = std::min((kWidth - kLeft - kRightEdge) / static_cast<double>(classes_), 34.0);
    const double side = cell * static_cast<double>(classes_);
    canvas_.rectangle({kLeft, kTop}, side, side, "plate", hexadecimal(kWhite));
    canvas_.text({kLeft + side / 2, 14}, "soft middle", "taken for the class of this number");
    for (std::size_t row = 0; row < classes_; ++row) {
      const double middle = (static_cast<double>(row) + 0.5) * cell;
      canvas_.text({kLeft - 30, kTop + middle + 4.5}, "end", shortened(matrix_.names[row], kCharacters));
      canvas_.text({kLeft - 6, kTop + middle + 4.5}, "soft end", std::to_string(row));
      canvas_.text({kLeft + middle, kTop - 7}, "soft middle", std::to_string(row));
      for (std::size_t column = 0; column < classes_; ++column) draw_cell(row, column, {kLeft, kTop}, cell);
    }
    canvas_.rectangle({kLeft, kTop}, side, side, "frame");
    height_ = kTop + side + 6;
  }

  void draw_cell(std::size_t row, std::size_t column, Point corner, double cell) {
    const std::int64_t samples = count(row, column);
    if (samples == 0) return;
    const Colour colour = row == column ? kRight : error_colour(share_of(samples));
    const Point at{corner.x + static_cast<double>(column) * cell, corner.y + static_cast<double>(row) * cell};
    canvas_.rectangle(at, cell, cell, "cell", hexadecimal(colour),
                      row == column
                          ? fmt::format("{}: {} right", matrix_.names[row], samples)
                          : fmt::format("{} taken for {}: {}", matrix_.names[row], matrix_.names[column], samples));
    const std::string number = std::to_string(samples);
    const auto digits = static_cast<double>(number.size());
    if (digits * 6 > cell) return;
    canvas_.text(
        {at.x + cell / 2, at.y + cell / 2 + 4.5},
        fmt::format("{}{}", is_light(colour) ? "on-light middle" : "on-dark middle", digits * 8 > cell ? " small" : ""),
        number);
  }

  /// Classes are numbered as they come, since names have no room.
  void draw_cells() {
    constexpr double kLeft = 62, kTop = 44, kRightEdge = 8;
    const double side = kWidth - kLeft - kRightEdge;
    const auto extent = static_cast<std::int64_t>(classes_);
    std::vector<Colour> palette{kWhite, kRight};
    constexpr double kLightest = 0.3;  // a pixel of the lightest orange is not seen on white
    for (std::size_t n = 0; n < kShades; ++n) {
      palette.push_back(
          error_colour(kLightest + (1 - kLightest) * static_cast<double>(n) / static_cast<double>(kShades - 1)));
    }
    std::vector<std::uint8_t> pixels;
    pixels.reserve(classes_ * classes_);
    for (std::size_t row = 0; row < classes_; ++row) {
      for (std::size_t column = 0; column < classes_; ++column) {
        const std::int64_t samples = count(row, column);
        const bool error = samples > 0 && row != column;
        const double shade = error ? 2 + share_of(samples) * static_cast<double>(kShades - 1) : samples == 0 ? 0 : 1;
        pixels.push_back(static_cast<std::uint8_t>(shade));
      }
    }
    const double cell = side / static_cast<double>(classes_);
    const std::string image = png_bytes(extent, extent, pixels, palette, whole_pixels(cell, cell));
    canvas_.image({kLeft, kTop}, side, side, "cells", png_data_uri(image), {});
    canvas_.rectangle({kLeft, kTop}, side, side, "frame");
    canvas_.text({kLeft + side / 2, 14}, "soft middle", "number of the class that it was taken for");
    canvas_.upright_text({14, kTop + side / 2}, "soft", "number of the true class");
    for (const std::int64_t tick : frame_ticks(extent, 8)) {
      const double at = (static_cast<double>(tick) + 0.5) * side / static_cast<double>(extent);
      canvas_.text({kLeft + at, kTop - 7}, "soft middle", std::to_string(tick));
      canvas_.text({kLeft - 6, kTop + at + 4.5}, "soft end", std::to_string(tick));
    }
    height_ = kTop + side + 6;
  }

  const CountMatrix& matrix_;
  std::size_t classes_;
  std::int64_t most_ = 0;  ///< errors in one cell
  Canvas canvas_;
  double height_ = 0;
};

}  // namespace

std::string svg_element(const CountMatrix& matrix) {
  return CountDrawing(matrix).draw();
}

}  // namespace alignment::drawing
