#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "tests/kernels/device_problem.hpp"

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

/// Distances [B,C], their parts added up in f64.
std::vector<double> distances_on_device(const Problem<float>& problem, cuda::FeatureType type,
                                        const std::vector<std::int32_t>& paths, cuda::Stream stream,
                                        std::int64_t first = 0, std::int64_t count = -1, int processors = 4) {
  DeviceProblem device(problem, type, first, count);
  const ParametersView<float> parameters = device.parameters();
  const cuda::Samples samples = device.samples();
  const std::int64_t per_sample = parameters.classes * (parameters.steps - 1);
  DeviceArray<std::int32_t> breakpoints(std::vector<std::int32_t>(
      paths.begin() + first * per_sample, paths.begin() + (first + samples.count) * per_sample));
  const std::int64_t part_count = cuda::distance_parts(parameters.steps, parameters.feature_dim);
  const std::int64_t pairs = samples.count * parameters.classes;
  DeviceArray<float> parts(part_count * pairs);
  cuda::distances_along_paths(parameters, samples, breakpoints.data(), parts.data(), processors, stream);
  const std::vector<float> numbers = parts.values();
  std::vector<double> distances(static_cast<std::size_t>(pairs));
  for (std::size_t k = 0; k < numbers.size(); ++k) distances[k % distances.size()] += static_cast<double>(numbers[k]);
  return distances;
}

struct GradientCase {
  cuda::FeatureType type = cuda::FeatureType::kFloat32;
  TieSign tie_sign = TieSign::kZero;
  int processors = 4;
  std::vector<cuda::ClassRange> ranges = {};  ///< empty: all classes at once
};

/// gradient_sums [C,2,K,F]; classes outside the ranges stay NaN.
std::vector<float> gradient_on_device(const Problem<float>& problem, const std::vector<std::int32_t>& paths,
                                      const std::vector<float>& gradient, const GradientCase& how,
                                      cuda::Stream stream) {
  DeviceProblem device(problem, how.type);
  const ParametersView<float> parameters = device.parameters();
  DeviceArray<std::int32_t> breakpoints(paths);
  DeviceArray<float> distance_gradient(gradient), sums(2 * parameters.element_count());
  DeviceArray<std::byte> workspace(
      static_cast<std::int64_t>(cuda::gradient_workspace_bytes(parameters, device.samples(), how.processors)));
  std::vector<cuda::ClassRange> ranges = how.ranges;
  if (ranges.empty()) ranges.push_back({0, parameters.classes});
  for (const cuda::ClassRange range : ranges) {
    cuda::gradient_along_paths(parameters, device.samples(), breakpoints.data(), distance_gradient.data(), how.tie_sign,
                               range, sums.data(), workspace.data(), how.processors, stream);
  }
  return sums.values();
}

/// slope_sum and magnitude_sum of the reference side by side: [C,2,K,F].
std::vector<double> reference_gradient(const Problem<float>& problem, const std::vector<std::int32_t>& paths,
                                       const std::vector<float>& gradient, TieSign tie_sign) {
  const auto elements = static_cast<std::size_t>(problem.element_count());
  std::vector<double> slope(elements), magnitude(elements), both;
  reference::gradient_along_paths(problem.parameters(), problem.samples(), paths.data(), gradient.data(), tie_sign,
                                  slope.data(), magnitude.data());
  const auto per_class = static_cast<std::ptrdiff_t>(problem.element_count() / problem.parameters().classes);
  for (std::ptrdiff_t c = 0; c < problem.parameters().classes; ++c) {
    both.insert(both.end(), slope.begin() + c * per_class, slope.begin() + (c + 1) * per_class);
    both.insert(both.end(), magnitude.begin() + c * per_class, magnitude.begin() + (c + 1) * per_class);
  }
  return both;
}

