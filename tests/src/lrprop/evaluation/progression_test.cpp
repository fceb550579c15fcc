#include "src/lrprop/evaluation/progression.hpp"

#include <gtest/gtest.h>

#include "tests/src/lrprop/evaluation/example_videos.hpp"

namespace alignment::lrprop {
namespace {

using Numbers = std::vector<double>;

std::vector<std::int32_t> numbered(std::int32_t phases) {
  std::vector<std::int32_t> numbers(static_cast<std::size_t>(phases));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

std::vector<double> column(const std::vector<double>& values, std::size_t columns, std::size_t c) {
  std::vector<double> result;
  for (std::size_t n = c; n < values.size(); n += columns) result.push_back(values[n]);
  return result;
}

TEST(Progression, TargetsByHand) {
  const std::vector<std::int32_t> labels{0, 0, 1, 2};
  const Numbers targets =
      progression_targets(labels, numbered(3));  // phase 0 ends at 1, phase 1 at 2; the last has no column
  EXPECT_EQ(column(targets, 2, 0), (Numbers{-0.25, 0, 0.25, 0.5}));
  EXPECT_EQ(column(targets, 2, 1), (Numbers{-0.5, -0.25, 0, 0.25}));
}

TEST(Progression, TheLastFrameOfAPhaseThatComesBackCounts) {
  EXPECT_EQ(column(progression_targets(std::vector<std::int32_t>{0, 1, 0, 1}, numbered(2)), 1, 0),
            (Numbers{-0.5, -0.25, 0, 0.25}));
}

TEST(Progression, AMissingPhaseEndsWhereALaterOneBeginsOrWithTheVideo) {
  const std::vector<std::int32_t> labels{0, 2, 2, 2};
  const Numbers targets = progression_targets(labels, numbered(5));
  EXPECT_EQ(column(targets, 4, 1), (Numbers{-0.25, 0, 0.25, 0.5}));    // first frame of phase 2
  EXPECT_EQ(column(targets, 4, 2), (Numbers{-0.75, -0.5, -0.25, 0}));  // its own last frame
  EXPECT_EQ(column(targets, 4, 3), (Numbers{-0.75, -0.5, -0.25, 0}));  // L-1
}

TEST(Progression, PhasesHaveAnyNumbers) {
  const std::vector<std::int32_t> labels{7, 7, 9, 2147483647}, phases{7, 9, 2147483647};
  EXPECT_EQ(progression_targets(labels, phases),
            progression_targets(std::vector<std::int32_t>{0, 0, 1, 2}, numbered(3)));
}

TEST(Progression, DeterminationByHand) {
  // Mean 2, squares about it 2; residuals 0.25 + 0 + 0.25.
  EXPECT_EQ(coefficients_of_determination({1, 2, 3}, {1.5, 2, 2.5}, 1), (Numbers{0.75}));
  EXPECT_EQ(coefficients_of_determination({1, 2, 3}, {2, 2, 2}, 1), (Numbers{0}));
  EXPECT_EQ(coefficients_of_determination({1, 0, 3, 0}, {3, 0, 1, 0}, 2), (Numbers{-3, 1}));
}

TEST(Progression, ConstantTargetsAreOneWhereHitAndElseZero) {
  EXPECT_EQ(coefficients_of_determination({0.1, 0.1, 0.1}, {0.1, 0.1, 0.1}, 1), (Numbers{1}));
  EXPECT_EQ(coefficients_of_determination({0.1, 0.1, 0.1}, {0.1, 0.1, 0.2}, 1), (Numbers{0}));
}

TEST(Progression, AClockScoresOneOnVideosOfOneTiming) {
  std::vector<EmbeddedVideo> videos(2, line_video("a", io::Split::kTrain, {0, 1, 2, 3, 4, 5}, {0, 0, 1, 1, 2, 2}));
  const auto sequences = sequences_of(videos);
  for (const double score : progression_scores(pool(sequences), pool(sequences), numbered(3)))
    EXPECT_NEAR(score, 1, 1e-12);
}

TEST(Progression, EachVideoHasItsOwnLength) {
  const auto train = sequences_of({line_video("a", io::Split::kTrain, {0, 1, 2, 3}, {0, 0, 1, 1})});
  const auto judged = sequences_of({line_video("b", io::Split::kValidation, {0, 1}, {0, 1}),
                                    line_video("c", io::Split::kValidation, {0, 1, 2, 3}, {0, 1, 1, 1})});
  // Trained: (x - 1) / 4. Targets 0, 1/2 and 0, 1/4, 1/2, 3/4: mean 1/3, squares about it 5/12; the regression is off
  // by 1/4, 1/2, 1/4, 1/4, 1/4, 1/4.
  const std::vector<double> scores = progression_scores(pool(train), pool(judged), numbered(2));
  ASSERT_EQ(scores.size(), 1U);
  const double total = 0.25 + 0.0625 + 0.25 + 0.5625 - 6.0 * (1.0 / 3) * (1.0 / 3);
  EXPECT_NEAR(scores[0], 1 - (5 * 0.0625 + 0.25) / total, 1e-12);
}

}  // namespace
}  // namespace alignment::lrprop
