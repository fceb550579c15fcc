#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alignment::drawing {

struct Point {
  double x = 0, y = 0;
};

/// Pixels to a tenth, in the fewest characters: 12, 12.5.
[[nodiscard]] std::string pixels(double value);

/// The elements of an SVG picture, one after the other; later ones lie above earlier ones. `style`: names of classes of
/// the style sheet. Texts are given as they are and escaped here.
class Canvas {
 public:
  void text(Point at, std::string_view style, std::string_view text);
  /// Read from bottom to top, around its middle.
  void upright_text(Point middle, std::string_view style, std::string_view text);
  /// `fill`: "#rrggbb", or empty where the style says. `hover`: shown under the pointer, or empty.
  void rectangle(Point corner, double width, double height, std::string_view style, std::string_view fill = {},
                 std::string_view hover = {});
  void line(Point from, Point to, std::string_view style, std::string_view stroke = {}, std::string_view hover = {});
  /// Points nearer than half a pixel to the one before are left out, but for the last.
  void path(const std::vector<Point>& points, std::string_view style);
  void circle(Point middle, double radius, std::string_view style, std::string_view hover = {});
  void image(Point corner, double width, double height, std::string_view style, std::string_view data_uri,
             std::string_view hover);

  [[nodiscard]] std::string take() { return std::move(elements_); }

 private:
  void close(std::string_view element, std::string_view hover);

  std::string elements_;
};

/// A picture as an element of a page that has picture_style(): `label` is what a screen reader says of it.
[[nodiscard]] std::string svg_element(double width, double height, std::string_view label, std::string_view elements);

}  // namespace alignment::drawing
