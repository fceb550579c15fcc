#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "tests/kernels/device_problem.hpp"

namespace alignment::kernels::testing {
namespace {

/// Unit roundoff of f16.
constexpr double kHalfRoundoff = 0x1p-11;

float to_half(float value) {
  return __half2float(__float2half_rn(value));
}

std::vector<float> some_gradient(std::int64_t count, Numbers numbers) {
  std::mt19937 generator(9);
  std::vector<float> gradient(static_cast<std::size_t>(count));
  for (float& value : gradient) {
    value = numbers == Numbers::kIntegers ? static_cast<float>(std::uniform_int_distribution<int>(-3, 3)(generator))
                                          : static_cast<float>(std::normal_distribution<double>(0, 0.01)(generator));
  }
  return gradient;
}

/// Real features as data sets have them: each with its own offset and spread.
void spread_out(Problem<float>& problem) {
  const std::int64_t width = problem.parameters().feature_dim;
  const auto place = [&](float value, std::size_t k) {
    const auto f = static_cast<std::int64_t>(k) % width;
    return std::ldexp(value, static_cast<int>(f % 9) - 4) + static_cast<float>(f % 5) * 100.0F;
  };
  for (std::size_t k = 0; k < problem.centroids().size(); ++k)
    problem.centroids()[k] = place(problem.centroids()[k], k);
  for (std::size_t k = 0; k < problem.features().size(); ++k) problem.features()[k] = place(problem.features()[k], k);
}

/// A problem on the device with its batch packed in f16.
class HalfProblem {
 public:
  HalfProblem(const Problem<float>& problem, const std::vector<std::int32_t>& paths, cuda::FeatureType type,
              cuda::Stream stream, std::int64_t first = 0, std::int64_t count = -1)
      : problem_(problem),
        device_(problem, type, first, count),
        scaling_memory_(static_cast<std::int64_t>(cuda::half_packed_parameter_bytes(
            device_.parameters().classes, device_.parameters().steps, device_.feature_dim()))),
        scaling_(cuda::pack_half_parameters(device_.parameters(), scaling_memory_.data(), stream)),
        breakpoints_(cut(paths, first)),
        memory_(static_cast<std::int64_t>(cuda::half_paths_bytes(device_.samples(), scaling_.classes, scaling_.steps))),
        paths_(cuda::prepare_half_paths(scaling_, device_.samples(), breakpoints_.data(), memory_.data(), stream)),
        stream_(stream) {
    const std::vector<std::byte> content = scaling_memory_.values();
    const auto read = [&](const float* array) {
      std::vector<float> values(static_cast<std::size_t>(scaling_.feature_dim));
      std::memcpy(values.data(), content.data() + (reinterpret_cast<const std::byte*>(array) - scaling_memory_.data()),
                  values.size() * sizeof(float));
      return values;
    };
    shifts = read(scaling_.shifts);
    scales = read(scaling_.scales);
  }

  [[nodiscard]] const cuda::HalfPaths& paths() const { return paths_; }

  /// gradient_sums [C,2,K,F]; classes outside the ranges stay NaN.
  [[nodiscard]] std::vector<float> gradient(const std::vector<float>& distance_gradient, TieSign tie_sign,
                                            int processors = 4, std::vector<cuda::ClassRange> ranges = {}) {
    if (ranges.empty()) ranges.push_back({0, scaling_.classes});
    DeviceArray<float> gradient(distance_gradient), sums(2 * device_.parameters().element_count());
    DeviceArray<std::byte> workspace(static_cast<std::int64_t>(
        cuda::half_gradient_workspace_bytes(device_.samples(), scaling_.classes, scaling_.steps, processors)));
    for (const cuda::ClassRange range : ranges) {
      cuda::gradient_along_paths(device_.parameters(), paths_, gradient.data(), tie_sign, range, sums.data(),
                                 workspace.data(), processors, stream_);
    }
    return sums.values();
  }

