// Charts: what is drawn of which points.
#include "src/drawing/line_chart.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace alignment::drawing {
namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t times = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++times;
  return times;
}

std::vector<Point> line(std::size_t points) {
  std::vector<Point> made;
  for (std::size_t n = 0; n < points; ++n) made.push_back({static_cast<double>(n), static_cast<double>(n % 7)});
  return made;
}

TEST(LineChart, EveryPointHasAMarkThatSaysIt) {
  const std::string svg =
      svg_element(LineChart{"Loss <1>", "epoch", {{"train", {{1, 0.5}, {2, 0.25}}}, {"val", {{2, 0.75}}}}});
  EXPECT_EQ(count(svg, "<circle"), 3);
  EXPECT_NE(svg.find("<title>train, epoch 2: 0.25</title>"), std::string::npos);
  EXPECT_NE(svg.find("aria-label=\"Loss &lt;1&gt; by epoch; train from 0.5 to 0.25; val from 0.75 to 0.75\""),
            std::string::npos);
  EXPECT_EQ(count(svg, "xmlns"), 0);
}

TEST(LineChart, LinesKeepTheirColourWhereOneHasNoPoints) {
  const std::string svg = svg_element(LineChart{"Loss", "epoch", {{"train", {}}, {"val", {{2, 0.75}}}}});
  EXPECT_EQ(count(svg, "series-0"), 0);
  EXPECT_EQ(count(svg, "series series-1"), 2);  // legend and line
  EXPECT_EQ(svg_element(LineChart{"Loss", "epoch", {{"train", {}}}}), "");
}

TEST(LineChart, LongLinesAreMeans) {
  EXPECT_EQ(count(svg_element(LineChart{"Loss", "step", {{"", line(kMostMarks)}}}), "<circle"), kMostMarks);
  EXPECT_EQ(count(svg_element(LineChart{"Loss", "step", {{"", line(kMostMarks + 1)}}}), "<circle"), 0);
  const std::string svg = svg_element(LineChart{"Loss", "step", {{"", line(700 * kMostPoints)}}});
  EXPECT_NE(svg.find("240 means of neighbouring points"), std::string::npos);
  EXPECT_LT(svg.size(), 6000);
}

TEST(LineChart, ALevelLineAndTooManyLines) {
  EXPECT_EQ(svg_element(LineChart{"Loss", "step", {{"", {{3, 0}}}}}).find("nan"), std::string::npos);
  const std::string right = svg_element(LineChart{"Top-1", "epoch", {{"", {{1, 1}, {2, 1}}}}});
  EXPECT_NE(right.find(">1<"), std::string::npos);
  EXPECT_EQ(right.find(">1.1<"), std::string::npos);  // no number beyond the lines
  EXPECT_THROW(static_cast<void>(svg_element(LineChart{"Loss", "step", std::vector<Series>(kMostSeries + 1)})),
               std::invalid_argument);
}

}  // namespace
}  // namespace alignment::drawing