::testing::AssertionResult equal_numbers(const std::vector<float>& found, const std::vector<double>& expected) {
  for (std::size_t k = 0; k < expected.size(); ++k) {
    if (static_cast<double>(found[k]) != expected[k])
      return ::testing::AssertionFailure() << "[" << k << "] is " << found[k] << ", expected " << expected[k];
  }
  return ::testing::AssertionSuccess();
}

using CudaDistances = OnDevice;
using CudaGradient = OnDevice;

TEST_F(CudaDistances, EqualTheReferenceBitForBitOnIntegers) {
  for (const Shape& shape : device_shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kIntegers);
    for (const bool diagonal : {false, true}) {
      const std::vector<std::int32_t> paths = problem.paths(diagonal);
      std::vector<double> expected(static_cast<std::size_t>(problem.pair_count()));
      reference::distances_along_paths(problem.parameters(), problem.samples(), paths.data(), expected.data());
      for (const cuda::FeatureType type : kFeatureTypes) {
        EXPECT_TRUE(same_bits(distances_on_device(problem, type, paths, stream()), expected))
            << to_string(shape) << " diagonal " << diagonal << " " << name_of(type);
      }
    }
  }
}

TEST_F(CudaDistances, AreWithinTheRoundingBoundOnReals) {
  for (const Shape& shape : device_shapes()) {
    Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kReals);
    round_features(problem);
    const std::vector<std::int32_t> paths = problem.paths(false);
    std::vector<double> expected(static_cast<std::size_t>(problem.pair_count()));
    reference::distances_along_paths(problem.parameters(), problem.samples(), paths.data(), expected.data());
    // Every term is positive. It passes through a subtraction, at most K+T-1 fused multiply-adds of its feature, and
    // 2 + 5 additions over the features of a part; the parts are added in f64.
    const std::int64_t longest = *std::max_element(shape.lengths.begin(), shape.lengths.end());
    const double bound = std::expm1(static_cast<double>(shape.steps + longest + 7) * kRoundoff) + 1e-13;
    for (const cuda::FeatureType type : kFeatureTypes) {
      const std::vector<double> found = distances_on_device(problem, type, paths, stream());
      for (std::size_t pair = 0; pair < found.size(); ++pair)
        ASSERT_NEAR(found[pair], expected[pair], bound * expected[pair]) << to_string(shape) << " " << name_of(type);
    }
  }
}

TEST_F(CudaDistances, OfASampleDoNotDependOnTheSamplesBesideIt) {
  std::vector<std::int64_t> lengths;
  for (std::int64_t b = 0; b < 75; ++b) lengths.push_back(1 + b * 37 % 23);  // more than two chunks of 32 samples
  const Problem<float> problem(11, 10, 140, lengths, Numbers::kReals);
  const std::vector<std::int32_t> paths = problem.paths(true);
  const std::vector<double> together = distances_on_device(problem, cuda::FeatureType::kFloat32, paths, stream());
  EXPECT_TRUE(same_bits(distances_on_device(problem, cuda::FeatureType::kFloat32, paths, stream()), together));
  std::vector<double> apart;
  for (const auto& [first, count] : {std::pair{0, 1}, {1, 40}, {41, 34}}) {
    const std::vector<double> some =
        distances_on_device(problem, cuda::FeatureType::kFloat32, paths, stream(), first, count);
    apart.insert(apart.end(), some.begin(), some.end());
  }
  EXPECT_TRUE(same_bits(apart, together));
  for (const int processors : {1, 3, 132}) {  // other shares of the samples for a block
    EXPECT_TRUE(same_bits(distances_on_device(problem, cuda::FeatureType::kFloat32, paths, stream(), 0, -1, processors),
                          together))
        << processors;
  }
}

