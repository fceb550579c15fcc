#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/store/tse_store.hpp"

namespace alignment::io {

/// Phases for the frames of a store's samples.
struct FrameLabels {
  std::vector<std::vector<std::int32_t>> of_samples;  ///< [N] of [T] each, -1 where no line says anything
  std::vector<std::string> phase_names;               ///< [P]; empty where phases are numbers without names
};

/// Reads a CSV file of phases: the columns id, first frame, last frame and phase, frames counted from 0 and both
/// included, with or without a line of headings (that begins with "id"). Lines may come in any order.
///
/// With `phases` a phase is one of these names, or, where none in the file is, its number among them. Without them
/// phases that are whole numbers throughout are taken as they are; else all are names, numbered as they first appear in
/// the order of the store's samples and their frames. Throws StoreError, with the line, for an id that the store lacks,
/// for frames beyond its sample or in two lines, for a range without a frame, and for another phase.
[[nodiscard]] FrameLabels read_frame_labels(const std::filesystem::path& file, const TseStore& store,
                                            const std::vector<std::string>& phases = {});

}  // namespace alignment::io
