#include "src/encoding/scenes/scene.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <vector>

#include "io/errors.hpp"
#include "io/video/video_reader.hpp"
#include "src/encoding/scenes/make_scenes.hpp"

namespace alignment::encoding {
namespace {

namespace fs = std::filesystem;

/// The mean level of a part of a picture.
double mean_level(const io::RgbImage& image, int left, int top, int right, int bottom) {
  double sum = 0;
  for (int y = top; y < bottom; ++y) {
    for (int x = left; x < right; ++x) {
      for (int k = 0; k < 3; ++k) sum += image.pixels[static_cast<std::size_t>((y * image.width + x) * 3 + k)];
    }
  }
  return sum / (3.0 * (right - left) * (bottom - top));
}

/// The frame at which a part of the scene is least like it is at first.
int most_changed_frame(const Scene& scene, int left, int top, int right, int bottom) {
  io::RgbImage image;
  scene.draw(0, image);
  const double at_first = mean_level(image, left, top, right, bottom);
  int most_changed = 0;
  double most = 0;
  for (int frame = 1; frame < scene.frames(); ++frame) {
    scene.draw(frame, image);
    const double change = std::abs(mean_level(image, left, top, right, bottom) - at_first);
    if (change > most) {
      most = change;
      most_changed = frame;
    }
  }
  return most_changed;
}

TEST(Scene, ThereIsAClassForEachOrderOfEvents) {
  std::set<std::string> names;
  for (const SceneOrder& order : scene_orders()) names.insert(to_text(order));
  EXPECT_EQ(names, (std::set<std::string>{"open_cross_glow", "open_glow_cross", "cross_open_glow", "cross_glow_open",
                                          "glow_open_cross", "glow_cross_open"}));
}

TEST(Scene, EventsComeInTheirOrder) {
  for (const SceneOrder& order : scene_orders()) {
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      const Scene scene(order, seed);
      EXPECT_GE(scene.frames(), 36);
      EXPECT_LE(scene.frames(), Scene::kMostFrames);
      std::array<int, kSceneEvents> seen = {};
      seen[static_cast<std::size_t>(SceneEvent::kOpen)] = most_changed_frame(scene, 22, 34, 26, 46);
      seen[static_cast<std::size_t>(SceneEvent::kCross)] = most_changed_frame(scene, 46, 74, 50, 80);
      seen[static_cast<std::size_t>(SceneEvent::kGlow)] = most_changed_frame(scene, 70, 20, 78, 26);
      for (std::size_t i = 1; i < kSceneEvents; ++i) {
        EXPECT_LT(seen[static_cast<std::size_t>(order[i - 1])], seen[static_cast<std::size_t>(order[i])])
            << to_text(order) << " " << seed;
      }
    }
  }
}

/// No pixel is further from the first frame than noise makes, but during an event.
TEST(Scene, ChangesOnlyWhileAnEventLasts) {
  const auto levels = [](const Scene& scene, int frame) {
    io::RgbImage image;
    scene.draw(frame, image);
    return image.pixels;
  };
  for (const SceneOrder& order : scene_orders()) {
    const Scene scene(order, 4);
    const std::vector<std::uint8_t> still = levels(scene, 0);
    int last = -1;
    for (const SceneEvent event : order) {
      EXPECT_GT(scene.first(event), last + 1);
      for (int frame = last + 1; frame < scene.frames(); ++frame) {
        const std::vector<std::uint8_t> now = levels(scene, frame);
        int most = 0;
        for (std::size_t k = 0; k < now.size(); ++k) most = std::max(most, std::abs(now[k] - still[k]));
        if (frame <= scene.first(event)) {
          EXPECT_LE(most, 6) << frame;
        }
        if (frame == (scene.first(event) + scene.last(event)) / 2) {
          EXPECT_GT(most, 30) << to_text(event);
        }
        if (frame > scene.last(event)) {
          EXPECT_LE(most, 6) << frame;
          break;
        }
      }
      last = scene.last(event);
    }
    EXPECT_LT(last, scene.frames() - 1);
  }
}

TEST(Scene, EndsAsItBegan) {
  for (const SceneOrder& order : scene_orders()) {
    const Scene scene(order, 5);
    io::RgbImage first, last;
    scene.draw(0, first);
    scene.draw(scene.frames() - 1, last);
    int most = 0;
    for (std::size_t k = 0; k < first.pixels.size(); ++k)
      most = std::max(most, std::abs(first.pixels[k] - last.pixels[k]));
    EXPECT_LE(most, 6);  // noise of three levels either way
  }
}

TEST(Scene, IsOfItsSeed) {
  const SceneOrder order = scene_orders().front();
  io::RgbImage one, same, other;
  Scene(order, 1).draw(7, one);
  Scene(order, 1).draw(7, same);
  Scene(order, 2).draw(7, other);
  EXPECT_EQ(one.pixels, same.pixels);
  EXPECT_NE(one.pixels, other.pixels);
}

std::string bytes_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(MakeScenes, ClipsAreTheScenesAndTheSameWhereMoreAreMade) {
  const fs::path folder = fs::path(testing::TempDir()) / "scenes";
  fs::remove_all(folder);
  std::vector<std::int64_t> told;
  const DrawnScenes few = make_scenes(folder / "few", {1, 1, 3}, [&](std::int64_t drawn, std::int64_t all) {
    EXPECT_EQ(all, 12);
    told.push_back(drawn);
  });
  EXPECT_EQ(told, (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  EXPECT_EQ(few.clips, 12);
  EXPECT_EQ(std::count(few.phases.begin(), few.phases.end(), '\n'), 1 + 12 * 3);
  EXPECT_TRUE(few.phases.starts_with("id,first,last,phase\ntrain/open_cross_glow/0000.mp4,")) << few.phases;
  EXPECT_EQ(make_scenes(folder / "more", {2, 1, 3}).clips, 18);
  const fs::path clip = fs::path("train") / "cross_open_glow" / "0000.mp4";
  EXPECT_EQ(bytes_of(folder / "few" / clip), bytes_of(folder / "more" / clip));
  EXPECT_NE(bytes_of(folder / "few" / clip), bytes_of(folder / "more" / "train" / "cross_open_glow" / "0001.mp4"));
  EXPECT_NE(bytes_of(folder / "few" / clip), bytes_of(folder / "few" / "val" / "cross_open_glow" / "0000.mp4"));
  io::VideoReader video(folder / "few" / clip);
  EXPECT_EQ(video.properties().width, Scene::kSize);
  int frames = 0;
  while (video.next()) {
    EXPECT_NEAR(video.time(), frames / Scene::kRate, 1e-3);
    ++frames;
  }
  EXPECT_GE(frames, 36);
  fs::create_directory(folder / "empty");
  EXPECT_EQ(make_scenes(folder / "empty", {0, 0, 3}).clips, 0);
  try {
    static_cast<void>(make_scenes(folder / "few", {1, 0, 4}));
    FAIL() << "made in a folder with files";
  } catch (const io::WriteError& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with((folder / "few").string() + ": found files in it"))
        << error.what();
  }
  EXPECT_EQ(bytes_of(folder / "few" / clip), bytes_of(folder / "more" / clip));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace alignment::encoding