  /// [B,C], the parts added up in f64.
  [[nodiscard]] std::vector<double> distances(int processors = 4) {
    const std::int64_t part_count = cuda::half_distance_parts(scaling_.steps, scaling_.feature_dim);
    const std::int64_t pairs = paths_.count * scaling_.classes;
    DeviceArray<float> parts(part_count * pairs);
    cuda::distances_along_paths(device_.parameters(), paths_, parts.data(), processors, stream_);
    const std::vector<float> numbers = parts.values();
    std::vector<double> distances(static_cast<std::size_t>(pairs));
    for (std::size_t k = 0; k < numbers.size(); ++k) distances[k % distances.size()] += static_cast<double>(numbers[k]);
    return distances;
  }

  /// What is left of a number once it is packed.
  [[nodiscard]] float packed(float value, std::size_t f) const {
    const float moved = (value - shifts[f]) * scales[f];
    const float kept = std::fmin(std::fmax(moved, -cuda::kHalfPathLimit), cuda::kHalfPathLimit);
    return to_half(std::rint(kept / cuda::kHalfPathQuantum) * cuda::kHalfPathQuantum);
  }
  /// The problem of the packed numbers, in units of 1/scale.
  [[nodiscard]] Problem<float> rounded() const {
    Problem<float> rounded = problem_;
    const std::size_t width = shifts.size();
    for (std::size_t k = 0; k < rounded.centroids().size(); ++k)
      rounded.centroids()[k] = packed(rounded.centroids()[k], k % width);
    for (std::size_t k = 0; k < rounded.features().size(); ++k) {
      float& value = rounded.features()[k];
      if (!std::isnan(value)) value = packed(value, k % width);
    }
    return rounded;
  }

  std::vector<float> shifts, scales;

 private:
  [[nodiscard]] std::vector<std::int32_t> cut(const std::vector<std::int32_t>& paths, std::int64_t first) {
    const ParametersView<float> parameters = device_.parameters();
    const std::int64_t per_sample = parameters.classes * (parameters.steps - 1);
    return {paths.begin() + first * per_sample, paths.begin() + (first + device_.samples().count) * per_sample};
  }

