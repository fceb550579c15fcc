#include "src/drawing/canvas.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "src/drawing/xml.hpp"

namespace alignment::drawing {

std::string pixels(double value) {
  const double tenths = std::round(value * 10);
  const bool whole = std::fmod(tenths, 10) == 0;
  return whole ? fmt::format("{:.0f}", tenths / 10 + 0.0) : fmt::format("{:.1f}", tenths / 10);
}

void Canvas::close(std::string_view element, std::string_view hover) {
  if (hover.empty()) {
    elements_ += "/>\n";
  } else {
    fmt::format_to(std::back_inserter(elements_), "><title>{}</title></{}>\n", xml_escaped(hover), element);
  }
}

void Canvas::text(Point at, std::string_view style, std::string_view text) {
  fmt::format_to(std::back_inserter(elements_), "<text x=\"{}\" y=\"{}\" class=\"{}\">{}</text>\n", pixels(at.x),
                 pixels(at.y), style, xml_escaped(text));
}

void Canvas::upright_text(Point middle, std::string_view style, std::string_view text) {
  fmt::format_to(std::back_inserter(elements_),
                 "<text transform=\"translate({} {}) rotate(-90)\" class=\"{} middle\">{}</text>\n", pixels(middle.x),
                 pixels(middle.y), style, xml_escaped(text));
}

void Canvas::rectangle(Point corner, double width, double height, std::string_view style, std::string_view fill,
                       std::string_view hover) {
  fmt::format_to(std::back_inserter(elements_), "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" class=\"{}\"",
                 pixels(corner.x), pixels(corner.y), pixels(width), pixels(height), style);
  if (!fill.empty()) fmt::format_to(std::back_inserter(elements_), " fill=\"{}\"", fill);
  close("rect", hover);
}

void Canvas::line(Point from, Point to, std::string_view style, std::string_view stroke, std::string_view hover) {
  fmt::format_to(std::back_inserter(elements_), "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"{}\"",
                 pixels(from.x), pixels(from.y), pixels(to.x), pixels(to.y), style);
  if (!stroke.empty()) fmt::format_to(std::back_inserter(elements_), " stroke=\"{}\"", stroke);
  close("line", hover);
}

void Canvas::path(const std::vector<Point>& points, std::string_view style) {
  constexpr double kNear = 0.5;
  std::string trace;
  Point last;
  for (std::size_t n = 0; n < points.size(); ++n) {
    const Point at = points[n];
    const bool first = n == 0, end = n + 1 == points.size();
    if (!first && !end && std::hypot(at.x - last.x, at.y - last.y) < kNear) continue;
    fmt::format_to(std::back_inserter(trace), "{}{} {}", first ? "M" : " L", pixels(at.x), pixels(at.y));
    last = at;
  }
  fmt::format_to(std::back_inserter(elements_), "<path d=\"{}\" class=\"{}\"/>\n", trace, style);
}

void Canvas::circle(Point middle, double radius, std::string_view style, std::string_view hover) {
  fmt::format_to(std::back_inserter(elements_), "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" class=\"{}\"", pixels(middle.x),
                 pixels(middle.y), pixels(radius), style);
  close("circle", hover);
}

void Canvas::image(Point corner, double width, double height, std::string_view style, std::string_view data_uri,
                   std::string_view hover) {
  fmt::format_to(std::back_inserter(elements_),
                 "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" class=\"{}\" "
                 "href=\"{}\"",
                 pixels(corner.x), pixels(corner.y), pixels(width), pixels(height), style, data_uri);
  close("image", hover);
}

std::string svg_element(double width, double height, std::string_view label, std::string_view elements) {
  return fmt::format(
      "<svg class=\"picture\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" role=\"img\" aria-label=\"{2}\">\n"
      "{3}</svg>\n",
      pixels(width), pixels(height), xml_escaped(label), elements);
}

}  // namespace alignment::drawing
