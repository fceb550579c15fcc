#include "src/encoding/encoders/frame_numbers.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace alignment::encoding {
namespace {

constexpr std::int64_t kBatch = 2, kFrames = 3, kSize = 5;
const std::array<double, 3> kMean{0.485, 0.456, 0.406}, kStd{0.229, 0.224, 0.225};

std::vector<std::uint8_t> some_frames() {
  std::vector<std::uint8_t> frames(kBatch * kFrames * kSize * kSize * 3);
  for (std::size_t n = 0; n < frames.size(); ++n) frames[n] = static_cast<std::uint8_t>(n * 37 % 251);
  return frames;
}

TEST(FrameNumbers, LieWhereTheLayoutSays) {
  const std::vector<std::uint8_t> frames = some_frames();
  for (const std::string layout : {"NCTHW", "NTCHW", "NTHWC"}) {
    const FrameNumbers numbers(layout, true, kMean, kStd);
    std::vector<float> filled(frames.size());
    numbers.fill(frames, kBatch, kFrames, kSize, filled);
    std::map<char, std::int64_t> extent{{'N', kBatch}, {'T', kFrames}, {'H', kSize}, {'W', kSize}, {'C', 3}}, at;
    const std::vector<std::int64_t> shape = numbers.shape(kBatch, kFrames, kSize);
    for (std::size_t axis = 0; axis < layout.size(); ++axis) EXPECT_EQ(shape[axis], extent[layout[axis]]) << layout;
    std::size_t pixel = 0;
    for (at['N'] = 0; at['N'] < kBatch; ++at['N']) {
      for (at['T'] = 0; at['T'] < kFrames; ++at['T']) {
        for (at['H'] = 0; at['H'] < kSize; ++at['H']) {
          for (at['W'] = 0; at['W'] < kSize; ++at['W']) {
            for (at['C'] = 0; at['C'] < 3; ++at['C'], ++pixel) {
              std::int64_t place = 0;
              for (const char axis : layout) place = place * extent[axis] + at[axis];
              const auto c = static_cast<std::size_t>(at['C']);
              const double expected = (frames[pixel] / 255.0 - kMean[c]) / kStd[c];
              ASSERT_NEAR(filled[static_cast<std::size_t>(place)], expected, 1e-6) << layout << " " << pixel;
            }
          }
        }
      }
    }
  }
}

TEST(FrameNumbers, MayCountTo255) {
  const FrameNumbers numbers("NHWC", false, {127, 100, 0}, {128, 1, 2});
  const std::vector<std::uint8_t> pixel{255, 90, 7};
  std::vector<float> filled(3);
  numbers.fill(pixel, 1, 1, 1, filled);
  EXPECT_EQ(filled, (std::vector<float>{1, -10, 3.5F}));
}

TEST(FrameNumbers, KnowWhichLayoutsAreOfClipsAndOfFrames) {
  for (const char* clips : {"NCTHW", "NTCHW", "NTHWC"}) {
    EXPECT_TRUE(is_layout(clips, true));
    EXPECT_FALSE(is_layout(clips, false));
  }
  for (const char* one : {"NCHW", "NHWC"}) {
    EXPECT_TRUE(is_layout(one, false));
    EXPECT_FALSE(is_layout(one, true));
  }
  EXPECT_FALSE(is_layout("CNTHW", true));
  EXPECT_FALSE(is_layout("", false));
}

}  // namespace
}  // namespace alignment::encoding
