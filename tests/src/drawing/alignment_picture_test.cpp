// Whole pictures: the same bytes again, bounded size, what is said of a reduced matrix, refusals, colours.
#include "src/drawing/alignment_picture.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "src/drawing/colours.hpp"

namespace alignment::drawing {
namespace {

/// A picture over values that it keeps.
struct Example {
  std::vector<double> values;
  AlignmentPicture picture;

  Example(std::int64_t rows, std::int64_t columns) : values(static_cast<std::size_t>(rows * columns)) {
    for (std::size_t n = 0; n < values.size(); ++n) values[n] = std::sin(static_cast<double>(n) * 0.37) + 1;
    MatrixPanel panel{.title = "one",
                      .rows = {"row", rows},
                      .columns = {"column", columns},
                      .values = values,
                      .path = {},
                      .row_costs = {},
                      .row_costs_name = {}};
    for (std::int64_t row = 0; row < rows; ++row)
      panel.path.push_back({row, row * (columns - 1) / std::max<std::int64_t>(rows - 1, 1)});
    picture.title = "an example";
    picture.panels.push_back(panel);
  }
};

bool contains(const std::string& whole, const std::string& part) {
  return whole.find(part) != std::string::npos;
}

TEST(AlignmentPicture, TheSameInputGivesTheSameBytes) {
  EXPECT_EQ(to_svg(Example(7, 30).picture), to_svg(Example(7, 30).picture));
}

TEST(AlignmentPicture, ALargeMatrixIsReducedAndItIsSaid) {
  const std::string svg = to_svg(Example(5000, 3000).picture);
  EXPECT_LT(svg.size(), 300'000U);
  EXPECT_TRUE(contains(svg, "5000 x 3000 cells are drawn as 400 x 400 means."));
  EXPECT_FALSE(contains(to_svg(Example(400, 400).picture), "means"));
}

TEST(AlignmentPicture, ExtentsOfOne) {
  EXPECT_TRUE(contains(to_svg(Example(1, 1).picture), "</svg>"));
  EXPECT_TRUE(contains(to_svg(Example(1, 500).picture), "</svg>"));
  EXPECT_TRUE(contains(to_svg(Example(500, 1).picture), "</svg>"));
}

TEST(AlignmentPicture, ALineHasANumberForEachColumn) {
  Example example(3, 40);
  const std::string without = to_svg(example.picture);
  example.picture.line = {"a line", std::vector<double>(40, 2.0)};
  const std::string level = to_svg(example.picture);
  EXPECT_TRUE(contains(level, ">a line</text>"));
  example.picture.line->values[30] = -1;
  example.picture.line->values[5] = std::nan("");
  EXPECT_NE(to_svg(example.picture), level);
  EXPECT_FALSE(contains(to_svg(example.picture), "nan"));
  example.picture.line->values.assign(40, 0.0);
  EXPECT_FALSE(contains(to_svg(example.picture), "nan"));
  EXPECT_FALSE(contains(without, "a line"));
  example.picture.line->values.pop_back();
  EXPECT_THROW((void)to_svg(example.picture), std::invalid_argument);
}

TEST(AlignmentPicture, RefusesWhatDoesNotFit) {
  Example short_of_values(3, 4);
  short_of_values.picture.panels[0].columns.count = 5;
  EXPECT_THROW((void)to_svg(short_of_values.picture), std::invalid_argument);
  Example path_outside(3, 4);
  path_outside.picture.panels[0].path.push_back({3, 0});
  EXPECT_THROW((void)to_svg(path_outside.picture), std::invalid_argument);
  Example phases_of_others(3, 4);
  const std::vector<std::int32_t> phases{0, 1};
  phases_of_others.picture.panels[0].rows.phases = phases;
  EXPECT_THROW((void)to_svg(phases_of_others.picture), std::invalid_argument);
  Example link_outside(3, 4);
  link_outside.picture.time_lines = TimeLines{"", {"a", 3}, {"b", 4}, {{0, 4, -1, ""}}};
  EXPECT_THROW((void)to_svg(link_outside.picture), std::invalid_argument);
}

/// Relative luminance, as WCAG has it.
double luminance(Colour colour) {
  const auto linear = [](double channel) {
    channel /= 255;
    return channel <= 0.04045 ? channel / 12.92 : std::pow((channel + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue);
}

TEST(Colours, CostsGrowLighterAndNumbersInPhasesAreRead) {
  const auto palette = cost_palette();
  ASSERT_EQ(palette.size(), kCostShades + 1);
  for (std::size_t shade = 1; shade < kCostShades; ++shade) {
    EXPECT_GE(luminance(palette[shade]), luminance(palette[shade - 1]) - 1e-3) << shade;
  }
  for (std::int32_t phase = 0; phase < 12; ++phase) {
    const double colour = luminance(phase_colour(phase));
    const double text = is_light(phase_colour(phase)) ? luminance({17, 17, 17}) : 1;
    const double contrast = (std::max(colour, text) + 0.05) / (std::min(colour, text) + 0.05);
    EXPECT_GE(contrast, 4.5) << phase;
  }
}

}  // namespace
}  // namespace alignment::drawing
