#include "src/drawing/line_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>

#include "src/drawing/matrix.hpp"
#include "src/drawing/ticks.hpp"
#include "src/drawing/xml.hpp"

namespace alignment::drawing {
namespace {

constexpr double kWidth = 460, kLeft = 62, kRight = 14, kPlotHeight = 170, kLine = 18, kCharacter = 7.9;

/// At most kMostPoints of them, each the mean of a block.
std::vector<Point> thinned(const std::vector<Point>& points) {
  if (points.size() <= kMostPoints) return points;
  std::vector<Point> means;
  for (std::size_t n = 0; n < kMostPoints; ++n) {
    const std::size_t first = n * points.size() / kMostPoints, last = (n + 1) * points.size() / kMostPoints;
    Point sum;
    for (std::size_t m = first; m < last; ++m) sum = {sum.x + points[m].x, sum.y + points[m].y};
    const auto count = static_cast<double>(last - first);
    means.push_back({sum.x / count, sum.y / count});
  }
  return means;
}

struct Line {
  std::string name;
  std::vector<Point> points;
  std::size_t place = 0;  ///< in the chart: says its colour and dashes
  bool thinned = false;
};

class ChartDrawing {
 public:
  explicit ChartDrawing(const LineChart& chart) : chart_(chart) {
    if (chart.series.size() > kMostSeries) throw std::invalid_argument("a chart: too many series");
    std::vector<double> x, y;
    for (std::size_t n = 0; n < chart.series.size(); ++n) {
      const Series& series = chart.series[n];
      if (series.points.empty()) continue;
      lines_.push_back({series.name, thinned(series.points), n, series.points.size() > kMostPoints});
      for (const Point point : lines_.back().points) {
        x.push_back(point.x);
        y.push_back(point.y);
      }
    }
    x_ = limits_of(x);
    y_ = limits_of(y);
    y_ticks_ = number_ticks(y_.low, y_.high, 5);
    // Room beyond the lines; a level one lies in the middle.
    const double span = y_.high - y_.low;
    const double room = span > 0 ? span * 0.04 : y_.high == 0 ? 1 : std::fabs(y_.high) / 10;
    y_ = {y_.low - room, y_.high + room};
  }

  std::string draw() {
    if (lines_.empty()) return "";
    canvas_.text({0, 14}, "heading", shortened(chart_.title, 46));
    top_ = 14 + 8;
    draw_legend();
    top_ += 10;
    draw_axes();
    for (const Line& line : lines_) draw_line(line);
    return svg_element(kWidth, top_ + kPlotHeight + 2 * kLine + 8, label(), canvas_.take());
  }

 private:
  [[nodiscard]] Point at(Point point) const {
    const double width = kWidth - kLeft - kRight;
    const double across = x_.high > x_.low ? (point.x - x_.low) / (x_.high - x_.low) : 0.5;
    return {kLeft + width * across, top_ + kPlotHeight * (y_.high - point.y) / (y_.high - y_.low)};
  }

  void draw_legend() {
    if (lines_.size() == 1 && lines_.front().name.empty()) return;
    constexpr double kSwatch = 34;
    double x = kLeft;
    top_ += kLine;
    for (const Line& line : lines_) {
      const std::string name = shortened(line.name, 24);
      const double width = kSwatch + 8 + static_cast<double>(character_count(name)) * kCharacter + 16;
      if (x > kLeft && x + width > kWidth) {
        x = kLeft;
        top_ += kLine;
      }
      canvas_.path({{x, top_ - 4.5}, {x + kSwatch, top_ - 4.5}}, fmt::format("series series-{}", line.place));
      canvas_.text({x + kSwatch + 8, top_}, "", name);
      x += width;
    }
  }

  void draw_axes() {
    for (const double value : y_ticks_) {
      const double y = at({x_.low, value}).y;
      canvas_.line({kLeft, y}, {kWidth - kRight, y}, "grid");
      canvas_.text({kLeft - 6, y + 4.5}, "soft end", number_text(value));
    }
    const double bottom = top_ + kPlotHeight;
    canvas_.line({kLeft, bottom}, {kWidth - kRight, bottom}, "tick");
    for (const double value : number_ticks(x_.low, x_.high, 7)) {
      if (value != std::floor(value)) continue;  // epochs and steps are whole
      const double x = at({value, y_.low}).x;
      canvas_.line({x, bottom}, {x, bottom + 4}, "tick");
      canvas_.text({x, bottom + kLine}, "soft middle", fmt::format("{:.0f}", value));
    }
    canvas_.text({kLeft + (kWidth - kLeft - kRight) / 2, bottom + 2 * kLine}, "soft middle", chart_.x_name);
  }

  void draw_line(const Line& line) {
    std::vector<Point> points;
    points.reserve(line.points.size());
    for (const Point point : line.points) points.push_back(at(point));
    canvas_.path(points, fmt::format("series series-{}", line.place));
    if (points.size() > kMostMarks) return;
    for (std::size_t n = 0; n < points.size(); ++n) {
      canvas_.circle(points[n], 2.6, fmt::format("mark mark-{}", line.place),
                     fmt::format("{}{}{} {}: {}", line.name, line.name.empty() ? "" : ", ", chart_.x_name,
                                 line.points[n].x, number_text(line.points[n].y)));
    }
  }

  [[nodiscard]] std::string label() const {
    std::string text = fmt::format("{} by {}", chart_.title, chart_.x_name);
    for (const Line& line : lines_) {
      text += fmt::format("; {} from {} to {}", line.name.empty() ? "it goes" : line.name,
                          number_text(line.points.front().y), number_text(line.points.back().y));
      if (line.thinned) text += fmt::format(" ({} means of neighbouring points)", line.points.size());
    }
    return text;
  }

  const LineChart& chart_;
  std::vector<Line> lines_;
  Limits x_, y_;
  std::vector<double> y_ticks_;  ///< where lines have numbers, not beyond them
  Canvas canvas_;
  double top_ = 0;  ///< of the plot
};

}  // namespace

std::string svg_element(const LineChart& chart) {
  return ChartDrawing(chart).draw();
}

}  // namespace alignment::drawing
