#include "io/video/video_reader.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/src/temporary_folder.hpp"
#include "tests/video/clip_writer.hpp"

namespace alignment::io {
namespace {

using testing::Clip;

struct Decoded {
  VideoProperties properties;
  std::vector<double> times;
  std::vector<RgbImage> images;
  std::int64_t bad_packets = 0, steps_back = 0, damaged_frames = 0, interlaced_frames = 0;
};

Decoded decode(const std::filesystem::path& file) {
  VideoReader reader(file);
  Decoded decoded;
  decoded.properties = reader.properties();
  while (reader.next()) {
    decoded.times.push_back(reader.time());
    reader.convert(decoded.images.emplace_back());
  }
  EXPECT_EQ(reader.frames(), static_cast<std::int64_t>(decoded.images.size()));
  EXPECT_FALSE(reader.next()) << "after the end";
  decoded.bad_packets = reader.bad_packets();
  decoded.steps_back = reader.steps_back();
  decoded.damaged_frames = reader.damaged_frames();
  decoded.interlaced_frames = reader.interlaced_frames();
  return decoded;
}

class Videos : public ::testing::Test {
 protected:
  Decoded decode_clip(const Clip& clip, const std::string& ending) {
    const auto file = folder / ("clip" + ending);
    testing::write_clip(file, clip);
    return decode(file);
  }

  /// Mean difference in levels between what was decoded and the scene from `first_frame` on, frame by frame, over the
  /// columns from `first_column` on.
  static double worst_difference(const Decoded& decoded, int first_column = 0, int first_frame = 0) {
    double worst = 0;
    for (std::size_t frame = 0; frame < decoded.images.size(); ++frame) {
      const RgbImage& image = decoded.images[frame];
      const RgbImage scene = testing::scene_image(first_frame + static_cast<int>(frame), image.width, image.height);
      double sum = 0;
      for (int y = 0; y < image.height; ++y) {
        for (int i = 3 * (y * image.width + first_column); i < 3 * (y + 1) * image.width; ++i) {
          sum += std::abs(image.pixels.at(static_cast<std::size_t>(i)) - scene.pixels.at(static_cast<std::size_t>(i)));
        }
      }
      worst = std::max(worst, sum / (3.0 * image.height * (image.width - first_column)));
    }
    return worst;
  }

  static void expect_times(const Decoded& decoded, const std::vector<double>& times, double tolerance = 1e-6) {
    ASSERT_EQ(decoded.times.size(), times.size());
    for (std::size_t i = 0; i < times.size(); ++i) EXPECT_NEAR(decoded.times[i], times[i], tolerance) << "frame " << i;
  }

  static std::vector<double> steady(int frames, double rate) {
    std::vector<double> times;
    for (int i = 0; i < frames; ++i) times.push_back(i / rate);
    return times;
  }