/// Paths whose rows have 1 to 9 cells in turn, from another number on for every path, while columns are left; the last
/// row has the rest. `diagonal`: rows start after the column that the one before ended with; 2: every other one.
std::vector<std::int32_t> paths_of_all_row_lengths(const Problem<float>& problem, int diagonal) {
  const std::int64_t steps = problem.parameters().steps;
  std::vector<std::int32_t> breakpoints;
  for (std::int64_t b = 0; b < problem.samples().count; ++b) {
    for (std::int64_t c = 0; c < problem.parameters().classes; ++c) {
      std::int64_t column = 0;  // that the row starts with
      for (std::int64_t row = 0; row + 1 < steps; ++row) {
        const std::int64_t rows_after = steps - 1 - row, left = problem.samples().length(b) - column - rows_after;
        const std::int64_t end = column + std::clamp<std::int64_t>(left, 1, 1 + (row + 2 * b + c) % 9) - 1;
        const bool leaps = diagonal == 1 || (diagonal == 2 && (row + b) % 2 == 0);
        breakpoints.push_back(static_cast<std::int32_t>(leaps ? ~end : end));
        column = leaps ? end + 1 : end;
      }
    }
  }
  return breakpoints;
}

/// Rows of 1 to 9 cells, within one tile and cut by the end of one in their middle: tiles have up to 64 columns.
Problem<float> problem_of_all_row_lengths(Numbers numbers) {
  return {11, 11, 150, {20, 33, 64, 65, 66, 67, 68, 69, 70, 100, 129, 200, 33, 33}, numbers};
}

TEST_F(CudaDistances, OfRowsOfEveryLengthWholeAndCutByATile) {
  const Problem<float> problem = problem_of_all_row_lengths(Numbers::kIntegers);
  for (const int diagonal : {0, 1, 2}) {
    const std::vector<std::int32_t> paths = paths_of_all_row_lengths(problem, diagonal);
    std::vector<double> expected(static_cast<std::size_t>(problem.pair_count()));
    reference::distances_along_paths(problem.parameters(), problem.samples(), paths.data(), expected.data());
    for (const cuda::FeatureType type : kFeatureTypes) {
      EXPECT_TRUE(same_bits(distances_on_device(problem, type, paths, stream()), expected))
          << "diagonal " << diagonal << " " << name_of(type);
    }
  }
}

TEST_F(CudaGradient, OfRowsOfEveryLengthWholeAndCutByATile) {
  const Problem<float> problem = problem_of_all_row_lengths(Numbers::kIntegers);
  const std::vector<float> gradient = some_gradient(problem.pair_count(), Numbers::kIntegers);
  for (const int diagonal : {0, 1, 2}) {
    const std::vector<std::int32_t> paths = paths_of_all_row_lengths(problem, diagonal);
    for (const TieSign tie_sign : {TieSign::kZero, TieSign::kMinusOne}) {
      const std::vector<double> expected = reference_gradient(problem, paths, gradient, tie_sign);
      for (const cuda::FeatureType type : kFeatureTypes) {
        EXPECT_TRUE(equal_numbers(gradient_on_device(problem, paths, gradient, {type, tie_sign}, stream()), expected))
            << "diagonal " << diagonal << " tie sign " << static_cast<int>(tie_sign) << " " << name_of(type);
      }
    }
  }
}

TEST_F(CudaGradient, OfASampleWithoutGradientsIsNothingAndOfInfinityNothingFinite) {
  const Problem<float> problem(2, 3, 5, {7, 4}, Numbers::kReals);
  const std::vector<std::int32_t> paths = problem.paths(false);
  for (const TieSign tie_sign : {TieSign::kZero, TieSign::kMinusOne}) {
    const GradientCase how{.tie_sign = tie_sign};
    const std::vector<float> none = gradient_on_device(problem, paths, {0, 0, 0, 0}, how, stream());
    EXPECT_TRUE(std::all_of(none.begin(), none.end(), [](float value) { return value == 0.0F; }));
    const float infinity = std::numeric_limits<float>::infinity();
    const std::vector<float> some = gradient_on_device(problem, paths, {0, infinity, 0, 0}, how, stream());
    for (std::size_t k = 0; k < some.size(); ++k) EXPECT_EQ(std::isfinite(some[k]), k < some.size() / 2) << k;
  }
}

