#include "src/dejavid/evaluation/objective.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace alignment::dejavid {
namespace {

std::vector<double> some_distances(std::size_t classes, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> draw(50, 7);
  std::vector<double> distances(classes);
  for (double& distance : distances) distance = draw(generator);
  return distances;
}

constexpr kernels::LossRule kNormalised{kernels::LogitNorm::kLayernorm}, kPlain{kernels::LogitNorm::kNone};

double loss_of(const std::vector<double>& distances, std::int32_t label, const kernels::LossRule& rule) {
  std::vector<double> probabilities(distances.size());
  return evaluate_sample(distances, label, rule, probabilities).loss;
}

TEST(Objective, ThreeClassesByHand) {
  // Distances 1, 2, 3: logits -1, -2, -3, mean -2, unbiased std 1, normalised 1, 0, -1.
  const std::vector<double> distances{1, 2, 3};
  std::vector<double> probabilities(3);
  const Outcome outcome = evaluate_sample(distances, 1, kNormalised, probabilities);
  const double sum = std::exp(1.0) + 1 + std::exp(-1.0);
  EXPECT_NEAR(outcome.loss, std::log(sum), 1e-15);
  EXPECT_NEAR(probabilities[0], std::exp(1.0) / sum, 1e-15);
  EXPECT_EQ(outcome.prediction, 0);
  EXPECT_NEAR(loss_of(distances, 1, kPlain), std::log(std::exp(1.0) + 1 + std::exp(-1.0)), 1e-15);
}

TEST(Objective, LayernormDoesNotSeeShiftAndScale) {
  const std::vector<double> distances = some_distances(7, 1);
  std::vector<double> changed = distances;
  for (double& distance : changed) distance = 100 + 3 * distance;
  EXPECT_NEAR(loss_of(distances, 3, kNormalised), loss_of(changed, 3, kNormalised), 1e-12);
  EXPECT_GT(std::abs(loss_of(distances, 3, kPlain) - loss_of(changed, 3, kPlain)), 0.1);
}

TEST(Objective, TiesGoToTheLowerClass) {
  const std::vector<double> distances{4, 1, 1, 9, 1, 1, 1};
  std::vector<double> probabilities(distances.size());
  EXPECT_EQ(evaluate_sample(distances, 6, kNormalised, probabilities).prediction, 1);
  EXPECT_TRUE(evaluate_sample(distances, 6, kNormalised, probabilities).in_top5);   // fifth: 1, 2, 4, 5, 6
  EXPECT_FALSE(evaluate_sample(distances, 0, kNormalised, probabilities).in_top5);  // sixth
  std::vector<std::int32_t> closest(5);
  smallest_distances(distances, closest);
  EXPECT_EQ(closest, (std::vector<std::int32_t>{1, 2, 4, 5, 6}));
}

TEST(Objective, ADistanceThatIsNotANumberShowsInTheLoss) {
  std::vector<double> probabilities(3);
  EXPECT_FALSE(
      std::isfinite(evaluate_sample(std::vector<double>{1, std::nan(""), 2}, 0, kNormalised, probabilities).loss));
}

}  // namespace
}  // namespace alignment::dejavid
