#include "src/lrprop/alignment/alignment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "io/bytes/aligned_memory.hpp"
#include "kernels/pairwise.hpp"
#include "src/lrprop/alignment/summary.hpp"

namespace alignment::lrprop {
namespace {

/// The middle of the columns of each row's cells (of_rows), or of the rows of each column's, rounded down.
void take_middles(const std::vector<kernels::PathCell>& path, std::int32_t kernels::PathCell::*sequence,
                  std::int32_t kernels::PathCell::*partner, std::vector<std::int64_t>& middles) {
  std::size_t first = 0;
  for (std::size_t n = 0; n < path.size(); ++n) {
    if (path[n].*sequence != path[first].*sequence) first = n;
    // Along a path both only grow, so the cells of one row are neighbours, and so are their columns.
    middles[static_cast<std::size_t>(path[n].*sequence)] = (std::int64_t{path[first].*partner} + path[n].*partner) / 2;
  }
}

}  // namespace

VideoAlignment align_videos(const EmbeddedVideo& query, const EmbeddedVideo& other) {
  if (query.width < 1 || query.width != other.width || query.rows.empty() || other.rows.empty()) {
    throw std::invalid_argument(
        fmt::format("{} and {}: found {} numbers of width {} and {} of width {}; expected a frame each, of one width",
                    query.id, other.id, query.rows.size(), query.width, other.rows.size(), other.width));
  }
  VideoAlignment alignment;
  alignment.rows = query.frames();
  alignment.columns = other.frames();
  alignment.distances.resize(static_cast<std::size_t>(alignment.rows * alignment.columns));
  constexpr int kThreads = 1;  // the caller shares out the videos
  const io::AlignedBytes workspace = io::allocate_aligned(
      std::max(kernels::cpu::compare_rows_workspace_bytes(alignment.rows, alignment.columns, query.width, 0, kThreads),
               kernels::cpu::dtw_path_workspace_bytes(alignment.rows, alignment.columns)));
  auto* const memory = reinterpret_cast<std::byte*>(workspace.get());
  kernels::Comparison comparison;
  comparison.distances = alignment.distances.data();
  kernels::cpu::compare_rows(kernels::RowsView<float>{query.rows.data(), alignment.rows, query.width},
                             kernels::RowsView<float>{other.rows.data(), alignment.columns, other.width}, comparison,
                             memory, kThreads);
  alignment.path.resize(static_cast<std::size_t>(alignment.rows + alignment.columns - 1));
  const std::int64_t cells = kernels::cpu::dtw_path(alignment.distances.data(), alignment.rows, alignment.columns,
                                                    alignment.path.data(), &alignment.cost, memory);
  alignment.path.resize(static_cast<std::size_t>(cells));
  alignment.of_rows.resize(static_cast<std::size_t>(alignment.rows));
  alignment.of_columns.resize(static_cast<std::size_t>(alignment.columns));
  take_middles(alignment.path, &kernels::PathCell::row, &kernels::PathCell::column, alignment.of_rows);
  take_middles(alignment.path, &kernels::PathCell::column, &kernels::PathCell::row, alignment.of_columns);
  return alignment;
}

std::vector<std::int64_t> key_frames(const EmbeddedVideo& query, const AlignmentOptions& options) {
  std::vector<std::int64_t> frames = options.key_frames;
  for (const std::int64_t frame : frames) {
    if (frame >= 0 && frame < query.frames()) continue;
    throw std::invalid_argument(fmt::format("{}: found the key frame {}; expected 0 to {}; name frames of this video",
                                            query.id, frame, query.frames() - 1));
  }
  if (frames.empty()) {
    for (std::size_t n = 1; n < query.frame_labels.size(); ++n) {
      if (query.frame_labels[n] != query.frame_labels[n - 1]) frames.push_back(static_cast<std::int64_t>(n));
    }
  }
  std::sort(frames.begin(), frames.end());
  frames.erase(std::unique(frames.begin(), frames.end()), frames.end());
  return frames;
}

AlignmentSummary summarize(const EmbeddedVideo& query, const EmbeddedVideo& other, const VideoAlignment& alignment,
                           const AlignmentOptions& options) {
  AlignmentSummary summary;
  summary.other = other.id;
  summary.frames = alignment.columns;
  summary.path_length = static_cast<std::int64_t>(alignment.path.size());
  summary.cost = alignment.cost;
  for (const std::int64_t frame : key_frames(query, options)) {
    const auto at = static_cast<std::size_t>(frame);
    const std::int64_t found = alignment.of_rows[at];
    summary.key_moments.push_back(
        {.query_frame = frame,
         .other_frame = found,
         .phase = query.frame_labels.empty() ? -1 : query.frame_labels[at],
         .query_time = time_of(query, frame),
         .other_time = time_of(other, found),
         .distance =
             alignment.distances[at * static_cast<std::size_t>(alignment.columns) + static_cast<std::size_t>(found)]});
  }
  if (!query.has_phases()) return summary;
  for (const std::int64_t row : alignment.of_columns) {
    summary.labels.push_back(query.frame_labels[static_cast<std::size_t>(row)]);
  }
  for (std::size_t n = 0; n < other.frame_labels.size(); ++n) {
    if (other.frame_labels[n] < 0) continue;
    ++summary.judged;
    if (summary.labels[n] == other.frame_labels[n]) ++summary.right;
  }
  return summary;
}

}  // namespace alignment::lrprop
