#include "src/programs/dejavid_bench/shape.hpp"

#include <gtest/gtest.h>

#include "src/config/error.hpp"

namespace alignment::bench {
namespace {

TEST(Shape, FiveNumbers) {
  const Shape shape = parse_shape("3,4,40,9,5", std::nullopt);
  EXPECT_EQ(to_string(shape), "C=3 K=4 F=40 T=9 B=5");
  EXPECT_EQ(parse_shape("3,4,40,9,5", 7).samples, 7);
}

TEST(Shape, WithoutAModelThereAreNoSteps) {
  EXPECT_EQ(to_string(Shape{"store.h5", 3, 0, 40, 9.5, 5}), "store.h5 (C=3 F=40 T=9.5 B=5)");
}

TEST(Shape, ABatchOfIt) {
  const KernelProblem problem = batch_of({"", 3, 4, 40, 9, 5});
  EXPECT_EQ(problem.parameters().element_count(), 3 * 4 * 40);
  EXPECT_EQ(problem.samples().count, 5);
  EXPECT_EQ(problem.samples().total_steps(), 9 * 5);
}

TEST(Shape, PresetsHaveThePapersSizes) {
  EXPECT_EQ(to_string(parse_shape("hmdb51", 2)), "hmdb51 (C=51 K=8 F=1459 T=33 B=2)");
  EXPECT_EQ(to_string(parse_shape("k400", 2)), "k400 (C=400 K=8 F=1808 T=33 B=2)");
  EXPECT_EQ(to_string(parse_shape("ssv2", 2)), "ssv2 (C=174 K=8 F=6328 T=40 B=2)");
}

TEST(Shape, AnythingElseIsRefused) {
  for (const char* const text : {"", "hmdb", "3,4,40,9", "3,4,40,9,", "3,4,40,9,5,6", "3,4,40,9,0", "3,4,40,-9,5",
                                 "3,4,40,9,5 ", "3;4;40;9;5", "3,4,40,9,99999999999999999999"}) {
    EXPECT_THROW(static_cast<void>(parse_shape(text, std::nullopt)), ConfigError) << text;
  }
}

}  // namespace
}  // namespace alignment::bench
