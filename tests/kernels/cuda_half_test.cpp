#include <gtest/gtest.h>

#include "tests/kernels/half_problem.hpp"

namespace alignment::kernels::testing {
namespace {

/// Real features as data sets have them: each with its own offset and spread, each class with its own weights.
void spread_out(Problem<float>& problem) {
  const std::int64_t width = problem.parameters().feature_dim;
  const std::int64_t per_class = problem.parameters().steps * width;
  const auto place = [&](float value, std::size_t k) {
    const auto f = static_cast<std::int64_t>(k) % width;
    return std::ldexp(value, static_cast<int>(f % 9) - 4) + static_cast<float>(f % 5) * 10.0F;
  };
  for (std::size_t k = 0; k < problem.centroids().size(); ++k) {
    problem.centroids()[k] = place(problem.centroids()[k], k);
    problem.weights()[k] =
        std::ldexp(problem.weights()[k], static_cast<int>(static_cast<std::int64_t>(k) / per_class % 7));
  }
  for (std::size_t k = 0; k < problem.features().size(); ++k) problem.features()[k] = place(problem.features()[k], k);
}

using CudaHalfCost = OnDevice;
using CudaHalfSearch = OnDevice;

TEST_F(CudaHalfCost, ScalesArePowersOfTwoThatBringNumbersNearOne) {
  for (const Shape& shape : device_shapes()) {
    Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kReals);
    spread_out(problem);
    const HalfProblem half(problem, cuda::FeatureType::kFloat32, stream());
    const std::int64_t rows = shape.classes * shape.steps, width = shape.feature_dim;
    int exponent = 0;
    for (std::int64_t f = 0; f < width; ++f) {
      const auto at = static_cast<std::size_t>(f);
      double mean = 0, spread = 0;
      for (std::int64_t row = 0; row < rows; ++row)
        mean += static_cast<double>(problem.parameters().centroids[row * width + f]) / static_cast<double>(rows);
      for (std::int64_t row = 0; row < rows; ++row)
        spread += std::abs(static_cast<double>(problem.parameters().centroids[row * width + f]) - mean) /
                  static_cast<double>(rows);
      const auto scale = static_cast<double>(half.scales[at]), shift = static_cast<double>(half.shifts[at]);
      ASSERT_EQ(std::frexp(half.scales[at], &exponent), 0.5F);
      if (rows > 1) {
        ASSERT_GE(spread * scale, 0.5 * (1 - 1e-6)) << to_string(shape) << " feature " << f;
        ASSERT_LT(spread * scale, 1 + 1e-6) << to_string(shape) << " feature " << f;
      }
      ASSERT_EQ(std::rint(shift * scale), shift * scale);
      ASSERT_LE(std::abs(shift - mean) * scale, 0.5 + 1e-4);
    }
    for (std::int64_t c = 0; c < shape.classes; ++c) {
      float largest = 0;
      for (std::int64_t k = 0; k < shape.steps * width; ++k) {
        const float weight = problem.parameters().weights[c * shape.steps * width + k];
        largest = std::max(largest, weight / half.scales[static_cast<std::size_t>(k % width)]);
      }
      const float factor = half.class_factors[static_cast<std::size_t>(c)];
      ASSERT_EQ(std::frexp(factor, &exponent), 0.5F);
      ASSERT_GE(largest * factor, 0.5F);
      ASSERT_LT(largest * factor, 1.0F);
    }
  }
}

TEST_F(CudaHalfCost, PackedParametersAreScaledRoundedAndPaddedWithZeros) {
  Problem<float> problem(5, 14, 35, {3}, Numbers::kReals);  // 70 rows: two panels of a tile; two stages
  spread_out(problem);
  const HalfProblem half(problem, cuda::FeatureType::kFloat32, stream());
  const Problem<float> rounded = half.rounded();
  ASSERT_EQ(static_cast<std::int64_t>(half.halves.size()), 128 * 64 * 2);
  ASSERT_EQ(half.constants.size(), 128U);
  for (std::int64_t row = 0; row < 128; ++row) {
    double constant = 0;
    for (std::int64_t f = 0; f < 64; ++f) {
      const bool inside = row < 70 && f < 35;
      const auto element = static_cast<std::size_t>((row % 5 * 14 + row / 5) * 35 + f);
      const float centroid = inside ? rounded.parameters().centroids[element] : 0.0F;
      const float weight = inside ? rounded.parameters().weights[element] : 0.0F;
      // [panel][F/16][which][row/2 % 32][f/2 % 4][row % 2][f/8 % 2][f % 2]
      const auto place = [&](std::int64_t which) {
        const std::int64_t block = (row / 64 * 4 + f / 16) * 2 + which;
        return static_cast<std::size_t>(
            ((((block * 32 + row / 2 % 32) * 4 + f / 2 % 4) * 2 + row % 2) * 2 + f / 8 % 2) * 2 + f % 2);
      };
      ASSERT_EQ(__half2float(half.halves[place(0)]), centroid) << row << " " << f;
      ASSERT_EQ(__half2float(half.halves[place(1)]), 2 * weight) << row << " " << f;
      constant += (f % 16 < 8 ? -1.0 : 1.0) * weight * centroid;
    }
    ASSERT_NEAR(static_cast<double>(half.constants[static_cast<std::size_t>(row)]), constant,
                1.01 * kRoundoff * std::abs(constant))
        << row;
  }
}

TEST_F(CudaHalfCost, IsExactOnIntegers) {
  for (const Shape& shape : device_shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kIntegers);
    const std::vector<double> expected = reference_cost(problem);
    for (const cuda::FeatureType type : kFeatureTypes) {
      HalfProblem half(problem, type, stream());
      const std::vector<float> found = half.cost();
      ASSERT_EQ(found.size(), expected.size());
      for (std::size_t k = 0; k < found.size(); ++k) {
        const float factor = half.class_factors[k % static_cast<std::size_t>(shape.classes)];
        ASSERT_EQ(static_cast<double>(found[k]), expected[k] * static_cast<double>(factor))
            << to_string(shape) << " " << name_of(type);
      }
    }
  }
}

