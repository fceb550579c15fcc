#include "kernels/along_path.hpp"

#include <gtest/gtest.h>

#include "kernels/slope_intercept.hpp"
#include "tests/kernels/problem.hpp"

namespace alignment::kernels::testing {
namespace {

std::vector<float> some_gradient(std::int64_t count, Numbers numbers) {
  std::mt19937 generator(9);
  std::vector<float> gradient(static_cast<std::size_t>(count));
  for (float& value : gradient) {
    value = numbers == Numbers::kIntegers ? static_cast<float>(std::uniform_int_distribution<int>(-3, 3)(generator))
                                          : static_cast<float>(std::normal_distribution<double>(0, 0.01)(generator));
  }
  return gradient;
}

TEST(Reference, DistanceAlongTheBestPathIsWhatTheSearchFound) {
  for (const bool diagonal : {false, true}) {
    const Problem<double> problem(4, 5, 7, {1, 3, 9, 5}, Numbers::kIntegers);
    std::vector<std::int32_t> paths(static_cast<std::size_t>(problem.pair_count() * 4));
    std::vector<double> best(static_cast<std::size_t>(problem.pair_count())), along(best.size());
    reference::search_paths(problem.parameters(), problem.samples(), diagonal, paths.data(), best.data());
    reference::distances_along_paths(problem.parameters(), problem.samples(), paths.data(), along.data());
    EXPECT_EQ(along, best);
  }
}

/// sum over b, c of g * distance, on fixed paths, as a function of the parameters.
double weighted_distance(const ParametersView<double>& parameters, const SamplesView<double>& samples,
                         const std::vector<std::int32_t>& paths, const std::vector<double>& gradient) {
  std::vector<double> distances(gradient.size());
  reference::distances_along_paths(parameters, samples, paths.data(), distances.data());
  double sum = 0;
  for (std::size_t pair = 0; pair < gradient.size(); ++pair) sum += gradient[pair] * distances[pair];
  return sum;
}

TEST(Reference, GradientEqualsCentralDifferences) {
  for (const bool diagonal : {false, true}) {
    Problem<double> problem(3, 4, 5, {1, 6, 2, 9}, Numbers::kReals);
    const std::vector<std::int32_t> paths = problem.paths(diagonal);
    const std::vector<float> single = some_gradient(problem.pair_count(), Numbers::kReals);
    const std::vector<double> gradient(single.begin(), single.end());
    std::vector<double> slope(static_cast<std::size_t>(problem.element_count())), magnitude(slope.size());
    reference::gradient_along_paths(problem.parameters(), problem.samples(), paths.data(), gradient.data(),
                                    TieSign::kZero, slope.data(), magnitude.data());
    // The distance is piecewise linear in a centroid (a step of 1e-6 meets no kink here) and exponential in a
    // log-weight: central differences are off by step^2/6 of the third derivative and by roundoff / step.
    constexpr double kStep = 1e-6, kTolerance = 1e-8;
    for (std::size_t element = 0; element < slope.size(); ++element) {
      const auto difference = [&](double& value, double low, double high) {
        const double kept = value;
        value = high;
        const double above = weighted_distance(problem.parameters(), problem.samples(), paths, gradient);
        value = low;
        const double below = weighted_distance(problem.parameters(), problem.samples(), paths, gradient);
        value = kept;
        return (above - below) / (2 * kStep);
      };
      double& centroid = problem.centroids()[element];
      double& weight = problem.weights()[element];
      EXPECT_NEAR(weight * slope[element], difference(centroid, centroid - kStep, centroid + kStep), kTolerance);
      EXPECT_NEAR(weight * magnitude[element], difference(weight, weight * std::exp(-kStep), weight * std::exp(kStep)),
                  kTolerance);
    }
  }
}

TEST(DistancesAlongPaths, EveryVariantEqualsTheReferenceBitForBitOnIntegers) {
  for (const Shape& shape : shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kIntegers);
    for (const bool diagonal : {false, true}) {
      const std::vector<std::int32_t> paths = problem.paths(diagonal);
      std::vector<double> expected(static_cast<std::size_t>(problem.pair_count()));
      reference::distances_along_paths(problem.parameters(), problem.samples(), paths.data(), expected.data());
      for_each_variant([&](const Variant& variant) {
        for (const int threads : {1, 3}) {
          EXPECT_EQ(distances_by(problem, paths, threads, variant), expected)
              << variant.name << " " << to_string(shape);
        }
      });
    }
  }
}

TEST(DistancesAlongPaths, EveryVariantIsWithinTheRoundingBoundOnReals) {
  for (const Shape& shape : shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kReals);
    const std::vector<std::int32_t> paths = problem.paths(false);
    std::vector<double> expected(static_cast<std::size_t>(problem.pair_count()));
    reference::distances_along_paths(problem.parameters(), problem.samples(), paths.data(), expected.data());
    // A term passes through a subtraction, the additions of its row's at most T cells, a product, and in every row the
    // additions of every other one of at most 12 vectors, and is part of one of two sums; the rest is f64.
    const std::int64_t longest = *std::max_element(shape.lengths.begin(), shape.lengths.end());
    const double bound = std::expm1(static_cast<double>(3 + longest + 6 * shape.steps) * kRoundoff) + 1e-13;
    for_each_variant([&](const Variant& variant) {
      const std::vector<double> distances = distances_by(problem, paths, 1, variant);
      for (std::size_t pair = 0; pair < distances.size(); ++pair) {
        EXPECT_NEAR(distances[pair], expected[pair], bound * expected[pair]) << variant.name << " " << to_string(shape);
      }
    });
  }
}

