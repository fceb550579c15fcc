#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "src/drawing/canvas.hpp"

namespace alignment::drawing {

/// One line of a chart.
struct Series {
  std::string name;
  std::vector<Point> points;  ///< ascending in x, finite; none: the series is left out
};

struct LineChart {
  std::string title;
  std::string x_name;          ///< what is counted: "epoch"
  std::vector<Series> series;  ///< at most kMostSeries; told apart by colour and by dashes
};

inline constexpr std::size_t kMostSeries = 5;

/// What a line is drawn with at most; a longer one is drawn as means of blocks of points.
inline constexpr std::size_t kMostPoints = 240;

/// Points of a line up to which each has a mark, with its numbers under the pointer.
inline constexpr std::size_t kMostMarks = 64;

/// The chart as an element of a page that has picture_style(); empty where no series has a point. The same input gives
/// the same bytes. Throws std::invalid_argument for too many series.
[[nodiscard]] std::string svg_element(const LineChart& chart);

}  // namespace alignment::drawing