TEST_F(CudaHalfCost, IsWithinTheRoundingBoundOnReals) {
  for (const Shape& shape : device_shapes()) {
    Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kReals);
    spread_out(problem);
    HalfProblem half(problem, cuda::FeatureType::kFloat32, stream());
    const Problem<float> rounded = half.rounded();
    const std::vector<double> expected = reference_cost(rounded), bounds = cost_bounds(rounded);
    const std::vector<float> found = half.cost();
    ASSERT_EQ(found.size(), bounds.size());
    for (std::size_t k = 0; k < found.size(); ++k) {
      ASSERT_NEAR(static_cast<double>(found[k]), expected[k], bounds[k]) << to_string(shape);
    }
    round_features(problem);
    HalfProblem stored(problem, cuda::FeatureType::kFloat16, stream());
    HalfProblem plain(problem, cuda::FeatureType::kFloat32, stream());
    EXPECT_TRUE(same_bits(stored.cost(), plain.cost())) << to_string(shape);
  }
}

TEST_F(CudaHalfCost, IsFiniteWhateverTheNumbersAre) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> extremes{0.0F,   3e38F,     -3e38F,     1e-38F,        1e-45F, 65504.0F,
                                    -1e10F, kInfinity, -kInfinity, std::nanf(""), 1.0F};
  for (const bool parameters_too : {false, true}) {
    Problem<float> problem(3, 5, 64, {4, 9}, Numbers::kReals);
    std::mt19937 generator(3);
    const auto draw = [&] { return extremes[generator() % extremes.size()]; };
    for (float& value : problem.features()) value = std::isnan(value) ? value : draw();
    if (parameters_too) {
      for (float& value : problem.centroids()) value = draw();
      for (float& value : problem.weights()) value = std::abs(draw());
    }
    HalfProblem half(problem, cuda::FeatureType::kFloat32, stream());
    for (const float cost : half.cost()) {
      ASSERT_TRUE(std::isfinite(cost));
      ASSERT_GE(cost, 0.0F);
    }
  }
}

