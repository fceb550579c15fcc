#include "src/encoding/frames/inspection.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "src/encoding/frames/film_strip.hpp"
#include "tests/src/temporary_folder.hpp"
#include "tests/video/clip_writer.hpp"

namespace alignment::encoding {
namespace {

using nlohmann::json;
using testing::Clip;

class Inspection : public ::testing::Test {
 protected:
  std::filesystem::path clip(const Clip& made, const std::string& name) {
    testing::write_clip(folder / name, made);
    return folder / name;
  }
  TemporaryFolder folder;
};

TEST_F(Inspection, SaysWhatWasDecoded) {
  const auto file = clip({.frames = 4, .rate = 10, .rotation = 90}, "clip.mp4");
  const VideoInspection inspection = inspect_video(file, 32, Resize::kAntialias);
  const json said = json::parse(to_json(inspection, std::nullopt));
  EXPECT_EQ(said.at("frames"), 4);
  EXPECT_EQ(said.at("header_frames"), 4);
  EXPECT_EQ(said.at("bad_packets"), 0);
  EXPECT_EQ(said.at("damaged_frames"), 0);
  EXPECT_EQ(said.at("steps_back"), 0);
  EXPECT_EQ(said.at("stream"), 0);
  EXPECT_EQ(said.at("codec"), "mpeg4");
  EXPECT_EQ(said.at("width"), 96);
  EXPECT_EQ(said.at("height"), 64);
  EXPECT_EQ(said.at("rotation"), 90);
  EXPECT_EQ(said.at("interlaced"), false);
  EXPECT_EQ(said.at("rate"), 10.0);
  EXPECT_EQ(said.count("windows"), 0U);
  ASSERT_EQ(said.at("times").size(), 4U);
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(said.at("times").at(i).get<double>(), 0.1 * static_cast<double>(i), 1e-6);
  EXPECT_EQ(said.at("mean_rgb").size(), 4U);
}

TEST_F(Inspection, MeansAreThoseOfThePixels) {
  // Lossless, so that the scene's own formula says them.
  const auto file = clip({.codec = "ffv1", .pixels = "bgr0", .width = 100, .height = 64, .frames = 3}, "clip.mkv");
  const VideoInspection inspection = inspect_video(file, 64, Resize::kAntialias);  // as high as it is: only cut
  ASSERT_EQ(inspection.frames, 3);
  for (int frame = 0; frame < 3; ++frame) {
    MeanColour native{}, prepared{};
    for (int y = 0; y < 64; ++y) {
      for (int x = 0; x < 100; ++x) {
        const auto colour = testing::scene(frame, x, y, 100, 64);
        for (std::size_t c = 0; c < 3; ++c) {
          native[c] += colour[c] / 6400.0;
          if (x >= 18 && x < 82) prepared[c] += colour[c] / 4096.0;
        }
      }
    }
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_NEAR(inspection.mean_native.at(static_cast<std::size_t>(frame))[c], native[c], 1e-9);
      EXPECT_NEAR(inspection.mean_prepared.at(static_cast<std::size_t>(frame))[c], prepared[c], 1e-9);
    }
  }
  EXPECT_TRUE(json::parse(to_json(inspection, std::nullopt)).at("header_frames").is_null());
}

TEST_F(Inspection, WindowsOfAFractionAreRows) {
  const VideoInspection inspection;
  const WindowPlan plan{.frames = 2,
                        .windows_of_a_row = 1,
                        .frame_of_window = {0, 1, 3, 4},
                        .window_of_row = {0, 1, 0},
                        .middle_frame = {1, 4, 1}};
  const json said = json::parse(to_json(inspection, InspectedWindows{{}, plan}));
  EXPECT_EQ(said.at("windows"), json::parse("[[0,1],[3,4],[0,1]]"));
}

TEST_F(Inspection, WindowsOfSeveralWidthsAreNamedByThem) {
  const VideoInspection inspection;
  const WindowRule rule{.kind = WindowRule::Kind::kMulti, .frames = 2, .widths = {16, 0}};
  const WindowPlan plan{.frames = 2,
                        .windows_of_a_row = 2,
                        .frame_of_window = {0, 1, 3, 4, 5, 6},
                        .window_of_row = {0, 2, 1, 2},
                        .middle_frame = {1, 4}};
  const json said = json::parse(to_json(inspection, InspectedWindows{rule, plan}));
  EXPECT_EQ(said.at("windows"), json::parse(R"({"16": [[0,1],[3,4]], "video": [[5,6],[5,6]]})"));
}

TEST_F(Inspection, RefusesAVideoOfWhichNothingDecodes) {
  const auto file = clip({.frames = 3}, "clip.mp4");
  std::string bytes = read_text(file);
  const std::size_t data = bytes.find("mdat");
  ASSERT_NE(data, std::string::npos);
  const std::size_t end = bytes.find("moov", data);
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(data) + 4, bytes.begin() + static_cast<std::ptrdiff_t>(end) - 4,
            '\xff');
  write_file(folder / "noise.mp4", bytes);
  const std::string message = message_of<io::VideoError>(
      [&] { static_cast<void>(inspect_video(folder / "noise.mp4", 32, Resize::kAntialias)); });
  EXPECT_EQ(message,
            "found no frame that decodes (3 bad packets); expected at least one; copy the file again, or leave it out");
}

