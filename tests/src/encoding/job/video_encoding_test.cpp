#include "src/encoding/job/video_encoding.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>

#include "io/video/video_error.hpp"
#include "tests/src/encoding/job/numbered_videos.hpp"

namespace alignment::encoding {
namespace {

WindowRule multi(bool clamp = false) {
  WindowRule rule;
  rule.kind = WindowRule::Kind::kMulti;
  rule.clamp = clamp;
  return rule;
}

class VideoEncodingTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  std::atomic<bool> abandon_ = false;
  EncodingWork work_;

  EncodedVideo encode(const Encoder& encoder, const WindowRule& windows, std::int64_t frames, std::int64_t batch = 16,
                      std::int64_t header_frames = -1) {
    numbered_video_counts.opened = numbered_video_counts.decoded = numbered_video_counts.prepared = 0;
    const auto file = numbered_video(folder_ / "a", frames, header_frames);
    return VideoEncoding(encoder, {windows, batch}, abandon_).encode(file, work_);
  }

  /// What the rows must be, straight from the plan.
  static std::vector<float> expected(const NumberEncoder& encoder, const WindowRule& windows, std::int64_t count) {
    const WindowPlan plan = plan_windows(windows, count);
    const EncoderDescription& description = encoder.description();
    std::vector<float> rows;
    for (std::int64_t row = 0; row < plan.rows(); ++row) {
      std::vector<float> features, logits;
      for (int n = 0; n < plan.windows_of_a_row; ++n) {
        const std::int64_t window = plan.window_of_row[static_cast<std::size_t>(row * plan.windows_of_a_row + n)];
        const auto* frames = &plan.frame_of_window[static_cast<std::size_t>(window * plan.frames)];
        double sum = 0, squares = 0;
        for (int j = 0; j < plan.frames; ++j) {
          sum += static_cast<double>(frames[j]);
          squares += static_cast<double>(static_cast<float>(frames[j]) * static_cast<float>(frames[j]));
        }
        const bool clip = description.kind == EncoderKind::kClip;
        features.push_back(static_cast<float>(clip ? static_cast<double>(frames[0]) : sum / plan.frames));
        features.push_back(static_cast<float>(clip ? sum : squares / plan.frames));
        for (std::int64_t logit = 0; logit < description.logits; ++logit) {
          const double last = clip ? static_cast<double>(frames[plan.frames - 1]) : sum / plan.frames;
          logits.push_back(static_cast<float>(last + static_cast<double>(logit)));
        }
      }
      rows.insert(rows.end(), features.begin(), features.end());
      rows.insert(rows.end(), logits.begin(), logits.end());
    }
    return rows;
  }
};

TEST_F(VideoEncodingTest, GivesTheRowsOfThePlan) {
  for (const EncoderKind kind : {EncoderKind::kClip, EncoderKind::kFrame}) {
    const NumberEncoder encoder(kind, 16, 3);
    for (const WindowRule& rule : {WindowRule{}, multi(), multi(true)}) {
      for (const std::int64_t frames : {1, 15, 40, 81, 300, 513, 700}) {
        const EncodedVideo video = encode(encoder, rule, frames);
        ASSERT_EQ(video.rows, expected(encoder, rule, frames)) << to_text(rule) << " " << frames;
        ASSERT_EQ(video.decoding.frames, frames);
        ASSERT_EQ(std::ssize(video.rows), std::ssize(video.timestamps) * row_features(encoder.description(), {rule}));
      }
    }
  }
}

TEST_F(VideoEncodingTest, LeavesLogitsOut) {
  for (const EncoderKind kind : {EncoderKind::kClip, EncoderKind::kFrame}) {
    const NumberEncoder with(kind, 16, 3), without(kind);
    for (const WindowRule& rule : {WindowRule{}, multi()}) {
      const auto file = numbered_video(folder_ / "a", 40);
      const EncodingRule features_alone{rule, 16, false};
      const EncodedVideo video = VideoEncoding(with, features_alone, abandon_).encode(file, work_);
      EXPECT_EQ(video.rows, expected(without, rule, 40));
      EXPECT_EQ(row_features(with.description(), features_alone), row_features(without.description(), {rule}));
    }
  }
}

TEST_F(VideoEncodingTest, TakesTheTimeOfAMiddleFrame) {
  const NumberEncoder encoder(EncoderKind::kClip);
  const EncodedVideo video = encode(encoder, {}, 160);
  EXPECT_EQ(video.timestamps[0], 8.0);    // frame 16 of 160
  EXPECT_EQ(video.timestamps[32], 72.0);  // frame 160 (64 + 8) / 80 = 144
}

TEST_F(VideoEncodingTest, PreparesOnlyWhatIsNeededAndDecodesTwiceAtMost) {
  const NumberEncoder clip(EncoderKind::kClip), frame(EncoderKind::kFrame);
  const auto& counts = numbered_video_counts;
  static_cast<void>(encode(clip, {}, 80));
  EXPECT_EQ(counts.opened, 1);
  EXPECT_EQ(counts.prepared, 80);
  static_cast<void>(encode(clip, {}, 8000, 16, 8000));  // a header that tells saves preparing what is thrown away
  EXPECT_EQ(counts.opened, 2);
  EXPECT_EQ(counts.prepared, 80);
  EXPECT_EQ(counts.decoded, 8000 + 7901);  // the last frame needed is 79 of 80
  static_cast<void>(encode(clip, {}, 8000));
  EXPECT_EQ(counts.prepared, 160);
  static_cast<void>(encode(clip, {}, 8000, 16, 5));  // and one that lies does no harm
  EXPECT_EQ(counts.prepared, 160);
  static_cast<void>(encode(frame, {}, 8000, 16, 8000));
  EXPECT_EQ(counts.prepared, 80);
  EXPECT_EQ(frame.inputs, 80);
  static_cast<void>(encode(clip, multi(), 5000, 16, 5000));
  EXPECT_EQ(counts.opened, 2);
  EXPECT_EQ(counts.prepared, 5000);
}

TEST_F(VideoEncodingTest, KeepsFewFramesWhateverTheRule) {
  // Windows as wide as the video around every frame need all frames at once, or several looks.
  const NumberEncoder encoder(EncoderKind::kClip);
  const WindowRule rule = multi(true);
  const EncodedVideo video = encode(encoder, rule, 2000, 16, 2000);
  EXPECT_EQ(video.rows, expected(encoder, rule, 2000));
  EXPECT_GT(numbered_video_counts.opened, 2);
}

TEST_F(VideoEncodingTest, BatchesAreOfOneVideoAndAsLargeAsAsked) {
  for (const std::int64_t batch : {1, 5, 16, 1000}) {
    const NumberEncoder encoder(EncoderKind::kClip);
    const EncodedVideo video = encode(encoder, {}, 300, batch);
    EXPECT_EQ(video.rows, expected(encoder, {}, 300));
    EXPECT_EQ(encoder.inputs, 33);
    EXPECT_EQ(encoder.largest_batch, std::min<std::int64_t>(batch, 33));
  }
}

TEST_F(VideoEncodingTest, RefusesVideosWithoutFramesAndNumbersThatAreNone) {
  NumberEncoder encoder(EncoderKind::kClip);
  EXPECT_NE(message_of<io::VideoError>([&] {
              static_cast<void>(encode(encoder, {}, 0));
            }).find("found no frame that decodes"),
            std::string::npos);
  encoder.gives_infinity = true;
  EXPECT_NE(message_of<io::VideoError>([&] {
              static_cast<void>(encode(encoder, {}, 20));
            }).find("found that the encoder gives inf in row 0, feature 1"),
            std::string::npos);
}

TEST_F(VideoEncodingTest, IsGivenUpOnRequest) {
  const NumberEncoder encoder(EncoderKind::kClip);
  abandon_ = true;
  EXPECT_THROW(static_cast<void>(encode(encoder, {}, 20)), EncodingAbandoned);
}

TEST_F(VideoEncodingTest, SaysHowFarItIsWhileItIsUnderWay) {
  NumberEncoder encoder(EncoderKind::kClip);
  std::vector<std::int64_t> parts, frames;
  encoder.before = [&] {
    parts.push_back(work_.parts);
    frames.push_back(work_.decoded);
  };
  static_cast<void>(encode(encoder, {}, 80, 11));
  EXPECT_EQ(parts, (std::vector<std::int64_t>{0, 333'333, 666'666}));  // three batches of 11 windows
  EXPECT_EQ(frames, (std::vector<std::int64_t>{80, 80, 80}));
  EXPECT_EQ(work_.parts, EncodingWork::kWhole);
  static_cast<void>(encode(encoder, multi(), 700, 1000, 700));  // long: counted first, then decoded again
  EXPECT_EQ(work_.parts, 2 * EncodingWork::kWhole);
  EXPECT_EQ(work_.decoded, 80 + 2 * 700);
}

TEST(DecodingFacts, AVideoIsPartialWhereFramesAreMissing) {
  EXPECT_FALSE((DecodingFacts{.frames = 81, .header_frames = 82}.is_partial()));  // as in HMDB51
  EXPECT_TRUE((DecodingFacts{.frames = 80, .header_frames = 82}.is_partial()));
  EXPECT_FALSE((DecodingFacts{.frames = 80, .header_frames = {}}.is_partial()));
  EXPECT_FALSE((DecodingFacts{.frames = 90, .header_frames = 82}.is_partial()));
  EXPECT_TRUE((DecodingFacts{.frames = 80, .header_frames = {}, .bad_packets = 1}.is_partial()));
  EXPECT_TRUE((DecodingFacts{.frames = 80, .header_frames = {}, .damaged_frames = 1}.is_partial()));
}

}  // namespace
}  // namespace alignment::encoding
