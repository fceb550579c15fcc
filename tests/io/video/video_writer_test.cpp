#include "io/video/video_writer.hpp"

#include <gtest/gtest.h>

#include "io/errors.hpp"
#include "io/video/video_reader.hpp"
#include "tests/src/temporary_folder.hpp"
#include "tests/video/clip_writer.hpp"

namespace alignment::io {
namespace {

void write_scene(const std::filesystem::path& file, const std::vector<double>& times, int width = 96, int height = 96) {
  VideoWriter writer(file, width, height, 25);
  for (std::size_t i = 0; i < times.size(); ++i) {
    writer.append(testing::scene_image(static_cast<int>(i), width, height), times[i]);
  }
  writer.finish();
}

TEST(VideoWriter, WritesPicturesWithoutLossAsMkv) {
  const TemporaryFolder folder;
  const auto file = folder / "a clip ü %03d.mkv";
  const std::vector<double> times{0, 0.04, 0.08, 0.5, 0.75};
  write_scene(file, times, 97, 65);
  VideoReader reader(file);
  EXPECT_NEAR(reader.properties().rate, 25, 1e-9);
  RgbImage image;
  for (std::size_t i = 0; i < times.size(); ++i) {
    ASSERT_TRUE(reader.next());
    EXPECT_NEAR(reader.time(), times[i], 1e-3);  // Matroska counts milliseconds
    reader.convert(image);
    EXPECT_EQ(image.pixels, testing::scene_image(static_cast<int>(i), 97, 65).pixels) << "frame " << i;
  }
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(folder.entry_count(), 1U);
}

TEST(VideoWriter, WritesPicturesNearlyAsTheyWereAsMp4) {
  const TemporaryFolder folder;
  const std::vector<double> times{0, 0.04, 0.08, 0.12};
  write_scene(folder / "clip.mp4", times);
  VideoReader reader(folder / "clip.mp4");
  EXPECT_EQ(reader.properties().codec, "mpeg4");
  EXPECT_EQ(reader.properties().header_frames, 4);
  RgbImage image;
  for (std::size_t i = 0; i < times.size(); ++i) {
    ASSERT_TRUE(reader.next());
    EXPECT_NEAR(reader.time(), times[i], 1e-6);
    reader.convert(image);
    const RgbImage scene = testing::scene_image(static_cast<int>(i), 96, 96);
    double sum = 0;
    for (std::size_t k = 0; k < scene.pixels.size(); ++k) sum += std::abs(image.pixels[k] - scene.pixels[k]);
    EXPECT_LT(sum / static_cast<double>(scene.pixels.size()), 4);
  }
}

TEST(VideoWriter, GivesTheSameBytesAgain) {
  const TemporaryFolder folder;
  for (const std::string ending : {".mp4", ".mkv"}) {
    write_scene(folder / ("one" + ending), {0, 0.1});
    write_scene(folder / ("two" + ending), {0, 0.1});
    EXPECT_EQ(read_text(folder / ("one" + ending)), read_text(folder / ("two" + ending)));
  }
}

TEST(VideoWriter, LeavesNothingBehindThatIsNotWhole) {
  const TemporaryFolder folder;
  {
    VideoWriter writer(folder / "clip.mp4", 96, 96, 25);
    writer.append(testing::scene_image(0, 96, 96), 0);
  }
  EXPECT_EQ(folder.entry_count(), 0U);
}

TEST(VideoWriter, RefusesWhatItCannotWrite) {
  const TemporaryFolder folder;
  EXPECT_EQ(message_of<VideoError>([&] { VideoWriter(folder / "clip.xyz", 96, 96, 25); }),
            "found the ending \".xyz\"; expected .mp4 or .mkv; choose another name");
  EXPECT_EQ(message_of<VideoError>([&] { VideoWriter(folder / "clip.mp4", 0, 96, 25); }),
            "found frames of 0 x 96; expected a size that can be; choose another");
  EXPECT_THROW(VideoWriter(folder / "clip.mp4", 96, 96, 0), VideoError);
  EXPECT_THROW(VideoWriter(folder / "absent" / "clip.mp4", 96, 96, 25), WriteError);
  VideoWriter writer(folder / "clip.mp4", 96, 96, 25);
  EXPECT_THROW(writer.finish(), VideoError);
  writer.append(testing::scene_image(0, 96, 96), 0);
  EXPECT_EQ(message_of<VideoError>([&] { writer.append(testing::scene_image(1, 96, 96), 0); }),
            "found a picture at 0 s; expected a later one than that before; order the pictures");
  EXPECT_EQ(message_of<VideoError>([&] { writer.append(testing::scene_image(1, 95, 96), 1); }),
            "found a picture of 95 x 96; expected 96 x 96, as all others; bring it to that size");
}

}  // namespace
}  // namespace alignment::io
