#include "src/lrprop/alignment/alignment_files.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "io/bytes/csv_field.hpp"
#include "io/durable_file.hpp"
#include "io/result_folder.hpp"
#include "src/lrprop/alignment/picture.hpp"
#include "src/lrprop/alignment/summary.hpp"

namespace alignment::lrprop {
namespace {

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

void add_phases(const std::string& id, std::span<const std::int32_t> labels, const AlignmentOptions& options,
                std::string& text) {
  for (std::size_t first = 0, end = 0; first < labels.size(); first = end) {
    end = first + 1;
    while (end < labels.size() && labels[end] == labels[first]) ++end;
    if (labels[first] < 0) continue;
    const auto phase = static_cast<std::size_t>(labels[first]);
    text += fmt::format(
        "{},{},{},{}\n", io::csv_field(id), first, end - 1,
        phase < options.phase_names.size() ? io::csv_field(options.phase_names[phase]) : std::to_string(phase));
  }
}

/// The phases of the query and what the others get of them, as `dejavid_convert labels` reads phases.
std::string phases_csv(const EmbeddedVideo& query, std::span<const AlignmentSummary> others,
                       const AlignmentOptions& options) {
  std::string text = "id,first,last,phase\n";
  add_phases(query.id, query.frame_labels, options, text);
  for (const AlignmentSummary& one : others) add_phases(one.other, one.labels, options, text);
  return text;
}

}  // namespace

AlignmentSummary write_alignment(const EmbeddedVideo& query, const EmbeddedVideo& other,
                                 const AlignmentOptions& options, const std::filesystem::path& folder) {
  const VideoAlignment alignment = align_videos(query, other);
  AlignmentSummary summary = summarize(query, other, alignment, options);
  summary.file_stem = "align-" + io::file_name_of(other.id);
  const auto file = [&](const char* ending) { return folder / (summary.file_stem + ending); };
  io::write_text(file(".csv"), csv_of(query, other, alignment));
  io::write_text(file(".json"), json_text(json_of(query, alignment, summary, options)));
  io::write_text(file(".svg"), draw_alignment(query, other, alignment, summary, options));
  return summary;
}

void write_overview(const EmbeddedVideo& query, std::span<const AlignmentSummary> others,
                    const AlignmentOptions& options, const std::filesystem::path& folder) {
  io::write_text(folder / "transfer.csv", overview_csv(others, options));
  if (query.has_phases()) io::write_text(folder / "phases.csv", phases_csv(query, others, options));
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
