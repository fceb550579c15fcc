#include "src/lrprop/alignment/summary.hpp"

#include <fmt/format.h>

#include "src/drawing/alignment_picture.hpp"

namespace alignment::lrprop {
namespace {

using Json = nlohmann::ordered_json;

Json seconds_json(const std::optional<double>& seconds) {
  return seconds ? Json(*seconds) : Json();
}

std::optional<double> seconds_from(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional(json.get<double>());
}

}  // namespace

std::optional<double> time_of(const EmbeddedVideo& video, std::int64_t frame) {
  if (video.timestamps.empty()) return std::nullopt;
  return video.timestamps[static_cast<std::size_t>(frame)];
}

std::string time_text(const std::optional<double>& seconds) {
  return seconds ? fmt::format("{}", *seconds) : "";
}

std::string name_of_phase(const AlignmentOptions& options, std::int32_t phase) {
  return drawing::phase_name(options.phase_names, phase);
}

Json share_json(std::int64_t right, std::int64_t judged) {
  return judged > 0 ? Json(static_cast<double>(right) / static_cast<double>(judged)) : Json();
}

std::string json_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json to_json(const AlignmentSummary& summary, const AlignmentOptions& options) {
  Json json{{"other", summary.other},
            {"files", summary.file_stem},
            {"other_frames", summary.frames},
            {"cost", summary.cost},
            {"path_cells", summary.path_length},
            {"key_moments", Json::array()},
            {"judged_frames", summary.judged},
            {"label_accuracy", share_json(summary.right, summary.judged)},
            {"labels", summary.labels}};
  for (const KeyMoment& moment : summary.key_moments) {
    json["key_moments"].push_back(
        {{"query_frame", moment.query_frame},
         {"query_time", seconds_json(moment.query_time)},
         {"phase", moment.phase},
         {"phase_name", moment.phase < 0 ? Json() : Json(name_of_phase(options, moment.phase))},
         {"other_frame", moment.other_frame},
         {"other_time", seconds_json(moment.other_time)},
         {"distance", moment.distance}});
  }
  return json;
}

std::string to_text(const AlignmentSummary& summary) {
  Json json{{"other", summary.other},
            {"file_stem", summary.file_stem},
            {"frames", summary.frames},
            {"cost", summary.cost},
            {"path_length", summary.path_length},
            {"labels", summary.labels},
            {"judged", summary.judged},
            {"right", summary.right},
            {"key_moments", Json::array()}};
  for (const KeyMoment& moment : summary.key_moments) {
    json["key_moments"].push_back({moment.query_frame, moment.other_frame, moment.phase,
                                   seconds_json(moment.query_time), seconds_json(moment.other_time), moment.distance});
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

AlignmentSummary summary_from_text(std::string_view text) {
  const Json json = Json::parse(text);
  AlignmentSummary summary{.other = json.at("other"),
                           .file_stem = json.at("file_stem"),
                           .frames = json.at("frames"),
                           .path_length = json.at("path_length"),
                           .cost = json.at("cost"),
                           .key_moments = {},
                           .labels = json.at("labels"),
                           .judged = json.at("judged"),
                           .right = json.at("right")};
  for (const Json& moment : json.at("key_moments")) {
    summary.key_moments.push_back({.query_frame = moment.at(0),
                                   .other_frame = moment.at(1),
                                   .phase = moment.at(2),
                                   .query_time = seconds_from(moment.at(3)),
                                   .other_time = seconds_from(moment.at(4)),
                                   .distance = moment.at(5)});
  }
  return summary;
}

}  // namespace alignment::lrprop
