#include "src/encoding/scenes/make_scenes.hpp"

#include <fmt/format.h>

#include "io/result_folder.hpp"
#include "io/video/video_writer.hpp"
#include "src/encoding/scenes/scene.hpp"

namespace alignment::encoding {

DrawnScenes make_scenes(const std::filesystem::path& folder, const SceneCounts& counts, const ClipDrawn& tell) {
  io::make_new_result_folder(folder);
  const std::int64_t all = static_cast<std::int64_t>(scene_orders().size()) * (counts.train + counts.validation);
  DrawnScenes drawn{0, "id,first,last,phase\n"};
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
        const std::string name = fmt::format("{:04}.mp4", n);
        io::VideoWriter video(class_folder / name, Scene::kSize, Scene::kSize, Scene::kRate);
        for (int frame = 0; frame < scene.frames(); ++frame) {
          scene.draw(frame, image);
          video.append(image, frame / Scene::kRate);
        }
        video.finish();
        tell(++drawn.clips, all);
        for (const SceneEvent event : order) {
          drawn.phases += fmt::format("{}/{}/{},{},{},{}\n", split, to_text(order), name, scene.first(event),
                                      scene.last(event), to_text(event));
        }
      }
    }
  };
  make("train", 0, counts.train);
  make("val", 1, counts.validation);
  return drawn;
}

}  // namespace alignment::encoding
