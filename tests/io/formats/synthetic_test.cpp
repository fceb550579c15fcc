#include "io/formats/synthetic/synthetic.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "tests/io/formats/read_all.hpp"

namespace alignment::io {
namespace {

SyntheticOptions small(std::int64_t train, std::int64_t val, std::uint64_t seed = 5) {
  SyntheticOptions options = synthetic_preset("order");
  options.train_samples = train;
  options.val_samples = val;
  options.seed = seed;
  return options;
}

std::vector<double> mean_over_time(const SourceSample& sample, std::size_t features) {
  std::vector<double> mean(features);
  const std::size_t steps = sample.features.size() / features;
  for (std::size_t at = 0; at < sample.features.size(); ++at) {
    mean[at % features] += static_cast<double>(sample.features[at]) / static_cast<double>(steps);
  }
  return mean;
}

/// Dynamic time warping with L1 costs, without the diagonal step.
double alignment_distance(const SourceSample& one, const SourceSample& other, std::size_t features) {
  const std::size_t rows = one.features.size() / features, columns = other.features.size() / features;
  std::vector<double> best(columns, std::numeric_limits<double>::infinity());
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      double cost = 0;
      for (std::size_t f = 0; f < features; ++f) {
        cost += static_cast<double>(std::abs(one.features[i * features + f] - other.features[j * features + f]));
      }
      const double before = i == 0 && j == 0 ? 0 : std::min(best[j], j == 0 ? best[0] : best[j - 1]);
      best[j] = before + cost;
    }
  }
  return best.back() / static_cast<double>(rows + columns - 1);
}

struct Halves {
  std::vector<SourceSample> train, val;
};

Halves draw(const SyntheticOptions& options) {
  Halves halves;
  for (SourceSample& sample : read_all(*make_synthetic(options))) {
    (sample.split == Split::kTrain ? halves.train : halves.val).push_back(std::move(sample));
  }
  return halves;
}

TEST(Synthetic, IsSeparableByOrderOnly) {
  constexpr std::size_t kFeatures = 24, kClasses = 6;
  const Halves set = draw(small(600, 1200));
  std::vector<std::vector<double>> class_means(kClasses, std::vector<double>(kFeatures));
  for (const SourceSample& sample : set.train) {
    const auto mean = mean_over_time(sample, kFeatures);
    for (std::size_t f = 0; f < kFeatures; ++f) {
      class_means[static_cast<std::size_t>(sample.label)][f] += mean[f] / 100;
    }
  }
  int by_mean = 0, by_logits = 0, by_alignment = 0;
  constexpr int kAligned = 60;
  for (std::size_t n = 0; n < set.val.size(); ++n) {
    const SourceSample& sample = set.val[n];
    const auto mean = mean_over_time(sample, kFeatures);
    std::size_t nearest = 0;
    double smallest = std::numeric_limits<double>::infinity();
    for (std::size_t label = 0; label < kClasses; ++label) {
      double distance = 0;
      for (std::size_t f = 0; f < kFeatures; ++f) {
        distance += std::pow(mean[f] - class_means[label][f], 2);
      }
      if (distance < smallest) {
        smallest = distance;
        nearest = label;
      }
    }
    by_mean += static_cast<std::int32_t>(nearest) == sample.label ? 1 : 0;
    by_logits += std::max_element(mean.end() - kClasses, mean.end()) - (mean.end() - kClasses) == sample.label ? 1 : 0;
    if (n < kAligned) {
      std::int32_t closest = -1;
      smallest = std::numeric_limits<double>::infinity();
      for (std::size_t other = 0; other < 5 * kClasses; ++other) {
        const double distance = alignment_distance(sample, set.train[other], kFeatures);
        if (distance < smallest) {
          smallest = distance;
          closest = set.train[other].label;
        }
      }
      by_alignment += closest == sample.label ? 1 : 0;
    }
  }
  // Chance is 200 of 1200 with a deviation of 13; the seed is fixed.
  EXPECT_NEAR(by_mean, 200, 50);
  EXPECT_NEAR(by_logits, 200, 50);
  EXPECT_GE(by_alignment, kAligned * 9 / 10);
}