  const Problem<float>& problem_;
  DeviceProblem device_;
  DeviceArray<std::byte> scaling_memory_;
  cuda::HalfPackedParameters scaling_;
  DeviceArray<std::int32_t> breakpoints_;
  DeviceArray<std::byte> memory_;
  cuda::HalfPaths paths_;
  cuda::Stream stream_;
};

/// What summing a row's cells in f16, at most kHalfPathCells at a time, may be off relative to the sum: each cell's
/// difference and each addition is rounded.
double row_roundoff(const ColumnRange& range) {
  return static_cast<double>(std::min(range.last - range.first + 1, cuda::kHalfPathCells)) * kHalfRoundoff;
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

using CudaHalfDistances = OnDevice;
using CudaHalfGradient = OnDevice;

std::vector<double> reference_distances(const Problem<float>& problem, const std::vector<std::int32_t>& paths) {
  std::vector<double> distances(static_cast<std::size_t>(problem.pair_count()));
  reference::distances_along_paths(problem.parameters(), problem.samples(), paths.data(), distances.data());
  return distances;
}

std::vector<std::int64_t> many_lengths() {
  std::vector<std::int64_t> lengths;
  for (std::int64_t b = 0; b < 70; ++b) lengths.push_back(1 + b * 29 % 41);
  lengths[37] = 600;  // several tiles
  return lengths;
}

TEST_F(CudaHalfDistances, EqualTheReferenceBitForBitOnIntegers) {
  for (const Shape& shape : device_shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kIntegers);
    for (const bool diagonal : {false, true}) {
      const std::vector<std::int32_t> paths = problem.paths(diagonal);
      const std::vector<double> expected = reference_distances(problem, paths);
      for (const cuda::FeatureType type : kFeatureTypes) {
        EXPECT_TRUE(same_bits(HalfProblem(problem, paths, type, stream()).distances(), expected))
            << to_string(shape) << " diagonal " << diagonal << " " << name_of(type);
      }
    }
  }
}

TEST_F(CudaHalfDistances, AreWithinTheRoundingBoundsOnReals) {
  Problem<float> problem(13, 9, 150, many_lengths(), Numbers::kReals);
  spread_out(problem);
  const std::vector<std::int32_t> paths = problem.paths(false);
  HalfProblem half(problem, paths, cuda::FeatureType::kFloat32, stream());
  const std::vector<double> expected = reference_distances(problem, paths), found = half.distances();
  const ParametersView<float> parameters = problem.parameters();
  const SamplesView<float> samples = problem.samples();
  const std::int64_t classes = parameters.classes, steps = parameters.steps, width = parameters.feature_dim;
  double relative = 0;
  for (std::int64_t b = 0; b < samples.count; ++b) {
    for (std::int64_t c = 0; c < classes; ++c) {
      double packing = 0, longest = 0;
      for (std::int64_t i = 0; i < steps; ++i) {
        const ColumnRange range =
            row_columns(paths.data() + (b * classes + c) * (steps - 1), i, steps, samples.length(b));
        longest = std::max(longest, row_roundoff(range));
        for (std::int64_t f = 0; f < width; ++f) {
          const auto at = static_cast<std::size_t>(f);
          const std::int64_t element = (c * steps + i) * width + f;
          for (std::int64_t j = range.first; j <= range.last; ++j) {
            const auto far = static_cast<double>(std::abs(half.packed(parameters.centroids[element], at)) +
                                                 std::abs(half.packed(samples.sample(b)[j * width + f], at)));
            packing += static_cast<double>(parameters.weights[element]) *
                       (kHalfRoundoff * far + static_cast<double>(cuda::kHalfPathQuantum)) /
                       static_cast<double>(half.scales[at]);
          }
        }
      }
      const double sums = static_cast<double>(steps * width + steps + 8) * kRoundoff;
      const auto pair = static_cast<std::size_t>(b * classes + c);
      ASSERT_NEAR(found[pair], expected[pair], packing + (1.01 * longest + sums) * expected[pair]) << pair;
      relative += std::abs(found[pair] - expected[pair]) / expected[pair];
    }
  }
  EXPECT_LT(relative / static_cast<double>(found.size()), 1e-4);  // roundings go either way
}

TEST_F(CudaHalfDistances, OfASampleDoNotDependOnTheSamplesBesideItNorOnProcessors) {
  std::vector<std::int64_t> lengths = many_lengths();
  const Problem<float> problem(15, 10, 140, lengths, Numbers::kReals);
  const std::vector<std::int32_t> paths = problem.paths(true);
  // The scales are the centroids', the same for all.
  const std::vector<double> together = HalfProblem(problem, paths, cuda::FeatureType::kFloat32, stream()).distances(1);
  EXPECT_TRUE(same_bits(HalfProblem(problem, paths, cuda::FeatureType::kFloat32, stream()).distances(132), together));
  std::vector<double> apart;
  for (const auto& [first, count] : {std::pair{0, 1}, {1, 36}, {37, 1}, {38, 32}}) {
    const std::vector<double> some =
        HalfProblem(problem, paths, cuda::FeatureType::kFloat32, stream(), first, count).distances();
    apart.insert(apart.end(), some.begin(), some.end());
  }
  EXPECT_TRUE(same_bits(apart, together));
}

TEST_F(CudaHalfDistances, AreNotFiniteWhereSomethingIsNot) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Problem<float> problem(3, 3, 20, {5, 9}, Numbers::kReals);
  const std::vector<std::int32_t> paths = problem.paths(false);
  const auto finite = [&](const Problem<float>& changed) {
    std::vector<bool> result;
    for (const double distance : HalfProblem(changed, paths, cuda::FeatureType::kFloat32, stream()).distances())
      result.push_back(std::isfinite(distance));
    return result;
  };
  for (const float value : {std::nanf(""), kInfinity, -kInfinity}) {
    Problem<float> changed = problem;
    changed.features()[20 * 4 + 7] = value;
    EXPECT_EQ(finite(changed), (std::vector<bool>{false, false, false, true, true, true})) << value;
    changed = problem;
    changed.centroids()[1 * 3 * 20 + 25] = value;
    EXPECT_EQ(finite(changed), (std::vector<bool>{true, false, true, true, false, true})) << value;
  }
  problem.weights()[1 * 3 * 20 + 25] = kInfinity;
  EXPECT_EQ(finite(problem), (std::vector<bool>{true, false, true, true, false, true}));
}

TEST_F(CudaHalfGradient, EqualsTheReferenceBitForBitOnIntegers) {
  for (const Shape& shape : device_shapes()) {
    const Problem<float> problem(shape.classes, shape.steps, shape.feature_dim, shape.lengths, Numbers::kIntegers);
    const std::vector<float> gradient = some_gradient(problem.pair_count(), Numbers::kIntegers);
    for (const bool diagonal : {false, true}) {
      const std::vector<std::int32_t> paths = problem.paths(diagonal);
      for (const cuda::FeatureType type : kFeatureTypes) {
        HalfProblem half(problem, paths, type, stream());
        for (const TieSign tie_sign : {TieSign::kZero, TieSign::kMinusOne}) {
          EXPECT_TRUE(
              equal_numbers(half.gradient(gradient, tie_sign), reference_gradient(problem, paths, gradient, tie_sign)))
              << to_string(shape) << " diagonal " << diagonal << " tie sign " << static_cast<int>(tie_sign) << " "
              << name_of(type);
        }
      }
    }
  }
}

TEST_F(CudaHalfGradient, ManySamplesInPartsEqualTheReferenceOnIntegers) {
  const Problem<float> problem(14, 9, 130, many_lengths(), Numbers::kIntegers);
  const std::vector<float> gradient = some_gradient(problem.pair_count(), Numbers::kIntegers);
  const std::vector<std::int32_t> paths = problem.paths(false);
  const std::vector<double> expected = reference_gradient(problem, paths, gradient, TieSign::kMinusOne);
  HalfProblem half(problem, paths, cuda::FeatureType::kFloat32, stream());
  for (const int processors : {1, 4, 132}) {
    EXPECT_TRUE(equal_numbers(half.gradient(gradient, TieSign::kMinusOne, processors), expected)) << processors;
  }
}

TEST_F(CudaHalfGradient, SamplesOfOneColumnEqualTheReferenceOnIntegers) {
  const Problem<float> problem(3, 11, 20, std::vector<std::int64_t>(700, 1), Numbers::kIntegers);
  const std::vector<float> gradient = some_gradient(problem.pair_count(), Numbers::kIntegers);
  const std::vector<std::int32_t> paths = problem.paths(false);
  HalfProblem half(problem, paths, cuda::FeatureType::kFloat32, stream());
  EXPECT_TRUE(equal_numbers(half.gradient(gradient, TieSign::kZero),
                            reference_gradient(problem, paths, gradient, TieSign::kZero)));
}

/// What a sum of the gradient is for the numbers as they are packed, and how far it may be from that, and from what it
/// is for the numbers as they were given.
struct Bounds {
  double packed = 0, of_packed = 0, given = 0, of_given = 0;
};

/// [C,2,K,F].
std::vector<Bounds> gradient_bounds(const Problem<float>& problem, const HalfProblem& half,
                                    const std::vector<std::int32_t>& paths, const std::vector<float>& gradient) {
  const ParametersView<float> parameters = problem.parameters();
  const SamplesView<float> samples = problem.samples();
  const std::int64_t classes = parameters.classes, steps = parameters.steps, width = parameters.feature_dim;
  double pieces = 0;  // of a row in the tiles of all samples
  for (std::int64_t b = 0; b < samples.count; ++b)
    pieces += static_cast<double>(samples.length(b) / cuda::kHalfPathCells + 2);
  std::vector<Bounds> bounds(static_cast<std::size_t>(2 * problem.element_count()));
  for (std::int64_t c = 0; c < classes; ++c) {
    for (std::int64_t i = 0; i < steps; ++i) {
      for (std::int64_t f = 0; f < width; ++f) {
        const auto at = static_cast<std::size_t>(f);
        Bounds& slope = bounds[static_cast<std::size_t>(((2 * c) * steps + i) * width + f)];
        Bounds& magnitude = bounds[static_cast<std::size_t>(((2 * c + 1) * steps + i) * width + f)];
        const float centroid = parameters.centroids[(c * steps + i) * width + f];
        const float packed_centroid = half.packed(centroid, at);
        const double scale = static_cast<double>(half.scales[at]);
        double all = 0, all_packed = 0, cells = 0, longest = 0;
        for (std::int64_t b = 0; b < samples.count; ++b) {
          const float g = gradient[static_cast<std::size_t>(b * classes + c)];
          const ColumnRange range =
              row_columns(paths.data() + (b * classes + c) * (steps - 1), i, steps, samples.length(b));
          longest = std::max(longest, row_roundoff(range));
          for (std::int64_t j = range.first; j <= range.last; ++j) {
            const float m = samples.sample(b)[j * width + f], packed_m = half.packed(m, at);
            const double difference = static_cast<double>(centroid) - static_cast<double>(m);
            const double packed = static_cast<double>(packed_centroid) - static_cast<double>(packed_m);
            const double rounding = kHalfRoundoff * std::abs(static_cast<double>(packed_centroid)) +
                                    kHalfRoundoff * std::abs(static_cast<double>(packed_m)) +
                                    static_cast<double>(cuda::kHalfPathQuantum);
            const auto sign = [](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; };
            slope.given += static_cast<double>(g) * sign(difference);
            slope.packed += static_cast<double>(g) * sign(packed);
            if (std::abs(difference) * scale <= rounding) slope.of_given += 2 * std::abs(static_cast<double>(g));
            magnitude.given += static_cast<double>(g) * std::abs(difference);
            magnitude.packed += static_cast<double>(g) * std::abs(packed) / scale;
            magnitude.of_given += std::abs(static_cast<double>(g)) * rounding / scale;
            all += std::abs(static_cast<double>(g)) * std::abs(difference);
            all_packed += std::abs(static_cast<double>(g) * packed) / scale;
            cells += std::abs(static_cast<double>(g));
          }
        }
        const double sums = (3 * pieces + 10) * kRoundoff;
        slope.of_packed = sums * cells + 1e-13;
        slope.of_given += slope.of_packed;
        magnitude.of_packed = (1.01 * longest + sums) * all_packed + 1e-13;
        magnitude.of_given += (1.01 * longest + sums) * all + magnitude.of_packed;
      }
    }
  }
  return bounds;
}

TEST_F(CudaHalfGradient, IsWithinTheRoundingBoundsOnRealsAndTheSameEveryTime) {
  Problem<float> problem(13, 8, 130, many_lengths(), Numbers::kReals);
  spread_out(problem);
  const std::vector<std::int32_t> paths = problem.paths(false);
  std::vector<float> gradient = some_gradient(problem.pair_count(), Numbers::kReals);
  for (std::size_t k = 0; k < gradient.size(); k += 7) gradient[k] *= 1e-3F;
  HalfProblem half(problem, paths, cuda::FeatureType::kFloat32, stream());
  const std::vector<Bounds> bounds = gradient_bounds(problem, half, paths, gradient);
  for (const int processors : {1, 132}) {
    const std::vector<float> found = half.gradient(gradient, TieSign::kZero, processors);
    EXPECT_TRUE(same_bits(half.gradient(gradient, TieSign::kZero, processors), found));
    double scale = 0, error = 0;
    for (std::size_t k = 0; k < found.size(); ++k) {
      ASSERT_NEAR(static_cast<double>(found[k]), bounds[k].packed, bounds[k].of_packed) << k;
      ASSERT_NEAR(static_cast<double>(found[k]), bounds[k].given, bounds[k].of_given) << k;
      scale += std::abs(bounds[k].given);
      error += std::abs(static_cast<double>(found[k]) - bounds[k].given);
    }
    EXPECT_LT(error, 2e-3 * scale);  // that the bounds are not too wide to say anything
  }
}

TEST_F(CudaHalfGradient, FeaturesStoredInF16GiveTheSameBits) {
  Problem<float> problem(5, 8, 40, {33, 20, 7}, Numbers::kReals);
  round_features(problem);
  const std::vector<std::int32_t> paths = problem.paths(false);
  const std::vector<float> gradient = some_gradient(problem.pair_count(), Numbers::kReals);
  HalfProblem plain(problem, paths, cuda::FeatureType::kFloat32, stream());
  HalfProblem stored(problem, paths, cuda::FeatureType::kFloat16, stream());
  EXPECT_TRUE(same_bits(stored.gradient(gradient, TieSign::kZero), plain.gradient(gradient, TieSign::kZero)));
}

TEST_F(CudaHalfGradient, RangesOfClassesMakeUpTheWholeAndTouchNothingElse) {
  // Integers: parts of the samples depend on how many classes there are, and sums of reals on the parts.
  const Problem<float> problem(21, 5, 33, std::vector<std::int64_t>(80, 13), Numbers::kIntegers);
  const std::vector<float> gradient = some_gradient(problem.pair_count(), Numbers::kIntegers);
  const std::vector<std::int32_t> paths = problem.paths(false);
  HalfProblem half(problem, paths, cuda::FeatureType::kFloat32, stream());
  for (const int processors : {1, 132}) {
    const std::vector<float> whole = half.gradient(gradient, TieSign::kZero, processors);
    EXPECT_TRUE(same_bits(half.gradient(gradient, TieSign::kZero, processors, {{13, 8}, {0, 1}, {1, 12}}), whole));
    const std::vector<float> some = half.gradient(gradient, TieSign::kZero, processors, {{3, 9}});
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

TEST_F(CudaHalfGradient, AtATieTheSignIsZeroOrMinusOneForZerosOfEitherSignToo) {
  const std::pair<float, float> ties[] = {{5.0F, 5.0F}, {0.0F, 0.0F}, {0.0F, -0.0F}, {-0.0F, 0.0F}, {-0.0F, -0.0F}};
  for (const auto& [centroid, feature] : ties) {
    Problem<float> problem(1, 1, 1, {3}, Numbers::kIntegers);
    problem.centroids()[0] = centroid;
    for (std::size_t j = 1; j <= 3; ++j) problem.features()[j] = feature;
    for (const cuda::FeatureType type : kFeatureTypes) {
      HalfProblem half(problem, {}, type, stream());
      EXPECT_EQ(half.gradient({2.0F}, TieSign::kZero), (std::vector<float>{0, 0})) << centroid << " " << feature;
      EXPECT_EQ(half.gradient({2.0F}, TieSign::kMinusOne), (std::vector<float>{-6, 0})) << centroid << " " << feature;
    }
  }
}

/// One class, one centroid step, features 0 .. 2 near 0: scales are 1, shifts 0.
TEST_F(CudaHalfGradient, TheSmallestDifferenceThatIsPackedHasAWholeSignAndFarOnesAreKept) {
  Problem<float> problem(1, 1, 4, {1}, Numbers::kIntegers);
  problem.centroids() = {0.0F, 0.0F, 0.0F, 0.0F};
  const std::vector<float> features{cuda::kHalfPathQuantum, -cuda::kHalfPathQuantum, 1e9F, -1e9F};
  std::copy(features.begin(), features.end(), problem.features().begin() + 4);  // the row before is a guard
  for (const TieSign tie_sign : {TieSign::kZero, TieSign::kMinusOne}) {
    HalfProblem half(problem, {}, cuda::FeatureType::kFloat32, stream());
    EXPECT_EQ(half.gradient({1.0F}, tie_sign),
              (std::vector<float>{-1, 1, -1, 1, cuda::kHalfPathQuantum, cuda::kHalfPathQuantum, cuda::kHalfPathLimit,
                                  cuda::kHalfPathLimit}));
  }
}

TEST_F(CudaHalfGradient, DistanceGradientsOfAnySizeCount) {
  const Problem<float> problem(2, 3, 17, {9, 4}, Numbers::kIntegers);
  const std::vector<std::int32_t> paths = problem.paths(false);
  HalfProblem half(problem, paths, cuda::FeatureType::kFloat32, stream());
  for (const float size : {1e-38F, 0x1p-140F, 1e-10F, 0x1p100F, 0.0F}) {
    const std::vector<float> gradient{3 * size, -size, 0.0F, 2 * size};
    const std::vector<double> expected = reference_gradient(problem, paths, gradient, TieSign::kZero);
    const std::vector<float> found = half.gradient(gradient, TieSign::kZero);
    for (std::size_t k = 0; k < found.size(); ++k) {
      // At most 13 cells of |centroid - m| <= 16 and a gradient of 3 * size.
      const double largest = static_cast<double>(size) * 13 * 16 * 3;
      ASSERT_NEAR(static_cast<double>(found[k]), expected[k],
                  largest * kHalfRoundoff + static_cast<double>(std::numeric_limits<float>::denorm_min()))
          << size;
    }
  }
}

/// The largest magnitude and its slope, or whether they are finite, must tell of a number that is not.
TEST_F(CudaHalfGradient, IsNotFiniteWhereSomethingIsNot) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto finite = [](const std::vector<float>& sums, std::int64_t c, std::int64_t per_class) {
    return std::all_of(sums.begin() + c * per_class, sums.begin() + (c + 1) * per_class,
                       [](float value) { return std::isfinite(value); });
  };
  const std::int64_t per_class = std::int64_t{2} * 3 * 20;
  for (const float value : {std::nanf(""), kInfinity, -kInfinity}) {
    Problem<float> problem(3, 3, 20, {5, 9}, Numbers::kReals);
    const std::vector<std::int32_t> paths = problem.paths(false);
    std::vector<float> gradient = some_gradient(problem.pair_count(), Numbers::kReals);
    {
      Problem<float> changed = problem;
      changed.features()[20 * 4 + 7] = value;
      HalfProblem half(changed, paths, cuda::FeatureType::kFloat32, stream());
      const std::vector<float> sums = half.gradient(gradient, TieSign::kZero);
      for (std::int64_t c = 0; c < 3; ++c) EXPECT_FALSE(finite(sums, c, per_class)) << value;
    }
    {
      Problem<float> changed = problem;
      changed.centroids()[1 * 3 * 20 + 25] = value;
      HalfProblem half(changed, paths, cuda::FeatureType::kFloat32, stream());
      EXPECT_FALSE(finite(half.gradient(gradient, TieSign::kZero), 1, per_class)) << value;
    }
    HalfProblem half(problem, paths, cuda::FeatureType::kFloat32, stream());
    EXPECT_TRUE(finite(half.gradient(gradient, TieSign::kZero), 1, per_class));
    gradient[3 + 1] = value;
    const std::vector<float> sums = half.gradient(gradient, TieSign::kZero);
    EXPECT_TRUE(finite(sums, 0, per_class));
    EXPECT_FALSE(finite(sums, 1, per_class));
    EXPECT_TRUE(finite(sums, 2, per_class));
  }
}

}  // namespace
}  // namespace alignment::kernels::testing