/// Centroids and samples far from the mean on one side, or the same numbers: little is left of large sums.
TEST_F(CudaHalfCost, IsWithinTheBoundAndNeverBelowZeroWhereSumsCancel) {
  for (const float offset : {0.0F, 30.0F, -1000.0F, 1e6F}) {
    Problem<float> problem(3, 4, 300, {4, 9}, Numbers::kReals);
    const std::int64_t width = 300;
    for (std::int64_t k = 0; k < problem.element_count(); ++k) {
      if (k / width % 4 != 0) problem.centroids()[static_cast<std::size_t>(k)] += offset;  // some steps of each class
    }
    std::vector<float>& features = problem.features();  // the first row is NaN
    for (std::int64_t k = 0; k < 13 * width; ++k) {
      float& value = features[static_cast<std::size_t>(width + k)];
      value = k / width < 12 ? problem.centroids()[static_cast<std::size_t>(k)] : value * 100;
    }
    HalfProblem half(problem, cuda::FeatureType::kFloat32, stream());
    const Problem<float> rounded = half.rounded();
    const std::vector<double> expected = reference_cost(rounded), bounds = cost_bounds(rounded);
    const std::vector<float> found = half.cost();
    std::size_t zeros = 0;
    for (std::size_t k = 0; k < found.size(); ++k) {
      ASSERT_NEAR(static_cast<double>(found[k]), expected[k], bounds[k]) << "offset " << offset;
      ASSERT_GE(found[k], 0.0F);
      zeros += expected[k] == 0.0 ? 1U : 0U;
    }
    ASSERT_GE(zeros, 12U);
  }
}

TEST_F(CudaHalfCost, TheLargestPackedNumbersDoNotOverflow) {
  constexpr std::int64_t kFeatures = 2 * cuda::kHalfFeatureStage, kBlock = cuda::kPanelWidth * 16;
  for (const float centroid : {-cuda::kHalfLimit, cuda::kHalfLimit}) {
    for (const float sample : {-cuda::kHalfLimit, cuda::kHalfLimit}) {
      const std::vector<__half> samples(static_cast<std::size_t>(cuda::kTileWidth * kFeatures), sample);
      std::vector<__half> halves;
      for (std::int64_t block = 0; block < 2 * cuda::kTileWidth * kFeatures / kBlock; ++block)  // centroids, weights
        halves.insert(halves.end(), static_cast<std::size_t>(kBlock), block % 2 == 0 ? centroid : 2.0F);
      const std::vector<float> constants(static_cast<std::size_t>(cuda::kTileWidth), 0.0F);  // half of F is subtracted
      DeviceArray<__half> device_halves(halves), device_samples(samples);
      DeviceArray<float> device_constants(constants), cost(cuda::cost_stride(1, 1));
      cuda::cost_matrices({device_halves.data(), device_constants.data(), nullptr, nullptr, nullptr, 1, 1, kFeatures},
                          device_samples.data(), 1, cost.data(), stream());
      EXPECT_EQ(cost.values()[0], centroid == sample ? 0.0F : 2 * cuda::kHalfLimit * kFeatures);
    }
  }
}

TEST_F(CudaHalfCost, LargeTilesGiveTheSameBitsAsSmallOnes) {
  // 16 x 16 tiles of 64 x 128 elements together; each sample alone takes small tiles.
  std::vector<std::int64_t> lengths(30, 65);
  lengths.push_back(7);
  const Problem<float> problem(128, 8, 5, lengths, Numbers::kReals);
  const std::vector<float> together = HalfProblem(problem, cuda::FeatureType::kFloat32, stream()).cost();
  std::vector<float> apart;
  for (std::int64_t b = 0; b < problem.samples().count; ++b) {
    const std::vector<float> alone = HalfProblem(problem, cuda::FeatureType::kFloat32, stream(), b, 1).cost();
    apart.insert(apart.end(), alone.begin(), alone.end());
  }
  EXPECT_TRUE(same_bits(together, apart));
}

