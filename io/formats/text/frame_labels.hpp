#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/store/tse_store.hpp"

namespace alignment::io {

/// What becomes of the phases of samples that a file of phases does not name.
enum class UnnamedSamples : std::uint8_t { kKeep, kDrop };

/// Phases for the frames of a store's samples.
struct FrameLabels {
  std::vector<std::vector<std::int32_t>> of_samples;  ///< [N] of [T] each, kNoPhase where nothing says anything
  std::vector<std::string> phase_names;               ///< [P]; empty where phases are numbers without names
  std::int64_t named = 0;   ///< samples that the file names, all of whose frames are as it says
  std::int64_t others = 0;  ///< samples with phases that it does not name; they are kept or dropped
};

/// Reads a CSV file of phases: the columns id, first frame, last frame and phase, frames counted from 0 and both
/// included, with or without a line of headings (that begins with "id"). Lines may come in any order.
///
/// With `phases` a phase is one of these names, or, where none in the file is, its number among them. Without them
/// phases that are whole numbers throughout are taken as they are; else all are names, numbered as they first appear in
/// the order of the store's samples and their frames. Where samples keep phases, without `phases` the store's names
/// keep their numbers and others follow, and a number is one of those; with `phases` what is kept is numbered by them.
///
/// Throws StoreError, with the line, for an id that the store lacks, for frames beyond its sample or in two lines, for
/// a range without a frame, and for a phase that is none of the above; and for a kept one that `phases` lacks.
[[nodiscard]] FrameLabels read_frame_labels(const std::filesystem::path& file, TseStore& store,
                                            const std::vector<std::string>& phases = {},
                                            UnnamedSamples unnamed = UnnamedSamples::kKeep);

}  // namespace alignment::io
