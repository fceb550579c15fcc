// Matrices of counts: what is grey, what orange, and how large the pictures are.
#include "src/drawing/count_matrix.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "src/drawing/colours.hpp"

namespace alignment::drawing {
namespace {

TEST(CountMatrix, ErrorsAreOrangeAndTheMostTheDarkest) {
  const std::vector<std::int64_t> counts{120, 1, 0, 0, 7, 0, 5, 0, 3};
  const std::string svg = svg_element(CountMatrix{{"walk", "run <1>", "hop"}, counts});
  const auto cell = [](const std::string& colour, const std::string& text) {
    return "fill=\"" + colour + "\"><title>" + text + "</title>";
  };
  EXPECT_NE(svg.find(cell(hexadecimal(error_colour(0)), "walk taken for run &lt;1&gt;: 1")), std::string::npos);
  EXPECT_NE(svg.find(cell(hexadecimal(error_colour(1)), "hop taken for walk: 5")), std::string::npos);
  EXPECT_NE(svg.find("walk: 120 right"), std::string::npos);
  EXPECT_EQ(svg.find("run &lt;1&gt; taken for"), std::string::npos);
  EXPECT_NE(svg.find("at most 5 errors in a cell"), std::string::npos);
}

TEST(CountMatrix, ManyClassesAreAnImage) {
  const std::size_t classes = 400;
  std::vector<std::int64_t> counts(classes * classes);
  for (std::size_t n = 0; n < counts.size(); ++n) counts[n] = n % 37 == 0 ? static_cast<std::int64_t>(n % 5) : 0;
  const std::string svg = svg_element(CountMatrix{std::vector<std::string>(classes, "a"), counts});
  EXPECT_NE(svg.find("data:image/png;base64,"), std::string::npos);
  EXPECT_LT(svg.size(), 40000);
}

TEST(CountMatrix, ManyRightOnesBesideFewErrorsAreAnImage) {
  const std::size_t classes = 400;
  std::vector<std::int64_t> counts(classes * classes);
  for (std::size_t n = 0; n < classes; ++n) counts[n * classes + n] = 1000;
  counts[1] = 2;
  const std::string svg = svg_element(CountMatrix{std::vector<std::string>(classes, "a"), counts});
  EXPECT_NE(svg.find("at most 2 errors in a cell"), std::string::npos);
}

TEST(CountMatrix, SizesThatDoNotFitAreRefused) {
  const std::vector<std::int64_t> counts(8);
  EXPECT_THROW(static_cast<void>(svg_element(CountMatrix{{"a", "b", "c"}, counts})), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(svg_element(CountMatrix{{}, {}})), std::invalid_argument);
}

}  // namespace
}  // namespace alignment::drawing
