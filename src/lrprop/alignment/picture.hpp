#pragma once

#include <string>

#include "src/lrprop/alignment/alignment.hpp"

namespace alignment::lrprop {

/// The picture of one alignment: distances and path, phases of both videos, and key moments on time lines. Where there
/// are no key moments, frames at equal distances take their place.
[[nodiscard]] std::string draw_alignment(const EmbeddedVideo& query, const EmbeddedVideo& other,
                                         const VideoAlignment& alignment, const AlignmentSummary& summary,
                                         const AlignmentOptions& options);

}  // namespace alignment::lrprop
