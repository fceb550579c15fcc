#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/dtw.hpp"
#include "src/lrprop/embedded_video.hpp"

/// Alignment of a query video with others: paths, labels and key moments carried over.
namespace alignment::lrprop {

struct AlignmentOptions {
  /// Frames of the query to find in the others, in any order; empty: those at which its phase changes, and where it has
  /// no phases none.
  std::vector<std::int64_t> key_frames;
  std::vector<std::string> phase_names;  ///< by frame label; a phase beyond them is called "phase 3"
};

/// The query (rows, n frames) against one other video (columns, m frames).
struct VideoAlignment {
  std::int64_t rows = 0, columns = 0;
  std::vector<double> distances;         ///< [n,m] Euclidean
  std::vector<kernels::PathCell> path;   ///< from (0,0) to (n-1,m-1), kernels/dtw.hpp
  double cost = 0;                       ///< sum of the distances along the path
  std::vector<std::int64_t> of_rows;     ///< [n] the column of the middle of the row's cells, rounded down
  std::vector<std::int64_t> of_columns;  ///< [m] the row of the middle of the column's cells, rounded down
};

/// Both videos are of one width and have a frame at least; throws std::invalid_argument where they do not.
[[nodiscard]] VideoAlignment align_videos(const EmbeddedVideo& query, const EmbeddedVideo& other);

/// A frame of the query and where it is found in one other video.
struct KeyMoment {
  std::int64_t query_frame = 0, other_frame = 0;
  std::int32_t phase = -1;                       ///< that begins there; of a frame that the user named: that it lies in
  std::optional<double> query_time, other_time;  ///< seconds, where the video has them
  double distance = 0;                           ///< of the two frames
};

/// What the alignment with one other video says.
struct AlignmentSummary {
  std::string other;                   ///< its id
  std::string file_stem;               ///< its files, where there are any, are FILE_STEM.csv, .json and .svg
  std::int64_t frames = 0;             ///< of the other
  std::int64_t path_length = 0;        ///< cells
  double cost = 0;                     ///< sum of the distances along the path
  std::vector<KeyMoment> key_moments;  ///< in the order of the query's frames
  std::vector<std::int32_t> labels;    ///< [m] the query's, carried over; empty where it has none
  std::int64_t judged = 0, right = 0;  ///< frames that the other itself has a phase for; whose carried label is it
};

/// The query's key frames, ascending and each once. Throws std::invalid_argument for one that lies outside.
[[nodiscard]] std::vector<std::int64_t> key_frames(const EmbeddedVideo& query, const AlignmentOptions& options);

/// What that alignment carries over, without writing anything.
[[nodiscard]] AlignmentSummary summarize(const EmbeddedVideo& query, const EmbeddedVideo& other,
                                         const VideoAlignment& alignment, const AlignmentOptions& options);

/// A summary as text, to be sent to the rank that writes the overview, and back.
[[nodiscard]] std::string to_text(const AlignmentSummary& summary);
[[nodiscard]] AlignmentSummary summary_from_text(std::string_view text);

}  // namespace alignment::lrprop
