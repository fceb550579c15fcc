#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "src/lrprop/alignment/alignment.hpp"

// Private to this folder: how a summary is written.
namespace alignment::lrprop {

/// Seconds of a frame, where the video has them.
[[nodiscard]] std::optional<double> time_of(const EmbeddedVideo& video, std::int64_t frame);
/// As a CSV field, empty where they are not known.
[[nodiscard]] std::string time_text(const std::optional<double>& seconds);
[[nodiscard]] std::string name_of_phase(const AlignmentOptions& options, std::int32_t phase);
/// right / judged, null where there is nothing to judge.
[[nodiscard]] nlohmann::ordered_json share_json(std::int64_t right, std::int64_t judged);
/// As others read it.
[[nodiscard]] nlohmann::ordered_json to_json(const AlignmentSummary& summary, const AlignmentOptions& options);
[[nodiscard]] std::string json_text(const nlohmann::ordered_json& json);

}  // namespace alignment::lrprop