  TemporaryFolder folder;
};

TEST_F(Videos, SayWhatTheyAre) {
  const Decoded decoded = decode_clip({.frames = 12, .rate = 30'000, .rate_divisor = 1001, .b_frames = 2}, ".mp4");
  EXPECT_EQ(decoded.properties.codec, "mpeg4");
  EXPECT_EQ(decoded.properties.width, 96);
  EXPECT_EQ(decoded.properties.height, 64);
  EXPECT_EQ(decoded.properties.stream, 0);
  EXPECT_EQ(decoded.properties.rotation, 0);
  EXPECT_FALSE(decoded.properties.interlaced);
  EXPECT_NEAR(decoded.properties.rate, 30'000.0 / 1001, 1e-9);
  EXPECT_EQ(decoded.properties.header_frames, 12);
  EXPECT_EQ(decoded.bad_packets, 0);
  EXPECT_EQ(decoded.steps_back, 0);
  EXPECT_EQ(decoded.damaged_frames, 0);
  expect_times(decoded, steady(12, 30'000.0 / 1001), 1e-4);
  EXPECT_LT(worst_difference(decoded), 4);  // B-frames come in the order of presentation
}

TEST_F(Videos, WithoutLossAreTheSceneToTheBit) {
  const Decoded decoded = decode_clip({.codec = "ffv1", .pixels = "bgr0", .width = 97, .height = 65}, ".mkv");
  ASSERT_EQ(decoded.images.size(), 10U);
  for (int frame = 0; frame < 10; ++frame) {
    EXPECT_EQ(decoded.images[static_cast<std::size_t>(frame)].pixels, testing::scene_image(frame, 97, 65).pixels);
  }
  EXPECT_EQ(decoded.properties.header_frames, std::nullopt);
}

TEST_F(Videos, OfEveryWidthHaveTheirLastColumns) {
  std::vector<int> widths{340};
  for (int width = 1; width <= 48; ++width) widths.push_back(width);
  for (const int width : widths) {
    const Clip clip{.codec = "ffv1", .width = width, .height = 8, .frames = 1};
    // The scene is bright there; what is not written is black.
    EXPECT_LT(worst_difference(decode_clip(clip, ".mkv"), std::max(width - 4, 0)), 40) << "width " << width;
  }
}

TEST_F(Videos, InManyFormatsLookAlike) {
  struct Format {
    const char *ending, *codec, *pixels;
    double difference;  ///< of an error at the edges of the square, where colours are halved
  };
  const Format formats[] = {
      {".mkv", "ffv1", "yuv420p", 3},  {".mkv", "ffv1", "yuv420p10le", 4},
      {".mkv", "ffv1", "yuva420p", 3}, {".mkv", "ffv1", "bgra", 0.5},
      {".mkv", "png", "rgba", 0.5},    {".avi", "mjpeg", "yuvj420p", 3.5},
      {".mkv", "ffv1", "yuv422p", 3},  {".avi", "rawvideo", "bgr24", 0.5},
      {".gif", "gif", "rgb8", 30},     {".mov", "prores_ks", "yuva444p10le", 2},
  };
  for (const Format& format : formats) {
    SCOPED_TRACE(std::string(format.codec) + " " + format.pixels);
    const Decoded decoded = decode_clip({.codec = format.codec, .pixels = format.pixels}, format.ending);
    EXPECT_EQ(decoded.images.size(), 10U);
    EXPECT_LT(worst_difference(decoded), format.difference);
  }
}

TEST_F(Videos, OfOtherLibrariesDecode) {
  // Not x265, which leaks what the address sanitizer finds; ten bits are above.
  const char* const codecs[][3] = {{"libx264", "yuv420p", ".mp4"}, {"libvpx-vp9", "yuv420p", ".webm"}};
  int decoded_ones = 0;
  for (const auto& [codec, pixels, ending] : codecs) {
    if (!testing::has_encoder(codec)) continue;
    SCOPED_TRACE(codec);
    const Decoded decoded = decode_clip({.codec = codec, .pixels = pixels, .b_frames = 2}, ending);
    EXPECT_EQ(decoded.images.size(), 10U);
    EXPECT_LT(worst_difference(decoded), 8);
    EXPECT_EQ(decoded.steps_back, 0);
    ++decoded_ones;
  }
  if (decoded_ones == 0) GTEST_SKIP() << "FFmpeg here encodes none of them";
}

TEST_F(Videos, InGrayAreGray) {
  const RgbImage scene = testing::scene_image(0, 96, 64);
  const std::pair<const char*, bool> kinds[] = {
      {"gray", true}, {"gray", false}, {"gray10le", true}, {"gray10le", false}, {"gray16le", false}};
  for (const auto& [pixels, full_range] : kinds) {
    SCOPED_TRACE(std::string(pixels) + (full_range ? " full" : " not said"));
    const Clip clip{.codec = "ffv1", .pixels = pixels, .full_range = full_range, .frames = 1};
    const Decoded decoded = decode_clip(clip, ".mkv");
    for (std::size_t i = 0; i < scene.pixels.size(); i += 3) {
      const double luma = 0.299 * scene.pixels[i] + 0.587 * scene.pixels[i + 1] + 0.114 * scene.pixels[i + 2];
      // The clip is written in 16 to 235 then; what a file of grey alone holds is taken as it is.
      const double level = full_range ? luma : 16 + luma * 219 / 255;
      for (std::size_t colour = 0; colour < 3; ++colour) ASSERT_NEAR(decoded.images[0].pixels[i + colour], level, 3);
    }
  }
}

TEST_F(Videos, UseTheirOwnMatrixAndRange) {
  for (const char* const matrix : {"", "bt709", "smpte240m", "bt2020nc"}) {
    for (const bool full_range : {false, true}) {
      SCOPED_TRACE(std::string(matrix) + (full_range ? " full" : " limited"));
      const Clip clip{.codec = "ffv1", .pixels = "yuv444p", .matrix = matrix, .full_range = full_range, .frames = 2};
      EXPECT_LT(worst_difference(decode_clip(clip, ".mkv")), 1.5);
    }
  }
}

TEST_F(Videos, OfAMatrixWithoutCoefficientsAreRefused) {
  const Clip clip{.codec = "ffv1", .pixels = "yuv444p", .matrix = "ycgco"};
  testing::write_clip(folder / "clip.mkv", clip);
  VideoReader reader(folder / "clip.mkv");
  ASSERT_TRUE(reader.next());
  RgbImage image;
  const std::string message = message_of<VideoError>([&] { reader.convert(image); });
  EXPECT_TRUE(message.starts_with("found colours of the matrix ycgco; expected BT.601")) << message;
}

TEST_F(Videos, BeginAtZeroWhereverTheyStart) {
  for (const char* const ending : {".mp4", ".mkv", ".mov"}) {
    for (const double start : {1.5, 6.4}) {
      SCOPED_TRACE(std::string(ending) + " " + std::to_string(start));
      expect_times(decode_clip({.start = start}, ending), steady(10, 25), 1e-3);
    }
  }
}

TEST_F(Videos, GiveWhatTheirEditListsLeave) {
  // What begins before zero is coded and left out by an edit list, in the midst of a group of pictures.
  for (const char* const ending : {".mp4", ".mov"}) {
    for (const int b_frames : {0, 2}) {
      SCOPED_TRACE(std::string(ending) + " " + std::to_string(b_frames));
      const Decoded decoded = decode_clip({.frames = 30, .start = -0.6, .b_frames = b_frames}, ending);
      ASSERT_EQ(decoded.images.size(), 15U);
      EXPECT_EQ(decoded.properties.header_frames, 15);
      EXPECT_EQ(decoded.bad_packets, 0);
      expect_times(decoded, steady(15, 25), 1e-3);
      EXPECT_LT(worst_difference(decoded, 0, 15), 4);
    }
  }
}

TEST_F(Videos, EndWhereTheirEditListsDo) {
  testing::write_clip(folder / "whole.mp4", {.frames = 30});
  std::string bytes = read_text(folder / "whole.mp4");
  const std::size_t list = bytes.find("elst");
  ASSERT_NE(list, std::string::npos);
  // Behind name, version and count: how long the first part lasts, in milliseconds. 0.2 s are five frames.
  bytes.replace(list + 12, 4, std::string("\0\0\0\xc8", 4));
  write_file(folder / "short.mp4", bytes);
  const Decoded decoded = decode(folder / "short.mp4");
  EXPECT_EQ(decoded.images.size(), 5U);
  EXPECT_EQ(decoded.properties.header_frames, 5);
  EXPECT_LT(worst_difference(decoded), 4);
}

TEST_F(Videos, WithAnIndexThatIsShortSayWhatTheirHeaderPromised) {
  testing::write_clip(folder / "whole.mp4", {.frames = 30});
  std::string bytes = read_text(folder / "whole.mp4");
  const std::size_t runs = bytes.find("stsc");
  ASSERT_NE(runs, std::string::npos);
  ASSERT_EQ(bytes.substr(runs + 8, 12), std::string("\0\0\0\1\0\0\0\1\0\0\0\36", 12)) << "30 frames in one piece";
  bytes[runs + 19] = 20;
  write_file(folder / "short.mp4", bytes);
  const Decoded decoded = decode(folder / "short.mp4");
  EXPECT_EQ(decoded.images.size(), 20U);
  EXPECT_EQ(decoded.properties.header_frames, 30);
}

TEST_F(Videos, OfAVariableRateKeepTheirTimes) {
  const std::vector<double> times{0, 0.04, 0.1, 0.3, 0.31, 0.5, 1, 1.2, 1.3, 2.5};
  expect_times(decode_clip({.times = times}, ".mp4"), times);
  expect_times(decode_clip({.times = times}, ".mkv"), times);
}

TEST_F(Videos, WithoutTimestampsGoByTheRate) {
  if (!testing::has_encoder("libx264")) GTEST_SKIP() << "FFmpeg here does not encode H.264";
  // An elementary stream has none; FFmpeg takes 25 frames a second.
  const Decoded decoded = decode_clip({.container = "h264", .codec = "libx264", .b_frames = 2}, ".h264");
  EXPECT_EQ(decoded.images.size(), 10U);
  expect_times(decoded, steady(10, 25));
  EXPECT_EQ(decoded.steps_back, 0);
  EXPECT_LT(worst_difference(decoded), 8);
}

TEST_F(Videos, ThatStandStillCountIt) {
  const Decoded decoded = decode_clip({.codec = "ffv1", .frames = 5, .times = {0, 0.04, 0.04, 0.08, 0.08}}, ".mkv");
  EXPECT_EQ(decoded.images.size(), 5U);
  EXPECT_EQ(decoded.steps_back, 2);
  expect_times(decoded, {0, 0.04, 0.04, 0.08, 0.08});
}

TEST_F(Videos, WithEmptyPacketsGoOnBehindThem) {
  // An AVI counts frames: a gap of time is filled with packets of nothing.
  const Decoded decoded = decode_clip({.frames = 4, .times = {0, 0.01, 0.05, 0.06}}, ".avi");
  EXPECT_EQ(decoded.images.size(), 4U);
  EXPECT_EQ(decoded.bad_packets, 0);
  EXPECT_LT(worst_difference(decoded), 4);
}

TEST_F(Videos, OfOneFrame) {
  const Decoded decoded = decode_clip({.frames = 1}, ".mp4");
  EXPECT_EQ(decoded.images.size(), 1U);
  expect_times(decoded, {0});
}

TEST_F(Videos, SayHowTheyAreTurned) {
  for (const int rotation : {0, 90, 180, 270}) {
    for (const char* const ending : {".mp4", ".mov"}) {
      const Decoded decoded = decode_clip({.rotation = rotation}, ending);
      EXPECT_EQ(decoded.properties.rotation, rotation) << ending;
      EXPECT_EQ(decoded.properties.width, 96);
      EXPECT_LT(worst_difference(decoded), 4);  // not turned yet
    }
  }
}

TEST_F(Videos, MirroredAreRefused) {
  const std::string message = message_of<VideoError>([&] { decode_clip({.mirrored = true}, ".mp4"); });
  EXPECT_TRUE(message.starts_with("found a display matrix (-1 0; 0 1) that mirrors")) << message;
}

TEST_F(Videos, TurnedByAnotherAngleAreRefusedByIt) {
  for (const int angle : {45, 200}) {
    const std::string message = message_of<VideoError>([&] { decode_clip({.rotation = angle}, ".mp4"); });
    EXPECT_TRUE(message.starts_with(fmt::format("found a display matrix that turns by {} degrees; expected", angle)))
        << message;
  }
}

TEST_F(Videos, InterlacedSaySo) {
  EXPECT_TRUE(decode_clip({.codec = "ffv1", .interlaced = true}, ".mkv").properties.interlaced);
  const Decoded decoded = decode_clip({.interlaced = true}, ".avi");  // whose header has no word for it
  EXPECT_FALSE(decoded.properties.interlaced);
  EXPECT_EQ(decoded.interlaced_frames, 10);
  EXPECT_EQ(decode_clip({}, ".avi").interlaced_frames, 0);
}

TEST_F(Videos, OfTwoSizesKeepBoth) {
  const Decoded decoded = decode_clip({.codec = "mjpeg", .pixels = "yuvj420p", .larger_from = 4}, ".avi");
  ASSERT_EQ(decoded.images.size(), 10U);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(decoded.images[i].width, i < 4 ? 96 : 192);
    EXPECT_EQ(decoded.images[i].height, i < 4 ? 64 : 128);
    EXPECT_EQ(decoded.images[i].pixels.size(), i < 4 ? 18'432U : 73'728U);
  }
  EXPECT_LT(worst_difference(decoded), 4);
}

TEST_F(Videos, OfTwoStreamsGiveTheBetterOne) {
  const Decoded decoded = decode_clip({.smaller_stream = true, .audio = true}, ".mp4");
  EXPECT_EQ(decoded.properties.stream, 1);
  EXPECT_EQ(decoded.properties.width, 96);
  EXPECT_EQ(decoded.images.size(), 10U);
  EXPECT_LT(worst_difference(decoded), 4);
}

TEST_F(Videos, CountWithoutConverting) {
  testing::write_clip(folder / "clip.mp4", {.frames = 30});
  VideoReader reader(folder / "clip.mp4");
  while (reader.next()) {
  }
  EXPECT_EQ(reader.frames(), 30);
}

TEST_F(Videos, AreReadByTwoReadersAtOnce) {
  testing::write_clip(folder / "clip.mp4", {.frames = 3});
  VideoReader one(folder / "clip.mp4"), other(folder / "clip.mp4");
  RgbImage of_one, of_other;
  for (int frame = 0; frame < 3; ++frame) {
    ASSERT_TRUE(one.next());
    ASSERT_TRUE(other.next());
    one.convert(of_one);
    other.convert(of_other);
    EXPECT_EQ(of_one.pixels, of_other.pixels);
  }
}

}  // namespace
}  // namespace alignment::io
