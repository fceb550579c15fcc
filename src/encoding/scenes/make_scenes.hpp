#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace alignment::encoding {

struct SceneCounts {
  std::int64_t train = 20;  ///< clips a class
  std::int64_t validation = 10;
  std::uint64_t seed = 1;
};

/// Called after every clip.
using ClipDrawn = std::function<void(std::int64_t drawn, std::int64_t all)>;

struct DrawnScenes {
  std::int64_t clips = 0;
  /// Which frames each event lasts, as `dejavid_convert labels` reads them; ids are those that `--videos FOLDER` gives.
  std::string phases;
};

/// Writes small drawn clips (Scene) as FOLDER/train/CLASS/N.mp4 and FOLDER/val/CLASS/N.mp4, as `--videos FOLDER` reads
/// them; classes differ in the order of events and in nothing else. FOLDER has to be new or empty. Throws WriteError.
DrawnScenes make_scenes(
    const std::filesystem::path& folder, const SceneCounts& counts,
    const ClipDrawn& tell = [](std::int64_t, std::int64_t) {});

}  // namespace alignment::encoding