TEST_F(CudaHalfSearch, EqualsTheReferenceOnIntegers) {
  for (const Shape& shape : device_shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kIntegers);
    for (const bool diagonal : {false, true}) {
      const std::vector<std::int32_t> expected = problem.paths(diagonal);
      for (const cuda::FeatureType type : kFeatureTypes) {
        EXPECT_TRUE(same_bits(HalfProblem(problem, type, stream()).paths(diagonal), expected))
            << to_string(shape) << " diagonal " << diagonal << " " << name_of(type);
      }
    }
  }
}

TEST_F(CudaHalfSearch, OnRealsThePathFoundCostsWhatTheBestOneCosts) {
  for (const Shape& shape : device_shapes()) {
    Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kReals);
    spread_out(problem);
    HalfProblem half(problem, cuda::FeatureType::kFloat32, stream());
    const Problem<float> rounded = half.rounded();
    const std::int64_t cells = shape.steps + *std::max_element(shape.lengths.begin(), shape.lengths.end());
    // A near tie may be decided otherwise, by as much as costs and their f32 sums along both paths can be off.
    const std::vector<double> bounds = cost_bounds(rounded);
    const double relative = 2 * static_cast<double>(cells) * kRoundoff;
    const double absolute = 2 * static_cast<double>(cells) * *std::max_element(bounds.begin(), bounds.end());
    for (const bool diagonal : {false, true}) {
      std::vector<std::int32_t> paths(problem.paths(diagonal).size());
      std::vector<double> best(static_cast<std::size_t>(problem.pair_count())), found(best.size());
      reference::search_paths(rounded.parameters(), rounded.samples(), diagonal, paths.data(), best.data());
      paths = half.paths(diagonal);
      reference::distances_along_paths(rounded.parameters(), rounded.samples(), paths.data(), found.data());
      for (std::size_t pair = 0; pair < best.size(); ++pair) {
        EXPECT_GE(found[pair], best[pair] * (1 - 1e-12));
        EXPECT_LE(found[pair], best[pair] * (1 + relative) + absolute) << to_string(shape) << " diagonal " << diagonal;
      }
    }
  }
}

TEST_F(CudaHalfSearch, ASampleDoesNotDependOnTheSamplesBesideIt) {
  const Problem<float> problem(6, 37, 21, {3, 50, 1, 8, 37}, Numbers::kReals);
  const std::vector<std::int32_t> together = HalfProblem(problem, cuda::FeatureType::kFloat32, stream()).paths(true);
  std::vector<std::int32_t> apart;
  for (const auto& [first, count] : {std::pair{0, 2}, {2, 1}, {3, 2}}) {
    const std::vector<std::int32_t> some =
        HalfProblem(problem, cuda::FeatureType::kFloat32, stream(), first, count).paths(true);
    apart.insert(apart.end(), some.begin(), some.end());
  }
  EXPECT_TRUE(same_bits(apart, together));
}

TEST_F(CudaHalfSearch, NeedsNoMoreMemoryThanTheSearchInF32) {
  for (const Shape& shape : device_shapes()) {
    cuda::Samples samples;
    samples.count = static_cast<std::int64_t>(shape.lengths.size());
    for (const std::int64_t length : shape.lengths) samples.total_steps += length;
    samples.feature_dim = shape.feature_dim;
    for (const bool diagonal : {false, true}) {
      const cuda::HalfPackedParameters half{nullptr, nullptr,       nullptr,     nullptr,
                                            nullptr, shape.classes, shape.steps, shape.feature_dim};
      const PackedParameters plain{nullptr, shape.classes, shape.steps, shape.feature_dim};
      EXPECT_LE(cuda::search_paths_workspace_bytes(half, samples, diagonal),
                cuda::search_paths_workspace_bytes(plain, samples, diagonal));
    }
  }
}

}  // namespace
}  // namespace alignment::kernels::testing