TEST(DistancesAlongPaths, ASampleDoesNotDependOnTheSamplesBesideIt) {
  const Problem<float> problem(6, 5, 77, {3, 12, 1, 8}, Numbers::kReals);
  const std::vector<std::int32_t> paths = problem.paths(false);
  for_each_variant([&](const Variant& variant) {
    const std::vector<double> together = distances_by(problem, paths, 1, variant);
    EXPECT_EQ(distances_by(problem, paths, 4, variant), together) << variant.name;
    for (std::int64_t b = 0; b < 4; ++b) {
      Aligned<float> blocked(blocked_count(problem.samples().length(b), 77));
      Blocks blocks(problem);
      cpu::to_blocks(problem.samples().sample(b), problem.samples().length(b), 77, blocked.data(), 1);
      const float* const features = blocked.data();
      const BlockedSamples alone{&features, problem.samples().offsets + b, 1, 77};
      Aligned<std::byte> workspace(
          static_cast<std::int64_t>(cpu::distances_workspace_bytes(blocks.parameters(), alone, 1)));
      std::vector<double> distances(6);
      cpu::distances_along_paths(blocks.parameters(), alone, paths.data() + b * 6 * 4, distances.data(),
                                 workspace.data(), 1, variant);
      for (std::size_t c = 0; c < 6; ++c) EXPECT_EQ(distances[c], together[static_cast<std::size_t>(b) * 6 + c]);
    }
  });
}

TEST(GradientAlongPaths, EveryVariantEqualsTheReferenceBitForBitOnIntegers) {
  for (const Shape& shape : shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kIntegers);
    const std::vector<float> gradient = some_gradient(problem.pair_count(), Numbers::kIntegers);
    for (const bool diagonal : {false, true}) {
      const std::vector<std::int32_t> paths = problem.paths(diagonal);
      for (const TieSign tie_sign : {TieSign::kZero, TieSign::kMinusOne}) {
        std::vector<double> slope(static_cast<std::size_t>(problem.element_count())), magnitude(slope.size());
        reference::gradient_along_paths(problem.parameters(), problem.samples(), paths.data(), gradient.data(),
                                        tie_sign, slope.data(), magnitude.data());
        for_each_variant([&](const Variant& variant) {
          for (const std::int64_t group : {1, 2, 4, 6, 16}) {
            const auto [slope_found, magnitude_found] =
                gradient_by(problem, paths, gradient, tie_sign, group, 1 + static_cast<int>(group), variant);
            EXPECT_EQ(slope_found, slope) << variant.name << " " << to_string(shape) << " group " << group;
            EXPECT_EQ(magnitude_found, magnitude) << variant.name << " " << to_string(shape) << " group " << group;
          }
        });
      }
    }
  }
}

