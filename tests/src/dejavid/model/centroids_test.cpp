#include "src/dejavid/model/centroids.hpp"

#include <gtest/gtest.h>

#include <random>

#include "src/dejavid/evaluation/baseline.hpp"

namespace alignment::dejavid {
namespace {

TEST(Barycenter, OfOneSampleStartsFromThatSample) {
  const std::vector<float> sample{1, 2, 3, 4, 5, 6};  // K = 3, F = 2
  EXPECT_EQ(barycenter_of(sample, 1, 3, 2, 0), sample);
  // Without a diagonal step even a sequence and itself share K-1 cells off the diagonal. All staircases tie, and
  // walking back the step along the sample wins: (2,2) (2,1) (1,1) (1,0) (0,0).
  EXPECT_EQ(barycenter_of(sample, 1, 3, 2, 1), (std::vector<float>{1, 2, 2, 3, 4, 5}));
}

TEST(Barycenter, StartsFromTheMedoidAndTakesTheLowestIndexOnATie) {
  // K = 2, F = 1: four sequences; the second and third are equal and closest to all.
  const std::vector<float> sequences{0, 0, 4, 4, 4, 4, 10, 10};
  EXPECT_EQ(barycenter_of(sequences, 4, 2, 1, 0), (std::vector<float>{4, 4}));
  const std::vector<float> two{0, 0, 1, 1};  // both at the same distance from each other
  EXPECT_EQ(barycenter_of(two, 2, 2, 1, 0), (std::vector<float>{0, 0}));
}

TEST(Barycenter, OneRoundByHand) {
  // K = 2, F = 1: (0, 4), (0, 8), (1, 5). Column sums of distances: (0,4): 4+2, (0,8): 4+4, (1,5): 2+4: a tie, the
  // first starts.
  const std::vector<float> sequences{0, 4, 0, 8, 1, 5};
  // To the centroid (0, 4) every path passes (0,0) and (1,1), and the corner (0,1) or (1,0) that is cheaper:
  // (0,4): |0-4| = 4 and |4-0| = 4, a tie: back along the sample to (1,0). (0,8): 8 or 4: (1,0). (1,5): 5 or 3: (1,0).
  // So step 0 is the mean of 0, 0, 1, and step 1 the mean of 0, 4, 0, 8, 1, 5.
  const std::vector<float> centroid = barycenter_of(sequences, 3, 2, 1, 1);
  EXPECT_EQ(centroid[0], static_cast<float>(1.0 / 3));
  EXPECT_EQ(centroid[1], static_cast<float>(18.0 / 6));
}

TEST(Barycenter, DoesNotDependOnTheUnitsOfFeatures) {
  constexpr std::int64_t kSamples = 7, kSteps = 6, kFeatures = 3;
  const std::vector<float> spread{0.5F, 3, 1e-3F};
  std::vector<float> sequences(kSamples * kSteps * kFeatures);
  std::mt19937 generator(5);
  std::normal_distribution<float> draw;
  for (std::size_t n = 0; n < sequences.size(); ++n) sequences[n] = draw(generator) * spread[n % kFeatures];
  const std::vector<float> centroid = barycenter_of(sequences, kSamples, kSteps, kFeatures, 20, spread);

  // Powers of two, so that not a bit of the products is lost.
  const std::vector<float> units{0x1p-20F, 1, 0x1p30F};
  std::vector<float> in_units = sequences, spread_in_units = spread, expected = centroid;
  for (std::size_t n = 0; n < sequences.size(); ++n) in_units[n] *= units[n % kFeatures];
  for (std::size_t n = 0; n < expected.size(); ++n) expected[n] *= units[n % kFeatures];
  for (std::size_t f = 0; f < kFeatures; ++f) spread_in_units[f] *= units[f];
  EXPECT_EQ(barycenter_of(in_units, kSamples, kSteps, kFeatures, 20, spread_in_units), expected);
  EXPECT_NE(barycenter_of(in_units, kSamples, kSteps, kFeatures, 20), expected);
}

TEST(Baseline, AveragesOverTimeAndTakesTheLargestOfTheLastFeatures) {
  const std::vector<float> features{9, 0, 3, 1, 9, 0, 1, 4, 9, 0, 3, 3};  // T = 3, F = 4; means 9, 0, 7/3, 8/3
  EXPECT_EQ(largest_mean_logit({features.data(), 3, 4}, 2, 1), 1);
  EXPECT_EQ(largest_mean_logit({features.data(), 2, 4}, 2, 1), 1);  // 2 against 2.5
  EXPECT_EQ(largest_mean_logit({features.data(), 1, 4}, 2, 1), 0);  // 3 against 1
  const std::vector<float> tie{1, 1};
  EXPECT_EQ(largest_mean_logit({tie.data(), 1, 2}, 2, 1), 0);
  // Two sets of two, for two windows of a step: 1 + 4 against 3 + 1, where either set alone may say otherwise.
  const std::vector<float> sets{9, 1, 3, 4, 1};
  EXPECT_EQ(largest_mean_logit({sets.data(), 1, 5}, 2, 2), 0);
  EXPECT_EQ(largest_mean_logit({sets.data(), 1, 5}, 2, 1), 0);
  const std::vector<float> other{9, 1, 5, 4, 1};
  EXPECT_EQ(largest_mean_logit({other.data(), 1, 5}, 2, 2), 1);
}

TEST(Baseline, TakesTheNearestMeanOfTheClassesThatHaveOne) {
  const std::vector<float> features{1, 5, 3, 7};  // T = 2, F = 2; mean (2, 6)
  const std::vector<double> means{2, 7, 0, 0, 2, 5, 3, 6};
  EXPECT_EQ(nearest_mean({features.data(), 2, 2}, means, {1, 0, 1, 1}), 0);  // 1, 1 and 1: the lowest
  EXPECT_EQ(nearest_mean({features.data(), 2, 2}, means, {0, 9, 1, 0}), 2);
  EXPECT_EQ(nearest_mean({features.data(), 2, 2}, means, {0, 9, 0, 0}), 1);
  EXPECT_EQ(nearest_mean({features.data(), 2, 2}, means, {0, 0, 0, 0}), io::kNoLabel);
}

}  // namespace
}  // namespace alignment::dejavid
