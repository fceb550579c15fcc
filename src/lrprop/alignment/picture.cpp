#include "src/lrprop/alignment/picture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "src/drawing/alignment_picture.hpp"

namespace alignment::lrprop {
namespace {

/// None of a video whose frames are all without one.
std::span<const std::int32_t> phases_of(const EmbeddedVideo& video) {
  return video.has_phases() ? std::span<const std::int32_t>(video.frame_labels) : std::span<const std::int32_t>();
}

drawing::Axis axis_of(const EmbeddedVideo& video, std::span<const std::int32_t> phases, const char* remark) {
  return {fmt::format("frame of {}{}", video.id, remark), video.frames(), video.timestamps, phases};
}

std::string link_text(const KeyMoment& moment, const AlignmentOptions& options) {
  const std::string phase = moment.phase < 0 ? "no phase" : drawing::phase_name(options.phase_names, moment.phase);
  return fmt::format("frame {} is frame {}: {}", moment.query_frame, moment.other_frame, phase);
}

std::vector<drawing::Link> links_of(const VideoAlignment& alignment, const AlignmentSummary& summary,
                                    const AlignmentOptions& options) {
  std::vector<drawing::Link> links;
  for (const KeyMoment& moment : summary.key_moments) {
    links.push_back({moment.query_frame, moment.other_frame, moment.phase, link_text(moment, options)});
  }
  if (!links.empty()) return links;
  constexpr std::int64_t kLinks = 9;
  const std::int64_t count = std::min(kLinks, alignment.rows);
  for (std::int64_t n = 0; n < count; ++n) {
    const std::int64_t frame = count == 1 ? 0 : n * (alignment.rows - 1) / (count - 1);
    const std::int64_t found = alignment.of_rows[static_cast<std::size_t>(frame)];
    links.push_back({frame, found, -1, fmt::format("frame {} is frame {}", frame, found)});
  }
  return links;
}

drawing::AlignmentPicture picture_of(const EmbeddedVideo& query, const EmbeddedVideo& other,
                                     const VideoAlignment& alignment, const AlignmentSummary& summary,
                                     const AlignmentOptions& options) {
  drawing::AlignmentPicture picture;
  picture.title = fmt::format("{} aligned with {}", query.id, other.id);
  picture.caption = caption_of(query, summary);
  picture.scale_name = "distance of embeddings";
  picture.same_frames = true;
  picture.phase_names = options.phase_names;

  const bool carried = !other.has_phases() && !summary.labels.empty();
  const drawing::Axis rows = axis_of(query, phases_of(query), "");
  const drawing::Axis columns =
      axis_of(other, carried ? std::span<const std::int32_t>(summary.labels) : phases_of(other),
              carried ? ", phases carried over" : "");
  drawing::MatrixPanel panel{.title = "Distances and path",
                             .rows = rows,
                             .columns = columns,
                             .values = alignment.distances,
                             .path = {},
                             .row_costs = {},
                             .row_costs_name = {}};
  panel.path.reserve(alignment.path.size());
  for (const kernels::PathCell& cell : alignment.path) panel.path.push_back({cell.row, cell.column});
  picture.panels.push_back(std::move(panel));

  const bool phases = options.key_frames.empty() && !summary.key_moments.empty();
  picture.time_lines =
      drawing::TimeLines{summary.key_moments.empty() ? "Frames at equal distances and where the path finds them"
                         : phases                    ? "Where phases begin and end, and where the path finds that"
                                                     : "Key frames and where the path finds them",
                         rows, columns, links_of(alignment, summary, options)};
  return picture;
}

}  // namespace

std::string caption_of(const EmbeddedVideo& query, const AlignmentSummary& summary) {
  std::string caption = fmt::format("The path costs {:.4g} over {} cells, {:.4g} a cell.", summary.cost,
                                    summary.path_length, summary.cost / static_cast<double>(summary.path_length));
  if (summary.judged > 0) {
    caption += fmt::format(" Of {} frames that have a phase, {:.1f} % get it from {} along the path.", summary.judged,
                           100 * static_cast<double>(summary.right) / static_cast<double>(summary.judged), query.id);
  }
  return caption;
}

std::string draw_alignment(const EmbeddedVideo& query, const EmbeddedVideo& other, const VideoAlignment& alignment,
                           const AlignmentSummary& summary, const AlignmentOptions& options) {
  return drawing::to_svg(picture_of(query, other, alignment, summary, options));
}

std::string alignment_element(const EmbeddedVideo& query, const EmbeddedVideo& other, const VideoAlignment& alignment,
                              const AlignmentSummary& summary, const AlignmentOptions& options) {
  constexpr double kNarrow = 480;
  drawing::AlignmentPicture picture = picture_of(query, other, alignment, summary, options);
  picture.width = kNarrow;
  return drawing::svg_element(picture);
}

}  // namespace alignment::lrprop
