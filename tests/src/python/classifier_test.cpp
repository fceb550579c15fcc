#include "src/python/classifier.hpp"

#include <gtest/gtest.h>

#include <random>

#include "dist/errors.hpp"
#include "io/errors.hpp"
#include "src/config/error.hpp"
#include "src/job/exit_code.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/log.hpp"

// This program links what the Python module links, without Python: neither MPI nor HDF5.
namespace alignment::python {
namespace {

constexpr std::int64_t kFeatures = 3;

/// Samples of two classes, of lengths 4 to 9, that own their rows.
struct OwnedSamples {
  explicit OwnedSamples(std::size_t count) {
    std::mt19937 generator(7);
    std::normal_distribution<float> noise;
    for (std::size_t n = 0; n < count; ++n) {
      const std::size_t length = 4 + n % 6;
      auto& one = rows.emplace_back(length * kFeatures);
      for (float& value : one) value = noise(generator) + (n % 2 == 0 ? 1.0F : -1.0F);
      samples.rows.push_back(one.data());
      samples.lengths.push_back(static_cast<std::int64_t>(length));
      samples.labels.push_back(static_cast<std::int32_t>(n % 2));
    }
    samples.name = "X";
    samples.feature_dim = kFeatures;
    samples.class_names = {"down", "up"};
  }
  std::vector<std::vector<float>> rows;
  io::MemorySamples samples;
};

std::string quick_configuration() {
  return configuration_of({{"epochs", "train.epochs", std::int64_t{3}},
                           {"steps", "model.steps", std::int64_t{4}},
                           {"batch_size", "train.batch_size", std::int64_t{8}},
                           {"lr", "train.lr", 0.1},
                           {"logit_norm", "train.logit_norm", std::string("log")}});
}

TEST(Classifier, LearnsTheSameOnAnyNumberOfThreads) {
  const OwnedSamples owned(20);
  const std::string configuration = quick_configuration();
  const dejavid::ModelContent once = fit(owned.samples, configuration, 1), again = fit(owned.samples, configuration, 2);
  EXPECT_EQ(once.centroids, again.centroids);
  EXPECT_EQ(once.log_weights, again.log_weights);
  EXPECT_EQ(once.epoch, 2);
  const Predictions predictions = predict(once, owned.samples, 1);
  ASSERT_EQ(predictions.distances.size(), 40U);
  std::size_t right = 0;
  for (std::size_t n = 0; n < 20; ++n) {
    right += (predictions.distances[2 * n] < predictions.distances[2 * n + 1]) == (n % 2 == 0) ? 1U : 0U;
    EXPECT_NEAR(predictions.probabilities[2 * n] + predictions.probabilities[2 * n + 1], 1, 1e-12);
  }
  EXPECT_GE(right, 18U);
}

TEST(Classifier, NamesTheSampleThatCannotBeUsed) {
  OwnedSamples owned(20);
  owned.rows[3][4] = std::numeric_limits<float>::quiet_NaN();
  try {
    static_cast<void>(fit(owned.samples, quick_configuration(), 1));
    FAIL() << "a NaN was accepted";
  } catch (const dist::AgreedFailure& failure) {
    EXPECT_EQ(failure.code, static_cast<int>(ExitCode::kNotFinite));
    EXPECT_EQ(std::string(failure.what()).rfind("X[3]: found nan at step 1, feature 1; expected finite numbers", 0), 0U)
        << failure.what();
  }
}

TEST(Classifier, RefusesSettingsByTheirCallersName) {
  try {
    static_cast<void>(configuration_of({{"learning_rate", "train.lr", -1.0}}));
    FAIL() << "a negative rate was accepted";
  } catch (const ConfigError& error) {
    EXPECT_EQ(std::string(error.what()).rfind("learning_rate: found -1.0", 0), 0U) << error.what();
  }
}

TEST(Classifier, StopsWhereItsThreadIsAsked) {
  const OwnedSamples owned(20);
  int steps = 0;
  const StopQuestion asked([&] { return ++steps > 4; });  // before the centroids, then before a step
  EXPECT_THROW(static_cast<void>(fit(owned.samples, quick_configuration(), 1)), StopRequested);
  EXPECT_EQ(steps, 5);
}

TEST(Classifier, TellsItsThreadsLogAlone) {
  const OwnedSamples owned(20);
  std::vector<std::string> lines;
  testing::internal::CaptureStderr();
  {
    const LogOfThread log([&](LogLevel level, const std::string& line) {
      if (level == LogLevel::kInfo) lines.push_back(line);
    });
    static_cast<void>(fit(owned.samples, quick_configuration(), 1));
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines.at(2).rfind("epoch 3/3: train loss", 0), 0U);
}

TEST(MemorySamples, RefuseSizesThatDoNotFit) {
  OwnedSamples owned(4);
  owned.samples.lengths.pop_back();
  EXPECT_THROW(static_cast<void>(io::store_of(owned.samples)), std::invalid_argument);
  OwnedSamples wrong_label(4);
  wrong_label.samples.labels[1] = 2;
  EXPECT_THROW(static_cast<void>(io::store_of(wrong_label.samples)), std::invalid_argument);
}

}  // namespace
}  // namespace alignment::python
