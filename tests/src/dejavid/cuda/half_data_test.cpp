#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "io/formats/text/ts.hpp"
#include "tests/io/io_fixtures.hpp"
#include "tests/kernels/half_problem.hpp"

namespace alignment::kernels::testing {
namespace {

struct Recording {
  std::int32_t label = 0;
  std::vector<float> features;  ///< [T,F]
};

struct Recordings {
  std::string name;
  std::int64_t classes = 0, feature_dim = 0;
  std::vector<Recording> all;
};

Recordings read_ts(const std::filesystem::path& folder, const std::string& name) {
  const auto source = io::open_ts(folder / (name + "_TRAIN.ts"), std::nullopt);
  Recordings read{
      name, static_cast<std::int64_t>(source->header().class_names.size()), source->header().feature_dim, {}};
  io::SourceSample sample;
  for (std::int64_t n = 0; n < source->sample_count(); ++n) {
    source->next(sample);
    read.all.push_back({sample.label, sample.features});
  }
  return read;
}

Recordings read_store(const std::filesystem::path& file) {
  io::TseStore store(std::vector<std::filesystem::path>{file});
  Recordings read{file.stem(), store.class_count(), store.feature_dim(), {}};
  for (std::int64_t n = 0; n < store.sample_count(); ++n)
    read.all.push_back({store.label(n), io::testing::read_features(store, n)});
  return read;
}

/// A centroid step is the mean over recordings of its class, at that share of their lengths; weights scatter by e^0.3
/// around what makes every feature count as much. Some recordings of all classes are the samples.
Problem<float> problem_of(const Recordings& recordings) {
  constexpr std::int64_t kSteps = 8, kMostClasses = 9, kSamples = 18;
  const std::int64_t classes = std::min(recordings.classes, kMostClasses), width = recordings.feature_dim;
  const auto stride =
      static_cast<std::size_t>(std::max<std::int64_t>(1, static_cast<std::int64_t>(recordings.all.size()) / kSamples));
  std::vector<std::int64_t> lengths;
  std::vector<float> samples;
  for (std::size_t n = 0; n < recordings.all.size() && lengths.size() < static_cast<std::size_t>(kSamples);
       n += stride) {
    const std::vector<float>& features = recordings.all[n].features;
    lengths.push_back(static_cast<std::int64_t>(features.size()) / width);
    samples.insert(samples.end(), features.begin(), features.end());
  }
  Problem<float> problem(classes, kSteps, width, lengths, Numbers::kReals);
  std::copy(samples.begin(), samples.end(), problem.features().begin() + width);  // the row before is NaN

  std::vector<double> sums(static_cast<std::size_t>(problem.element_count()), 0.0),
      spread(static_cast<std::size_t>(width), 0.0);
  std::vector<std::int64_t> counts(static_cast<std::size_t>(classes), 0);
  for (const Recording& recording : recordings.all) {
    if (recording.label >= classes) continue;
    ++counts[static_cast<std::size_t>(recording.label)];
    const std::int64_t length = static_cast<std::int64_t>(recording.features.size()) / width;
    for (std::int64_t i = 0; i < kSteps; ++i) {
      for (std::int64_t f = 0; f < width; ++f) {
        sums[static_cast<std::size_t>((recording.label * kSteps + i) * width + f)] += static_cast<double>(
            recording.features[static_cast<std::size_t>((2 * i + 1) * length / (2 * kSteps) * width + f)]);
      }
    }
  }
  for (std::size_t k = 0; k < sums.size(); ++k) {
    const std::int64_t count = counts[k / static_cast<std::size_t>(kSteps * width)];
    problem.centroids()[k] = static_cast<float>(sums[k] / static_cast<double>(std::max<std::int64_t>(count, 1)));
  }
  for (std::size_t k = 0; k < sums.size(); ++k) {
    spread[k % static_cast<std::size_t>(width)] +=
        std::abs(static_cast<double>(problem.centroids()[k]) -
                 static_cast<double>(problem.centroids()[k % static_cast<std::size_t>(width)]));
  }
  for (std::size_t k = 0; k < sums.size(); ++k) {
    const double scale = spread[k % static_cast<std::size_t>(width)] / static_cast<double>(classes * kSteps);
    float& weight = problem.weights()[k];
    weight = static_cast<float>(std::pow(static_cast<double>(weight), 0.3) / std::max(scale, 1e-6));
  }
  return problem;
}

/// What rounding the numbers of a problem to f16 may change in its costs, [sum of T, C*K], times the classes' factors;
/// samples beyond kHalfLimit count as that far, in `rounded` and here.
std::vector<double> packing_bounds(const Problem<float>& problem, const Problem<float>& rounded,
                                   const HalfProblem& half) {
  const ParametersView<float> plain = problem.parameters(), packed = rounded.parameters();
  const std::int64_t rows = plain.classes * plain.steps, width = plain.feature_dim;
  const float* const samples = problem.samples().sample(0);
  const float* const packed_samples = rounded.samples().sample(0);
  std::vector<double> bounds;
  for (std::int64_t j = 0; j < problem.samples().total_steps(); ++j) {
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t c = row % plain.classes, first = (c * plain.steps + row / plain.classes) * width;
      double bound = 0;
      for (std::int64_t f = 0; f < width; ++f) {
        const auto shift = static_cast<double>(half.shifts[static_cast<std::size_t>(f)]);
        const auto scale = static_cast<double>(half.scales[static_cast<std::size_t>(f)]);
        const double u = static_cast<double>(plain.weights[first + f]) / scale *
                         static_cast<double>(half.class_factors[static_cast<std::size_t>(c)]);
        const double centroid = (static_cast<double>(plain.centroids[first + f]) - shift) * scale;
        const double sample = (static_cast<double>(samples[j * width + f]) - shift) * scale;
        const double error_of_u = std::abs(static_cast<double>(packed.weights[first + f]) - u);
        const double error_of_centroid = std::abs(static_cast<double>(packed.centroids[first + f]) - centroid);
        const double error_of_sample = std::abs(static_cast<double>(packed_samples[j * width + f]) - sample);
        // No more than a rounding to f32 and one to f16, below the smallest normal half to a multiple of 2^-24.
        const auto rounding = [](double value) {
          return (std::abs(value) + 0x1p-13) * (kHalfRoundoff + 2 * kRoundoff);
        };
        EXPECT_LE(error_of_u, rounding(u));
        EXPECT_LE(error_of_centroid, rounding(centroid));
        if (std::abs(sample) < static_cast<double>(cuda::kHalfLimit)) {
          EXPECT_LE(error_of_sample, rounding(sample));
        }
        bound += u * (error_of_centroid + error_of_sample) +
                 error_of_u * (std::abs(centroid - sample) + error_of_centroid + error_of_sample);
      }
      bounds.push_back(bound);
    }
  }
  return bounds;
}

class CudaHalfData : public OnDevice {
 protected:
  /// What the page of measurements shows of a set.
  void check(const Recordings& recordings) {
    const Problem<float> problem = problem_of(recordings);
    HalfProblem half(problem, cuda::FeatureType::kFloat32, stream());
    const Problem<float> rounded = half.rounded();
    const ParametersView<float> parameters = problem.parameters();
    const auto classes = static_cast<std::size_t>(parameters.classes);
    const std::vector<double> exact = reference_cost(problem), exact_of_rounded = reference_cost(rounded);
    const std::vector<double> bounds = cost_bounds(rounded), packing = packing_bounds(problem, rounded, half);
    const std::vector<float> found = half.cost();
    ASSERT_EQ(found.size(), exact.size());
    double mean = 0, most = 0, mean_of_rounded = 0, most_of_rounded = 0;
    for (std::size_t k = 0; k < found.size(); ++k) {
      const double expected = exact[k] * static_cast<double>(half.class_factors[k % classes]);
      const auto value = static_cast<double>(found[k]);
      ASSERT_NEAR(value, exact_of_rounded[k], bounds[k]);
      ASSERT_NEAR(value, expected, bounds[k] + packing[k] + 1e-12 * expected);
      const double error = std::abs(value - expected) / expected;
      const double error_of_rounded = std::abs(value - exact_of_rounded[k]) / exact_of_rounded[k];
      mean += error / static_cast<double>(found.size());
      mean_of_rounded += error_of_rounded / static_cast<double>(found.size());
      most = std::max(most, error);
      most_of_rounded = std::max(most_of_rounded, error_of_rounded);
    }

    const std::vector<std::int32_t> paths = half.paths(false), expected_paths = problem.paths(false);
    const auto pairs = static_cast<std::size_t>(problem.pair_count());
    std::vector<double> best(pairs), along(pairs);
    std::vector<std::int32_t> scratch(expected_paths.size());
    reference::search_paths(parameters, problem.samples(), false, scratch.data(), best.data());
    reference::distances_along_paths(parameters, problem.samples(), paths.data(), along.data());
    const auto breakpoints = static_cast<std::ptrdiff_t>(parameters.steps - 1);
    std::size_t different = 0;
    double excess = 0;
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      const auto first = static_cast<std::ptrdiff_t>(pair) * breakpoints;
      if (!std::equal(paths.begin() + first, paths.begin() + first + breakpoints, expected_paths.begin() + first))
        ++different;
      excess = std::max(excess, along[pair] / best[pair] - 1);
    }
    EXPECT_LE(excess, 2 * most * (1 + most) + 1e-6);  // both paths' cells, and sums in f32
    std::cout << "| " << recordings.name << " | " << parameters.feature_dim << " | " << mean << " | " << most << " | "
              << mean_of_rounded << " | " << most_of_rounded << " | " << different << " of " << pairs << " | " << excess
              << " |\n";
  }
};

TEST_F(CudaHalfData, CostsAndPathsOfRealDataAreNearlyThoseOfF64) {
  const auto folder = io::testing::source_root() / ".." / "shared" / "data";
  if (io::testing::source_root().empty() || !std::filesystem::exists(folder))
    GTEST_SKIP() << "no ../shared/data beside the source";
  std::cout << "| set | F | cost, mean | most | of the packed numbers, mean | most | paths that differ | most that one "
               "costs more |\n"
            << "|---|---|---|---|---|---|---|---|\n";
  for (const char* name : {"BasicMotions", "JapaneseVowels", "NATOPS", "RacketSports"})
    check(read_ts(folder / "ts", name));
  for (const char* name : {"msr_action3d.h5", "penn_action_joints.h5", "utkinect_phases.h5"})
    check(read_store(folder / name));
}

}  // namespace
}  // namespace alignment::kernels::testing
