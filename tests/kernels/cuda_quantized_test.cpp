#include "kernels/quantized.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/kernels/device_problem.hpp"

namespace alignment::kernels::testing {
namespace {

/// A problem on the device with its parameters quantized, and what was made of them.
class QuantizedProblem {
 public:
  QuantizedProblem(const Problem<float>& problem, cuda::FeatureType type, cuda::Stream stream, std::int64_t first = 0,
                   std::int64_t count = -1)
      : device_(problem, type, first, count),
        memory_(bytes(problem)),
        packed_(cuda::quantize_parameters(device_.parameters(), memory_.data(), stream)),
        stream_(stream) {}

  [[nodiscard]] const cuda::QuantizedParameters& packed() const { return packed_; }
  [[nodiscard]] cuda::Samples samples() { return device_.samples(); }

  template <typename T>
  [[nodiscard]] std::vector<T> read(const T* array, std::int64_t count) {
    const std::vector<std::byte> content = memory_.values();
    std::vector<T> values(static_cast<std::size_t>(count));
    const auto offset = static_cast<std::size_t>(reinterpret_cast<const std::byte*>(array) - memory_.data());
    EXPECT_LE(offset + values.size() * sizeof(T), content.size());
    std::memcpy(values.data(), content.data() + offset, values.size() * sizeof(T));
    return values;
  }

  [[nodiscard]] std::vector<std::uint32_t> sample_words() {
    const cuda::Samples samples = device_.samples();
    DeviceArray<std::uint32_t> words(cuda::quantized_sample_count(samples.total_steps, samples.feature_dim));
    cuda::quantize_samples(packed_, samples, words.data(), stream_);
    return words.values();
  }

  /// Elements [sum of T, C*K] without the padding of the columns.
  [[nodiscard]] std::vector<float> cost() {
    const cuda::Samples samples = device_.samples();
    const std::int64_t stride = cuda::cost_stride(packed_.classes, packed_.steps);
    DeviceArray<std::uint32_t> words(cuda::quantized_sample_count(samples.total_steps, samples.feature_dim));
    DeviceArray<float> cost(samples.total_steps * stride);
    cuda::quantize_samples(packed_, samples, words.data(), stream_);
    cuda::cost_matrices(packed_, words.data(), samples.total_steps, cost.data(), stream_);
    const std::vector<float> padded = cost.values();
    std::vector<float> elements;
    for (std::int64_t j = 0; j < samples.total_steps; ++j) {
      elements.insert(elements.end(), padded.begin() + j * stride,
                      padded.begin() + j * stride + packed_.classes * packed_.steps);
    }
    return elements;
  }

  [[nodiscard]] std::vector<std::int32_t> paths(bool diagonal) {
    const cuda::Samples samples = device_.samples();
    DeviceArray<std::byte> workspace(
        static_cast<std::int64_t>(cuda::search_paths_workspace_bytes(packed_, samples, diagonal)));
    DeviceArray<std::int32_t> breakpoints(samples.count * packed_.classes * (packed_.steps - 1));
    cuda::search_paths(packed_, samples, diagonal, breakpoints.data(), workspace.data(), stream_);
    return breakpoints.values();
  }

 private:
  static std::int64_t bytes(const Problem<float>& problem) {
    const ParametersView<float> host = problem.parameters();
    return static_cast<std::int64_t>(cuda::quantized_parameter_bytes(host.classes, host.steps, host.feature_dim));
  }

  DeviceProblem device_;
  DeviceArray<std::byte> memory_;
  cuda::QuantizedParameters packed_;
  cuda::Stream stream_;
};

/// What the reference makes of a problem's parameters.
struct Reference {
  explicit Reference(const Problem<float>& problem)
      : lows(static_cast<std::size_t>(problem.parameters().feature_dim)),
        inverse_steps(lows.size()),
        centroids(static_cast<std::size_t>(problem.element_count())),
        weights(centroids.size()) {
    reference::quantize_parameters(problem.parameters(), lows.data(), inverse_steps.data(), centroids.data(),
                                   weights.data());
  }

