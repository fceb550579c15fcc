#include "src/encoding/scenes/make_scenes.hpp"

#include <fmt/format.h>

#include "io/result_folder.hpp"
#include "io/video/video_writer.hpp"
#include "src/encoding/scenes/scene.hpp"

namespace alignment::encoding {

std::int64_t make_scenes(const std::filesystem::path& folder, const SceneCounts& counts, const ClipDrawn& drawn) {
  io::make_new_result_folder(folder);
  const std::int64_t all = static_cast<std::int64_t>(scene_orders().size()) * (counts.train + counts.validation);
  std::int64_t clips = 0;
  io::RgbImage image;
  // A clip's seed is its number alone: a larger set begins with the clips of a smaller one.
  const auto make = [&](const char* split, std::uint64_t split_number, std::int64_t count) {
    for (const SceneOrder& order : scene_orders()) {
      const std::filesystem::path class_folder = folder / split / to_text(order);
      io::make_result_folder(class_folder);
      for (std::int64_t n = 0; n < count; ++n) {
        std::uint64_t seed = counts.seed;
        for (const std::uint64_t part : {split_number, static_cast<std::uint64_t>(n)}) {
          seed = io::RandomBits::mix(seed + io::RandomBits::kStep * (part + 1));
        }
        for (const SceneEvent event : order) seed = io::RandomBits::mix(seed + static_cast<std::uint64_t>(event) + 1);
        const Scene scene(order, seed);
        io::VideoWriter video(class_folder / fmt::format("{:04}.mp4", n), Scene::kSize, Scene::kSize, Scene::kRate);
        for (int frame = 0; frame < scene.frames(); ++frame) {
          scene.draw(frame, image);
          video.append(image, frame / Scene::kRate);
        }
        video.finish();
        drawn(++clips, all);
      }
    }
  };
  make("train", 0, counts.train);
  make("val", 1, counts.validation);
  return clips;
}

}  // namespace alignment::encoding