TEST_F(CudaGradient, EqualsTheReferenceBitForBitOnIntegers) {
  for (const Shape& shape : device_shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kIntegers);
    const std::vector<float> gradient = some_gradient(problem.pair_count(), Numbers::kIntegers);
    for (const bool diagonal : {false, true}) {
      const std::vector<std::int32_t> paths = problem.paths(diagonal);
      for (const TieSign tie_sign : {TieSign::kZero, TieSign::kMinusOne}) {
        const std::vector<double> expected = reference_gradient(problem, paths, gradient, tie_sign);
        for (const cuda::FeatureType type : kFeatureTypes) {
          EXPECT_TRUE(equal_numbers(gradient_on_device(problem, paths, gradient, {type, tie_sign}, stream()), expected))
              << to_string(shape) << " diagonal " << diagonal << " tie sign " << static_cast<int>(tie_sign) << " "
              << name_of(type);
        }
      }
    }
  }
}

std::vector<std::int64_t> many_lengths() {
  std::vector<std::int64_t> lengths;
  for (std::int64_t b = 0; b < 150; ++b) lengths.push_back(1 + b * 29 % 41);
  lengths[77] = 200;  // several tiles
  return lengths;
}

TEST_F(CudaGradient, ManySamplesInPartsEqualTheReferenceOnIntegers) {
  const Problem<float> problem(9, 9, 150, many_lengths(), Numbers::kIntegers);
  const std::vector<float> gradient = some_gradient(problem.pair_count(), Numbers::kIntegers);
  const std::vector<std::int32_t> paths = problem.paths(false);
  const std::vector<double> expected = reference_gradient(problem, paths, gradient, TieSign::kMinusOne);
  for (const int processors : {1, 4, 132}) {
    EXPECT_TRUE(equal_numbers(gradient_on_device(problem, paths, gradient,
                                                 {.tie_sign = TieSign::kMinusOne, .processors = processors}, stream()),
                              expected))
        << processors;
  }
}

TEST_F(CudaGradient, IsWithinTheRoundingBoundOnRealsAndTheSameEveryTime) {
  Problem<float> problem(9, 8, 200, many_lengths(), Numbers::kReals);
  round_features(problem);
  const std::vector<float> gradient = some_gradient(problem.pair_count(), Numbers::kReals);
  const std::vector<std::int32_t> paths = problem.paths(false);
  // The sums of |g|*|centroid - m| and of |g| over an element's cells, what rounding is relative to: with all gradients
  // positive the reference's magnitude is the first; with all features below the centroids its slope is the second.
  std::vector<float> absolute(gradient);
  for (float& value : absolute) value = std::abs(value);
  const std::vector<double> magnitude = reference_gradient(problem, paths, absolute, TieSign::kZero);
  Problem<float> below = problem;
  std::fill(below.centroids().begin(), below.centroids().end(), 1e6F);
  const std::vector<double> cells = reference_gradient(below, paths, absolute, TieSign::kZero);

  const auto samples = static_cast<double>(problem.samples().count);
  const double longest = 200, tiles = 4, parts = 8;
  const std::int64_t half = 8 * 200;
  for (const cuda::FeatureType type : kFeatureTypes) {
    for (const auto& [processors, tie_sign] :
         {std::pair{1, TieSign::kZero}, {132, TieSign::kZero}, {132, TieSign::kMinusOne}}) {
      const GradientCase how{.type = type, .tie_sign = tie_sign, .processors = processors};
      const std::vector<double> expected = reference_gradient(problem, paths, gradient, tie_sign);
      const std::vector<float> found = gradient_on_device(problem, paths, gradient, how, stream());
      EXPECT_TRUE(same_bits(gradient_on_device(problem, paths, gradient, how, stream()), found));
      for (std::size_t k = 0; k < found.size(); ++k) {
        const bool is_slope = static_cast<std::int64_t>(k) / half % 2 == 0;
        // A slope's counts are exact. Each tile of a sample then has a fused multiply-add for the positive ones, whose
        // sum counts twice, and one for all; the last joins both. A magnitude's terms have a subtraction and the
        // additions over the columns before it, and each tile its multiply-add. At last the parts are added.
        const double operations = is_slope ? 3 * (samples + tiles) + 1 + parts : samples + tiles + 1 + longest + parts;
        const double scale = is_slope ? cells[k] : magnitude[k];
        ASSERT_NEAR(static_cast<double>(found[k]), expected[k], operations * kRoundoff * scale + 1e-13)
            << k << " " << name_of(type) << " processors " << processors;
      }
    }
  }
}