  std::vector<float> lows, inverse_steps;
  std::vector<std::uint8_t> centroids, weights;
};

std::uint8_t byte_of(std::uint32_t word, std::int64_t index) {
  return static_cast<std::uint8_t>(word >> static_cast<unsigned>(8 * index));
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// The problems of a shape: integers; reals; reals whose features have offsets and spreads of their own, some constant
/// over all centroids, classes weights of their own, and samples numbers that are none or far away.
std::vector<Problem<float>> problems_of(const Shape& shape) {
  std::vector<Problem<float>> problems;
  for (const Numbers numbers : {Numbers::kIntegers, Numbers::kReals, Numbers::kReals}) {
    problems.emplace_back(shape.classes, shape.steps, shape.feature_dim, shape.lengths, numbers);
  }
  Problem<float>& uneven = problems.back();
  const std::int64_t width = shape.feature_dim, per_class = shape.steps * width;
  const auto place = [&](float value, std::int64_t f) {
    return std::ldexp(value, static_cast<int>(f % 9) - 4) + static_cast<float>(f % 5) * 10.0F;
  };
  for (std::int64_t k = 0; k < uneven.element_count(); ++k) {
    float& centroid = uneven.centroids()[static_cast<std::size_t>(k)];
    centroid = k % width % 6 == 5 ? -0.0F : place(centroid, k % width);
    float& weight = uneven.weights()[static_cast<std::size_t>(k)];
    weight = std::ldexp(weight, static_cast<int>(k / per_class % 7) - static_cast<int>(k % width % 4));
  }
  const std::int64_t end = uneven.samples().offsets[uneven.samples().count] * width;
  for (std::int64_t k = width; k < end; ++k) {
    float& value = uneven.features()[static_cast<std::size_t>(k)];
    value = place(value, k % width);
    if (k % 23 == 7) value *= 1e6F;
    if (k % 37 == 3) value = k % 3 == 0 ? kInfinity : (k % 3 == 1 ? -kInfinity : std::nanf(""));
  }
  for (Problem<float>& problem : problems) round_features(problem);
  return problems;
}

using CudaQuantized = OnDevice;

TEST_F(CudaQuantized, ParametersAreTheReferencesBitForBit) {
  for (const Shape& shape : device_shapes()) {
    for (const Problem<float>& problem : problems_of(shape)) {
      const Reference expected(problem);
      QuantizedProblem found(problem, cuda::FeatureType::kFloat32, stream());
      const std::int64_t groups = cuda::padded_quantized_groups(shape.feature_dim), width = cuda::kPanelWidth;
      const std::int64_t features = groups * kQuantizedGroup, rows = shape.classes * shape.steps;
      const std::int64_t padded_rows = cuda::padded_to(rows, cuda::kTileWidth);
      std::vector<float> lows = expected.lows, inverse_steps = expected.inverse_steps;
      lows.resize(static_cast<std::size_t>(features));
      inverse_steps.resize(lows.size());
      ASSERT_TRUE(same_bits(found.read(found.packed().scale.lows, features), lows)) << to_string(shape);
      ASSERT_TRUE(same_bits(found.read(found.packed().scale.inverse_steps, features), inverse_steps));
      const std::vector<std::uint32_t> words = found.read(found.packed().words, padded_rows * groups * 2);
      for (std::int64_t row = 0; row < padded_rows; ++row) {
        for (std::int64_t f = 0; f < features; ++f) {
          const bool inside = row < rows && f < shape.feature_dim;
          const auto element = static_cast<std::size_t>(
              (row % shape.classes * shape.steps + row / shape.classes) * shape.feature_dim + f);
          const auto at =
              static_cast<std::size_t>((row / width * groups + f / kQuantizedGroup) * 2 * width + row % width);
          ASSERT_EQ(byte_of(words[at], f % kQuantizedGroup), inside ? expected.centroids[element] : 0)
              << to_string(shape) << " row " << row << " feature " << f;
          ASSERT_EQ(byte_of(words[at + cuda::kPanelWidth], f % kQuantizedGroup), inside ? expected.weights[element] : 0)
              << to_string(shape) << " row " << row << " feature " << f;
        }
      }
    }
  }
}

TEST_F(CudaQuantized, SamplesAreQuantizedAsTheReferenceDoes) {
  for (const Shape& shape : device_shapes()) {
    const Problem<float> problem = problems_of(shape).back();
    const Reference expected(problem);
    const SamplesView<float> samples = problem.samples();
    const std::int64_t groups = cuda::padded_quantized_groups(shape.feature_dim), width = cuda::kPanelWidth;
    for (const cuda::FeatureType type : kFeatureTypes) {
      const std::vector<std::uint32_t> words = QuantizedProblem(problem, type, stream()).sample_words();
      const std::int64_t columns = cuda::padded_to(samples.total_steps(), cuda::kTileWidth);
      for (std::int64_t column = 0; column < columns; ++column) {
        for (std::int64_t f = 0; f < groups * kQuantizedGroup; ++f) {
          const bool inside = column < samples.total_steps() && f < shape.feature_dim;
          const auto at =
              static_cast<std::size_t>((column / width * groups + f / kQuantizedGroup) * width + column % width);
          const auto feature = static_cast<std::size_t>(f);
          const float* const step = samples.sample(0) + column * shape.feature_dim;
          ASSERT_EQ(byte_of(words[at], f % kQuantizedGroup),
                    inside ? quantize(step[f], expected.lows[feature], expected.inverse_steps[feature]) : 0)
              << to_string(shape) << " " << name_of(type) << " column " << column << " feature " << f;
        }
      }
    }
  }
}

TEST_F(CudaQuantized, CostsAreTheReferencesRoundedToSingle) {
  for (const Shape& shape : device_shapes()) {
    for (const Problem<float>& problem : problems_of(shape)) {
      const Reference expected(problem);
      const SamplesView<float> samples = problem.samples();
      const std::vector<float> found = QuantizedProblem(problem, cuda::FeatureType::kFloat32, stream()).cost();
      std::vector<std::uint8_t> step(expected.lows.size());
      std::vector<float> costs;
      for (std::int64_t j = 0; j < samples.total_steps(); ++j) {
        for (std::size_t f = 0; f < step.size(); ++f) {
          step[f] = quantize(samples.sample(0)[j * shape.feature_dim + static_cast<std::int64_t>(f)], expected.lows[f],
                             expected.inverse_steps[f]);
        }
        for (std::int64_t row = 0; row < shape.classes * shape.steps; ++row) {
          const std::int64_t at = (row % shape.classes * shape.steps + row / shape.classes) * shape.feature_dim;
          costs.push_back(static_cast<float>(reference::quantized_cost(
              expected.centroids.data() + at, expected.weights.data() + at, step.data(), shape.feature_dim)));
        }
      }
      ASSERT_TRUE(same_bits(found, costs)) << to_string(shape);
    }
  }
}

TEST_F(CudaQuantized, TheLargestCostsDoNotOverflow) {
  // As many features as are allowed, each with the largest difference and weight.
  constexpr std::int64_t kGroups = cuda::padded_quantized_groups(kMostQuantizedFeatures);
  constexpr std::int64_t kWhole = kMostQuantizedFeatures / kQuantizedGroup, kWidth = cuda::kPanelWidth;
  constexpr std::uint32_t kLargest = 0x7F7F7F7FU, kRest = (1U << 8U * (kMostQuantizedFeatures % kQuantizedGroup)) - 1;
  std::vector<std::uint32_t> parameters(static_cast<std::size_t>(cuda::kTileWidth * kGroups * 2)),
      samples(static_cast<std::size_t>(cuda::kTileWidth * kGroups));
  for (std::int64_t group = 0; group <= kWhole; ++group) {
    const std::uint32_t word = group < kWhole ? kLargest : kLargest & kRest;
    parameters[static_cast<std::size_t>((2 * group + 1) * kWidth)] = samples[static_cast<std::size_t>(group * kWidth)] =
        word;
  }
  DeviceArray<std::uint32_t> device_parameters(parameters), device_samples(samples);
  DeviceArray<float> cost(cuda::cost_stride(1, 1));
  cuda::cost_matrices(cuda::QuantizedParameters{device_parameters.data(), {}, 1, 1, kMostQuantizedFeatures},
                      device_samples.data(), 1, cost.data(), stream());
  EXPECT_EQ(cost.values()[0], static_cast<float>(kMostQuantizedFeatures * kMostQuantized * kMostQuantized));
}

TEST_F(CudaQuantized, PathsAreTheCpusBitForBit) {
  for (const Shape& shape : device_shapes()) {
    for (const Problem<float>& problem : problems_of(shape)) {
      for (const bool diagonal : {false, true}) {
        const std::vector<std::int32_t> expected =
            quantized_paths_by(problem, diagonal, 2, cpu::best_quantized_variant());
        for (const cuda::FeatureType type : kFeatureTypes) {
          ASSERT_TRUE(same_bits(QuantizedProblem(problem, type, stream()).paths(diagonal), expected))
              << to_string(shape) << " diagonal " << diagonal << " " << name_of(type);
        }
      }
    }
  }
}

TEST_F(CudaQuantized, PathsAreTheCpusWhereCostsAreNotExactInSingle) {
  Problem<float> problem(3, 7, 4000, {9, 20}, Numbers::kReals);
  std::fill(problem.weights().begin(), problem.weights().end(), 1.0F);
  const std::vector<float> costs = QuantizedProblem(problem, cuda::FeatureType::kFloat32, stream()).cost();
  ASSERT_GT(*std::min_element(costs.begin(), costs.end()) * 8, 0x1p24F) << "a path is longer than that";
  for (const bool diagonal : {false, true}) {
    for_each_quantized_variant([&](const cpu::QuantizedVariant& variant) {
      EXPECT_TRUE(same_bits(QuantizedProblem(problem, cuda::FeatureType::kFloat32, stream()).paths(diagonal),
                            quantized_paths_by(problem, diagonal, 1, variant)))
          << variant.name << " diagonal " << diagonal;
    });
  }
}

TEST_F(CudaQuantized, LargeTilesGiveTheSameBitsAsSmallOnes) {
  // 16 x 16 tiles of 64 x 128 elements together; each sample alone takes small tiles.
  std::vector<std::int64_t> lengths(30, 65);
  lengths.push_back(7);
  const Problem<float> problem(128, 8, 5, lengths, Numbers::kReals);
  const std::vector<float> together = QuantizedProblem(problem, cuda::FeatureType::kFloat32, stream()).cost();
  std::vector<float> apart;
  for (std::int64_t b = 0; b < problem.samples().count; ++b) {
    const std::vector<float> alone = QuantizedProblem(problem, cuda::FeatureType::kFloat32, stream(), b, 1).cost();
    apart.insert(apart.end(), alone.begin(), alone.end());
  }
  EXPECT_TRUE(same_bits(together, apart));
}

}  // namespace
}  // namespace alignment::kernels::testing