TEST_F(Inspection, AFilmStripHasTheMiddlesOfEqualParts) {
  const auto file = clip({.codec = "ffv1", .pixels = "bgr0", .width = 64, .height = 64, .frames = 10}, "clip.mkv");
  const io::RgbImage strip = film_strip(file, inspect_video(file), 3, 64, Resize::kAntialias);  // as large as it is
  ASSERT_EQ(strip.width, 3 * 64 + 2 * 2);
  ASSERT_EQ(strip.height, 64 + 2 * 9);
  const auto at = [&](int x, int y) {
    return strip.pixels.data() + 3 * (static_cast<std::ptrdiff_t>(y) * strip.width + x);
  };
  for (int place = 0; place < 3; ++place) {
    const int frame = std::array{1, 5, 8}.at(static_cast<std::size_t>(place));
    for (int y = 0; y < 64; ++y) {
      for (int x = 0; x < 64; ++x) {
        const auto colour = testing::scene(frame, x, y, 64, 64);
        for (int c = 0; c < 3; ++c)
          ASSERT_EQ(at(place * 66 + x, y)[c], colour[static_cast<std::size_t>(c)]) << x << " " << y;
      }
    }
  }
  EXPECT_EQ(at(64, 5)[0], 255);
  EXPECT_EQ(at(65, 63)[2], 255);
}

/// The dark pixels of a part of an image, a line each.
std::string dark(const io::RgbImage& image, int left, int top, int width, int height) {
  std::string text;
  for (int y = top; y < top + height; ++y) {
    for (int x = left; x < left + width; ++x) {
      text += image.pixels[static_cast<std::size_t>(3 * (y * image.width + x))] == 0 ? '#' : '.';
    }
    text += '\n';
  }
  return text;
}

TEST_F(Inspection, AFilmStripOfAShortVideoHasEachFrameOnceAndSaysWhichAndWhen) {
  const auto file =
      clip({.codec = "ffv1", .pixels = "bgr0", .width = 32, .height = 32, .frames = 3, .rate = 10}, "clip.mkv");
  const io::RgbImage strip = film_strip(file, inspect_video(file), 8, 32, Resize::kAntialias);
  ASSERT_EQ(strip.width, 3 * 36 + 2 * 2);  // as wide as `0.10 s`
  EXPECT_EQ(dark(strip, 38, 34, 6, 7),
            "..#...\n"
            ".##...\n"
            "..#...\n"
            "..#...\n"
            "..#...\n"
            "..#...\n"
            ".###..\n");
  EXPECT_EQ(dark(strip, 76, 43, 36, 7),
            ".###.........###...###..............\n"
            "#...#.......#...#.#...#.............\n"
            "#..##...........#.#..##........####.\n"
            "#.#.#..........#..#.#.#.......#.....\n"
            "##..#.........#...##..#........###..\n"
            "#...#..##....#....#...#...........#.\n"
            ".###...##...#####..###........####..\n");
  const io::RgbImage large = film_strip(file, inspect_video(file), 1, 200, Resize::kAntialias);
  EXPECT_EQ(large.height, 200 + 2 * 18);
}

TEST_F(Inspection, IsToldInAFewLines) {
  const auto file = clip({.frames = 4, .rate = 10, .rotation = 90}, "clip.mp4");
  EXPECT_EQ(to_text(inspect_video(file), std::nullopt),
            "mpeg4, 96 x 64 pixels, to be turned by 90 degrees, 10 frames/s by its header\n"
            "4 frames in 0.400 s\n"
            "decodes as a whole\n");
  VideoInspection bad = inspect_video(clip({.frames = 4, .interlaced = true}, "clip.avi"));
  bad.properties.rate = 0;
  bad.bad_packets = 1;
  bad.damaged_frames = 2;
  bad.properties.header_frames = 9;
  const WindowRule rule;
  EXPECT_EQ(to_text(bad, InspectedWindows{rule, plan_windows(rule, 4)}),
            "mpeg4, 96 x 64 pixels, interlaced, no rate in its header\n"
            "4 frames in 0.120 s\n"
            "decodes in part: 1 bad packet, 2 damaged frames, 9 frames by its header\n"
            "33 rows, of windows of 16 frames\n");
  EXPECT_EQ(json::parse(to_json(bad, std::nullopt)).at("interlaced"), true);
  EXPECT_EQ(json::parse(to_json(bad, std::nullopt)).at("interlaced_frames"), 4);
}

TEST_F(Inspection, TellsOfEveryFrame) {
  const auto file = clip({.frames = 3}, "clip.mp4");
  std::vector<std::int64_t> decoded;
  const VideoInspection inspection = inspect_video(file, [&](std::int64_t frames, std::optional<std::int64_t> all) {
    EXPECT_EQ(all, 3);
    decoded.push_back(frames);
  });
  EXPECT_EQ(decoded, (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_TRUE(inspection.mean_native.empty());
}

}  // namespace
}  // namespace alignment::encoding
