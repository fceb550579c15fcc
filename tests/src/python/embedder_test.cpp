#include "src/python/embedder.hpp"

#include <gtest/gtest.h>

#include <random>

#include "dist/errors.hpp"
#include "src/config/error.hpp"
#include "src/job/exit_code.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/log.hpp"

// This program links what the Python module links, without Python: LibTorch, but neither MPI nor HDF5.
namespace alignment::python {
namespace {

constexpr std::int64_t kFeatures = 3, kEmbedding = 4;

/// Videos of two actions, of 6 to 11 frames, that own their rows.
struct OwnedVideos {
  explicit OwnedVideos(std::size_t count) {
    std::mt19937 generator(7);
    std::normal_distribution<float> noise;
    for (std::size_t n = 0; n < count; ++n) {
      const std::size_t length = 6 + n % 6;
      auto& one = rows.emplace_back(length * kFeatures);
      for (float& value : one) value = noise(generator);
      samples.rows.push_back(one.data());
      samples.lengths.push_back(static_cast<std::int64_t>(length));
      samples.labels.push_back(static_cast<std::int32_t>(n % 2));
    }
    samples.name = "X";
    samples.feature_dim = kFeatures;
    samples.class_names = {"pour", "wave"};
  }
  std::vector<std::vector<float>> rows;
  io::MemorySamples samples;
};

std::string quick_configuration() {
  return embedder_configuration({{"epochs", "train.epochs", std::int64_t{2}},
                                 {"frames", "train.frames", std::int64_t{8}},
                                 {"pairs_per_step", "train.pairs_per_step", std::int64_t{2}},
                                 {"fc_width", "model.fc_width", std::int64_t{8}},
                                 {"hidden", "model.hidden", std::int64_t{8}},
                                 {"heads", "model.heads", std::int64_t{2}},
                                 {"ff_width", "model.ff_width", std::int64_t{8}},
                                 {"layers", "model.layers", std::int64_t{1}},
                                 {"embedding", "model.embedding", kEmbedding},
                                 {"standardize", "data.standardize", true}});
}

TEST(Embedder, LearnsTheSameOnAnyNumberOfThreads) {
  const OwnedVideos owned(8);
  const std::string configuration = quick_configuration();
  const lrprop::ModelContent once = train_embedder(owned.samples, configuration, 1);
  const lrprop::ModelContent again = train_embedder(owned.samples, configuration, 2);
  EXPECT_EQ(lrprop::digest_of(once), lrprop::digest_of(again));
  EXPECT_EQ(once.epoch, 1);
  EXPECT_EQ(once.feature_mean.size(), static_cast<std::size_t>(kFeatures));

  const auto embeddings = embed(once, owned.samples, configuration, 1);
  EXPECT_EQ(embeddings, embed(once, owned.samples, configuration, 3));
  ASSERT_EQ(embeddings.size(), 8U);
  EXPECT_EQ(embeddings[5].size(), static_cast<std::size_t>(11 * kEmbedding));
}

TEST(Embedder, AlignsTwoVideos) {
  const OwnedVideos owned(4);
  const lrprop::ModelContent content = train_embedder(owned.samples, quick_configuration(), 1);
  const OwnedVideos two(2);
  const AlignedVideos aligned = align_videos(content, two.samples, {"one", "other"}, quick_configuration(), 1);
  EXPECT_EQ(aligned.alignment.rows, 6);
  EXPECT_EQ(aligned.alignment.columns, 7);
  EXPECT_NE(aligned.svg.find("one aligned with other"), std::string::npos);
}

TEST(Embedder, NamesTheVideoThatCannotBeUsed) {
  OwnedVideos owned(8);
  owned.rows[3][4] = std::numeric_limits<float>::quiet_NaN();
  try {
    static_cast<void>(train_embedder(owned.samples, quick_configuration(), 1));
    FAIL() << "a NaN was accepted";
  } catch (const dist::AgreedFailure& failure) {
    EXPECT_EQ(failure.code, static_cast<int>(ExitCode::kNotFinite));
    EXPECT_EQ(std::string(failure.what()).rfind("X[3]: found nan at step 1, feature 1; expected finite numbers", 0), 0U)
        << failure.what();
  }
}

TEST(Embedder, RefusesSettingsByTheirCallersName) {
  EXPECT_THROW(static_cast<void>(embedder_configuration({{"rate", "train.lr", -1.0}})), ConfigError);
  const std::string configuration = embedder_configuration({{"heads", "model.heads", std::int64_t{3}}});
  const OwnedVideos owned(4);
  EXPECT_THROW(static_cast<void>(train_embedder(owned.samples, configuration, 1)), ConfigError);
}

TEST(Embedder, StopsWhereItsThreadIsAsked) {
  const OwnedVideos owned(8);
  const lrprop::ModelContent content = train_embedder(owned.samples, quick_configuration(), 1);
  int questions = 0;
  const StopQuestion asked([&] { return ++questions > 2; });  // before a step, or a video
  EXPECT_THROW(static_cast<void>(train_embedder(owned.samples, quick_configuration(), 1)), StopRequested);
  EXPECT_EQ(questions, 3);
  questions = 0;
  EXPECT_THROW(static_cast<void>(embed(content, owned.samples, quick_configuration(), 1)), StopRequested);
  EXPECT_EQ(questions, 3);
}

TEST(Embedder, TellsItsThreadsLogAlone) {
  const OwnedVideos owned(8);
  std::vector<std::string> lines;
  testing::internal::CaptureStderr();
  {
    const LogOfThread log([&](LogLevel level, const std::string& line) {
      if (level == LogLevel::kInfo) lines.push_back(line);
    });
    static_cast<void>(train_embedder(owned.samples, quick_configuration(), 1));
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[1].rfind("epoch 2/2: train loss", 0), 0U);
}

}  // namespace
}  // namespace alignment::python