TEST(GradientAlongPaths, EveryVariantIsWithinTheRoundingBoundOnReals) {
  const Problem<float> problem(9, 8, 200, {30, 4, 12, 1, 25}, Numbers::kReals);
  const std::vector<float> gradient = some_gradient(problem.pair_count(), Numbers::kReals);
  const std::vector<std::int32_t> paths = problem.paths(false);
  std::vector<double> slope(static_cast<std::size_t>(problem.element_count())), magnitude(slope.size());
  reference::gradient_along_paths(problem.parameters(), problem.samples(), paths.data(), gradient.data(),
                                  TieSign::kZero, slope.data(), magnitude.data());
  // The terms of an element's sums by magnitude: |g| and |g|*|centroid - m|, what rounding is relative to.
  std::vector<float> absolute(gradient);
  for (float& value : absolute) value = std::abs(value);
  std::vector<double> ignored(slope.size()), largest(slope.size());
  reference::gradient_along_paths(problem.parameters(), problem.samples(), paths.data(), absolute.data(),
                                  TieSign::kZero, ignored.data(), largest.data());
  double gradient_sum = 0;
  for (const float value : absolute) gradient_sum += static_cast<double>(value) * 30;
  for_each_variant([&](const Variant& variant) {
    const auto [slope_found, magnitude_found] = gradient_by(problem, paths, gradient, TieSign::kZero, 4, 2, variant);
    for (std::size_t element = 0; element < slope.size(); ++element) {
      // A subtraction, a product and at most 4 * 30 additions in f32 within a group.
      EXPECT_NEAR(magnitude_found[element], magnitude[element], 122 * kRoundoff * largest[element] + 1e-13);
      EXPECT_NEAR(slope_found[element], slope[element], 120 * kRoundoff * gradient_sum);
    }
  });
}

TEST(GradientAlongPaths, ThreadsAndSplittingAtGroupsChangeNothing) {
  const Problem<float> problem(5, 6, 150, {7, 3, 9, 1, 4, 12, 2, 8}, Numbers::kReals);
  const std::vector<float> gradient = some_gradient(problem.pair_count(), Numbers::kReals);
  const std::vector<std::int32_t> paths = problem.paths(false);
  for_each_variant([&](const Variant& variant) {
    const auto whole = gradient_by(problem, paths, gradient, TieSign::kZero, 2, 1, variant);
    EXPECT_EQ(gradient_by(problem, paths, gradient, TieSign::kZero, 2, 5, variant), whole) << variant.name;
  });
}

TEST(GradientAlongPaths, AtATieTheSignIsZeroOrMinusOne) {
  Problem<float> problem(1, 2, 3, {2}, Numbers::kIntegers);
  std::fill(problem.centroids().begin(), problem.centroids().end(), 5.0F);
  std::fill(problem.features().begin() + 3, problem.features().begin() + 9, 5.0F);  // every difference is 0
  const std::vector<std::int32_t> paths = problem.paths(false);
  for_each_variant([&](const Variant& variant) {
    const auto paper = gradient_by(problem, paths, {2.0F}, TieSign::kZero, 1, 1, variant);
    for (const double value : paper.first) EXPECT_EQ(value, 0) << variant.name;
    const auto code = gradient_by(problem, paths, {2.0F}, TieSign::kMinusOne, 1, 1, variant);
    double cells = 0;
    for (const double value : code.first) {
      EXPECT_LT(value, 0) << variant.name;
      cells -= value / 2;
    }
    EXPECT_EQ(cells, 3 * 3) << variant.name;  // K+T-1 cells of F features
    for (const double value : code.second) EXPECT_EQ(value, 0) << variant.name;
  });
}

TEST(GradientAlongPaths, ZerosOfEitherSignTie) {
  for (const float centroid : {0.0F, -0.0F}) {
    for (const float feature : {0.0F, -0.0F}) {
      Problem<float> problem(1, 1, 1, {1}, Numbers::kIntegers);
      problem.centroids()[0] = centroid;
      problem.features()[1] = feature;
      for_each_variant([&](const Variant& variant) {
        EXPECT_EQ(gradient_by(problem, {}, {2.0F}, TieSign::kZero, 1, 1, variant).first[0], 0) << variant.name;
        EXPECT_EQ(gradient_by(problem, {}, {2.0F}, TieSign::kMinusOne, 1, 1, variant).first[0], -2) << variant.name;
      });
    }
  }
}

/// Both between a NaN before and one behind.
template <typename Real>
std::vector<Real> feature_gradient_by(const Problem<Real>& problem, const std::vector<std::int32_t>& paths,
                                      const std::vector<Real>& gradient, int threads) {
  const std::int64_t count = problem.samples().total_steps() * problem.samples().feature_dim;
  std::vector<Real> found(static_cast<std::size_t>(count) + 2, std::numeric_limits<Real>::quiet_NaN());
  if (threads == 0) {
    reference::feature_gradient_along_paths(problem.parameters(), problem.samples(), paths.data(), gradient.data(),
                                            found.data() + 1);
  } else {
    cpu::feature_gradient_along_paths(problem.parameters(), problem.samples(), paths.data(), gradient.data(),
                                      found.data() + 1, threads);
  }
  EXPECT_TRUE(std::isnan(found.front()) && std::isnan(found.back()));
  return {found.begin() + 1, found.end() - 1};
}

