#include "src/lrprop/alignment/alignment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "io/bytes/aligned_memory.hpp"
#include "io/bytes/csv_field.hpp"
#include "io/durable_file.hpp"
#include "io/result_folder.hpp"
#include "kernels/pairwise.hpp"
#include "src/lrprop/alignment/picture.hpp"
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

/// A row of the path of the file of one other video.
std::string csv_of(const EmbeddedVideo& query, const EmbeddedVideo& other, const VideoAlignment& alignment) {
  std::string text = "query_frame,other_frame,query_time,other_time,distance\n";
  for (const kernels::PathCell& cell : alignment.path) {
    const double distance =
        alignment.distances[static_cast<std::size_t>(std::int64_t{cell.row} * alignment.columns + cell.column)];
    text += fmt::format("{},{},{},{},{}\n", cell.row, cell.column, time_text(time_of(query, cell.row)),
                        time_text(time_of(other, cell.column)), distance);
  }
  return text;
}

nlohmann::ordered_json json_of(const EmbeddedVideo& query, const VideoAlignment& alignment,
                               const AlignmentSummary& summary, const AlignmentOptions& options) {
  nlohmann::ordered_json json = to_json(summary, options);
  nlohmann::ordered_json whole{{"query", query.id}, {"query_frames", query.frames()}};
  whole.update(json);
  whole["frame_of_other"] = alignment.of_rows;
  whole["path"] = nlohmann::ordered_json::array();
  for (const kernels::PathCell& cell : alignment.path) whole["path"].push_back({cell.row, cell.column});
  return whole;
}

/// One line for each key moment in each other video.
std::string overview_csv(std::span<const AlignmentSummary> others, const AlignmentOptions& options) {
  std::string text = "other,query_frame,query_time,phase,phase_name,other_frame,other_time,distance\n";
  for (const AlignmentSummary& one : others) {
    for (const KeyMoment& moment : one.key_moments) {
      text += fmt::format("{},{},{},{},{},{},{},{}\n", io::csv_field(one.other), moment.query_frame,
                          time_text(moment.query_time), moment.phase,
                          io::csv_field(moment.phase < 0 ? "" : name_of_phase(options, moment.phase)),
                          moment.other_frame, time_text(moment.other_time), moment.distance);
    }
  }
  return text;
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
  summary.file_stem = "align-" + io::file_name_of(other.id);
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
  if (query.frame_labels.empty()) return summary;
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

AlignmentSummary write_alignment(const EmbeddedVideo& query, const EmbeddedVideo& other,
                                 const AlignmentOptions& options, const std::filesystem::path& folder) {
  const VideoAlignment alignment = align_videos(query, other);
  AlignmentSummary summary = summarize(query, other, alignment, options);
  const auto file = [&](const char* ending) { return folder / (summary.file_stem + ending); };
  io::write_text(file(".csv"), csv_of(query, other, alignment));
  io::write_text(file(".json"), json_text(json_of(query, alignment, summary, options)));
  io::write_text(file(".svg"), draw_alignment(query, other, alignment, summary, options));
  return summary;
}

void write_overview(const EmbeddedVideo& query, std::span<const AlignmentSummary> others,
                    const AlignmentOptions& options, const std::filesystem::path& folder) {
  io::write_text(folder / "transfer.csv", overview_csv(others, options));
  nlohmann::ordered_json json{{"query", query.id}, {"query_frames", query.frames()}};
  std::int64_t judged = 0, right = 0;
  json["others"] = nlohmann::ordered_json::array();
  for (const AlignmentSummary& one : others) {
    judged += one.judged;
    right += one.right;
    json["others"].push_back(to_json(one, options));
  }
  json["judged_frames"] = judged;
  json["label_accuracy"] = share_json(right, judged);
  io::write_text(folder / "transfer.json", json_text(json));
}

void write_alignments(const EmbeddedVideo& query, std::span<const EmbeddedVideo> others,
                      const AlignmentOptions& options, const std::filesystem::path& folder) {
  static_cast<void>(key_frames(query, options));  // a frame that is none is met before anything is written
  io::make_result_folder(folder);
  std::vector<AlignmentSummary> summaries;
  for (const EmbeddedVideo& other : others) summaries.push_back(write_alignment(query, other, options, folder));
  write_overview(query, summaries, options, folder);
}

}  // namespace alignment::lrprop