TEST_F(CudaGradient, RangesOfClassesMakeUpTheWholeAndTouchNothingElse) {
  std::vector<std::int64_t> lengths(20, 6);
  const Problem<float> problem(21, 5, 33, lengths, Numbers::kIntegers);
  const std::vector<float> gradient = some_gradient(problem.pair_count(), Numbers::kIntegers);
  const std::vector<std::int32_t> paths = problem.paths(false);
  const std::vector<float> whole = gradient_on_device(problem, paths, gradient, {}, stream());
  for (const int processors : {1, 132}) {
    GradientCase how{.processors = processors, .ranges = {{13, 8}, {0, 1}, {1, 12}}};
    EXPECT_TRUE(same_bits(gradient_on_device(problem, paths, gradient, how, stream()), whole));
    how.ranges = {{3, 9}};
    const std::vector<float> some = gradient_on_device(problem, paths, gradient, how, stream());
    const std::size_t per_class = 2 * 5 * 33;
    for (std::size_t k = 0; k < some.size(); ++k) {
      if (k / per_class >= 3 && k / per_class < 12) {
        ASSERT_EQ(some[k], whole[k]);
      } else {
        ASSERT_TRUE(std::isnan(some[k])) << "class " << k / per_class << " was not asked for";
      }
    }
  }
}

TEST_F(CudaGradient, AtATieTheSignIsZeroOrMinusOneForZerosOfEitherSignToo) {
  const std::pair<float, float> ties[] = {{5.0F, 5.0F}, {0.0F, 0.0F}, {0.0F, -0.0F}, {-0.0F, 0.0F}, {-0.0F, -0.0F}};
  for (const auto& [centroid, feature] : ties) {
    Problem<float> problem(1, 1, 1, {3}, Numbers::kIntegers);
    problem.centroids()[0] = centroid;
    for (std::size_t j = 1; j <= 3; ++j) problem.features()[j] = feature;
    for (const cuda::FeatureType type : kFeatureTypes) {
      const auto sums = [&](TieSign tie_sign) {
        return gradient_on_device(problem, {}, {2.0F}, {type, tie_sign}, stream());
      };
      EXPECT_EQ(sums(TieSign::kZero), (std::vector<float>{0, 0})) << centroid << " " << feature;
      EXPECT_EQ(sums(TieSign::kMinusOne), (std::vector<float>{-6, 0})) << centroid << " " << feature;
    }
  }
}

TEST_F(CudaGradient, TheSmallestNormalDifferenceHasAWholeSign) {
  Problem<float> problem(1, 1, 2, {1}, Numbers::kIntegers);
  problem.centroids() = {0x1p-126F, -0x1p-126F};
  problem.features()[2] = problem.features()[3] = 0.0F;  // the row before is a guard
  for (const TieSign tie_sign : {TieSign::kZero, TieSign::kMinusOne}) {
    const std::vector<float> sums = gradient_on_device(problem, {}, {1.0F}, {.tie_sign = tie_sign}, stream());
    EXPECT_EQ(sums[0], 1.0F);
    EXPECT_EQ(sums[1], -1.0F);
  }
}

}  // namespace
}  // namespace alignment::kernels::testing