TEST(Synthetic, SamplesDoNotDependOnHowManyAreDrawn) {
  const Halves few = draw(small(7, 3)), many = draw(small(40, 11));
  for (std::size_t n = 0; n < few.train.size(); ++n) {
    EXPECT_EQ(few.train[n].features, many.train[n].features);
    EXPECT_EQ(few.train[n].label, many.train[n].label);
    EXPECT_EQ(few.train[n].id, many.train[n].id);
  }
  for (std::size_t n = 0; n < few.val.size(); ++n) {
    EXPECT_EQ(few.val[n].features, many.val[n].features);
  }
  EXPECT_NE(few.train[0].features, few.val[0].features);
  EXPECT_NE(few.train[0].features, draw(small(7, 3, 6)).train[0].features);
}

TEST(Synthetic, PresetsHaveTheirShapesAndBalancedClasses) {
  const struct {
    const char* name;
    std::int64_t classes, features, shortest, longest;
  } expected[] = {{"hmdb51", 51, 1459, 33, 33},
                  {"k400", 400, 1808, 33, 33},
                  {"ssv2", 174, 6328, 15, 150},
                  {"order", 6, 24, 12, 30}};
  for (const auto& preset : expected) {
    SyntheticOptions options = synthetic_preset(preset.name);
    options.train_samples = preset.classes;
    const auto source = make_synthetic(options);
    EXPECT_EQ(source->header().feature_dim, preset.features);
    EXPECT_EQ(static_cast<std::int64_t>(source->header().class_names.size()), preset.classes);
    SourceSample sample;
    for (std::int64_t n = 0; n < std::min<std::int64_t>(preset.classes, 40); ++n) {
      source->next(sample);
      const auto steps = static_cast<std::int64_t>(sample.features.size()) / preset.features;
      EXPECT_GE(steps, preset.shortest);
      EXPECT_LE(steps, preset.longest);
      EXPECT_EQ(sample.label, n % preset.classes);
    }
  }
}

TEST(Synthetic, LengthsOfSsv2LieAround40) {
  SyntheticOptions options = synthetic_preset("ssv2");
  options.features = 1;
  options.train_samples = 1001;
  std::vector<std::size_t> lengths;
  for (const SourceSample& sample : read_all(*make_synthetic(options))) {
    lengths.push_back(sample.features.size());
  }
  std::sort(lengths.begin(), lengths.end());
  EXPECT_NEAR(static_cast<double>(lengths[500]), 40, 3);
  EXPECT_LT(lengths.front(), 20U);
  EXPECT_GT(lengths.back(), 90U);
}

TEST(Synthetic, SamplesShorterThanTheirEventsStillGiveNothingAwayOnAverage) {
  SyntheticOptions options = small(600, 0);
  options.length = {.shortest = 3, .longest = 3, .median = 0};
  std::vector<double> class_means(6);
  double total = 0;
  for (const SourceSample& sample : read_all(*make_synthetic(options))) {
    ASSERT_EQ(sample.features.size(), 3U * 24U);
    const double mean = mean_over_time(sample, 24)[0];
    class_means[static_cast<std::size_t>(sample.label)] += mean / 100;
    total += mean / 600;
  }
  for (const double mean : class_means) {
    EXPECT_NEAR(mean, total, 5 * 0.09);  // deviation of a sample's mean is below 0.9, of a class's below 0.09
  }
}

TEST(Synthetic, RefusesCountsThatMakeNoSet) {
  EXPECT_THROW(static_cast<void>(make_synthetic(small(5, 0))), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(make_synthetic(small(6, -1))), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(synthetic_preset("hmdb")), std::invalid_argument);
  SyntheticOptions options = small(6, 0);
  options.classes = 1;
  EXPECT_THROW(static_cast<void>(make_synthetic(options)), std::invalid_argument);
  options = small(6, 0);
  options.features = 0;
  EXPECT_THROW(static_cast<void>(make_synthetic(options)), std::invalid_argument);
  options = small(6, 0);
  options.length = {.shortest = 1, .longest = 1, .median = 0};
  EXPECT_THROW(static_cast<void>(make_synthetic(options)), std::invalid_argument);
}

}  // namespace
}  // namespace alignment::io