TEST(FeatureGradientAlongPaths, EqualsTheReferenceOnIntegers) {
  for (const Shape& shape : shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kIntegers);
    const std::vector<float> gradient = some_gradient(problem.pair_count(), Numbers::kIntegers);
    for (const bool diagonal : {false, true}) {
      const std::vector<std::int32_t> paths = problem.paths(diagonal);
      const std::vector<float> expected = feature_gradient_by(problem, paths, gradient, 0);
      for (const int threads : {1, 3}) {
        EXPECT_EQ(feature_gradient_by(problem, paths, gradient, threads), expected) << to_string(shape);
      }
    }
  }
}

TEST(FeatureGradientAlongPaths, IsWithinTheRoundingBoundOnReals) {
  const Problem<float> problem(9, 8, 70, {30, 4, 12, 1, 25}, Numbers::kReals);
  const std::vector<float> gradient = some_gradient(problem.pair_count(), Numbers::kReals);
  const std::vector<std::int32_t> paths = problem.paths(true);
  const std::vector<float> expected = feature_gradient_by(problem, paths, gradient, 0);
  const std::vector<float> found = feature_gradient_by(problem, paths, gradient, 2);
  double largest = 0;
  for (const float value : gradient) largest = std::max(largest, std::abs(static_cast<double>(value)));
  double weight = 0;
  for (std::int64_t k = 0; k < problem.element_count(); ++k) {
    weight = std::max(weight, static_cast<double>(problem.parameters().weights[k]));
  }
  // At most C * K terms, each a product of two, and the sum's own rounding.
  const double bound = (9 * 8 + 2) * kRoundoff * 9 * 8 * largest * weight;
  for (std::size_t k = 0; k < found.size(); ++k) EXPECT_NEAR(found[k], expected[k], bound);
}

TEST(FeatureGradientAlongPaths, IsTheDerivative) {
  Problem<double> problem(3, 4, 5, {1, 6, 2, 9}, Numbers::kReals);
  const std::vector<std::int32_t> paths = problem.paths(true);
  const std::vector<float> single = some_gradient(problem.pair_count(), Numbers::kReals);
  const std::vector<double> gradient(single.begin(), single.end());
  for (const int threads : {0, 2}) {
    const std::vector<double> found = feature_gradient_by(problem, paths, gradient, threads);
    constexpr double kStep = 1e-6, kTolerance = 1e-8;  // piecewise linear: roundoff / step
    for (std::size_t k = 0; k < found.size(); ++k) {
      double& value = problem.features()[5 + k];
      const double kept = value;
      value = kept + kStep;
      const double above = weighted_distance(problem.parameters(), problem.samples(), paths, gradient);
      value = kept - kStep;
      const double below = weighted_distance(problem.parameters(), problem.samples(), paths, gradient);
      value = kept;
      EXPECT_NEAR(found[k], (above - below) / (2 * kStep), kTolerance) << k;
    }
  }
}

TEST(FeatureGradientAlongPaths, AtATieThereIsNone) {
  Problem<float> problem(1, 2, 3, {2}, Numbers::kIntegers);
  std::fill(problem.centroids().begin(), problem.centroids().end(), 5.0F);
  std::fill(problem.features().begin() + 3, problem.features().begin() + 9, 5.0F);
  for (const int threads : {0, 1}) {
    EXPECT_EQ(feature_gradient_by(problem, problem.paths(false), {2.0F}, threads), std::vector<float>(6, 0.0F));
  }
}

TEST(SlopeIntercept, EqualsTheReferenceOnIntegersAndRebuildsTheDistance) {
  for (const Shape& shape : shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kIntegers);
    const std::vector<std::int32_t> paths = problem.paths(false);
    const auto count = static_cast<std::size_t>(problem.samples().count * problem.element_count());
    for (const TieSign tie_sign : {TieSign::kZero, TieSign::kMinusOne}) {
      std::vector<double> slope(count), intercept(count);
      std::vector<float> slope_found(count), intercept_found(count);
      reference::slope_intercept(problem.parameters(), problem.samples(), paths.data(), tie_sign, slope.data(),
                                 intercept.data());
      cpu::slope_intercept(problem.parameters(), problem.samples(), paths.data(), tie_sign, slope_found.data(),
                           intercept_found.data(), 2);
      for (std::size_t k = 0; k < count; ++k) {
        ASSERT_EQ(static_cast<double>(slope_found[k]), slope[k]) << to_string(shape);
        ASSERT_EQ(static_cast<double>(intercept_found[k]), intercept[k]) << to_string(shape);
      }
    }
  }
}

}  // namespace
}  // namespace alignment::kernels::testing
