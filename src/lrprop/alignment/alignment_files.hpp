#pragma once

#include <filesystem>
#include <span>

#include "src/lrprop/alignment/alignment.hpp"

/// What is written of alignments.
namespace alignment::lrprop {

/// Aligns one other video and writes its three files into `folder`, which exists, replacing those that were there. No
/// two ids share a name, so ranks may divide the others among them. Throws io::WriteError.
[[nodiscard]] AlignmentSummary write_alignment(const EmbeddedVideo& query, const EmbeddedVideo& other,
                                               const AlignmentOptions& options, const std::filesystem::path& folder);

/// Writes what was carried over to all others, in the order given: transfer.csv and transfer.json,
/// and phases.csv where the query has phases.
void write_overview(const EmbeddedVideo& query, std::span<const AlignmentSummary> others,
                    const AlignmentOptions& options, const std::filesystem::path& folder);

/// All of it in one go: makes the folder, write_alignment() for every other video, and the overview.
void write_alignments(const EmbeddedVideo& query, std::span<const EmbeddedVideo> others,
                      const AlignmentOptions& options, const std::filesystem::path& folder);

}  // namespace alignment::lrprop
