#pragma once

#include <string>

#include "src/lrprop/alignment/alignment.hpp"

namespace alignment::lrprop {

/// The picture of one alignment: distances and path, phases of both videos, and key moments on time lines. Where there
/// are no key moments, frames at equal distances take their place.
[[nodiscard]] std::string draw_alignment(const EmbeddedVideo& query, const EmbeddedVideo& other,
                                         const VideoAlignment& alignment, const AlignmentSummary& summary,
                                         const AlignmentOptions& options);

/// The same as an element of a page that has drawing::picture_style(), narrow, without title and caption.
[[nodiscard]] std::string alignment_element(const EmbeddedVideo& query, const EmbeddedVideo& other,
                                            const VideoAlignment& alignment, const AlignmentSummary& summary,
                                            const AlignmentOptions& options);

/// What the path costs and, where phases are known, how many frames get theirs along it.
[[nodiscard]] std::string caption_of(const EmbeddedVideo& query, const AlignmentSummary& summary);

}  // namespace alignment::lrprop
