#include "src/encoding/frames/inspection.hpp"

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>

namespace alignment::encoding {
namespace {

using Json = nlohmann::ordered_json;

MeanColour mean_of(std::span<const std::uint8_t> pixels) {
  std::array<std::uint64_t, 3> sums{};
  for (std::size_t i = 0; i < pixels.size(); i += 3) {
    for (std::size_t colour = 0; colour < 3; ++colour) sums[colour] += pixels[i + colour];
  }
  MeanColour mean{};
  const double count = static_cast<double>(pixels.size()) / 3;
  for (std::size_t colour = 0; colour < 3; ++colour) mean[colour] = static_cast<double>(sums[colour]) / count;
  return mean;
}

/// [T][m], the windows of every row's `place`-th width.
Json windows_of(const WindowPlan& plan, std::int64_t place) {
  Json rows = Json::array();
  for (std::int64_t row = 0; row < plan.rows(); ++row) {
    const std::int64_t window = plan.window_of_row.at(static_cast<std::size_t>(row * plan.windows_of_a_row + place));
    const auto frames =
        std::span(plan.frame_of_window)
            .subspan(static_cast<std::size_t>(window * plan.frames), static_cast<std::size_t>(plan.frames));
    rows.push_back(std::vector<std::int64_t>(frames.begin(), frames.end()));
  }
  return rows;
}

Json to_json(const InspectedWindows& windows) {
  if (windows.rule.kind == WindowRule::Kind::kFraction) return windows_of(windows.plan, 0);
  Json widths = Json::object();
  for (std::size_t place = 0; place < windows.rule.widths.size(); ++place) {
    const std::int64_t width = windows.rule.widths[place];
    widths[width == 0 ? "video" : std::to_string(width)] = windows_of(windows.plan, static_cast<std::int64_t>(place));
  }
  return widths;
}

}  // namespace

VideoInspection inspect_video(const std::filesystem::path& video, int size, Resize resize) {
  io::VideoReader reader(video);
  const FramePreparation preparation(size, resize);
  VideoInspection inspection;
  inspection.properties = reader.properties();
  io::RgbImage image;
  const auto side = static_cast<std::size_t>(size);
  std::vector<std::uint8_t> prepared(3 * side * side);
  while (reader.next()) {
    reader.convert(image);
    preparation.prepare(image, inspection.properties.rotation, prepared);
    inspection.times.push_back(reader.time());
    inspection.mean_native.push_back(mean_of(image.pixels));
    inspection.mean_prepared.push_back(mean_of(prepared));
  }
  if (reader.frames() == 0) {
    throw io::VideoError("found no frame that decodes (" + std::to_string(reader.bad_packets()) +
                         " bad packets); expected at least one; copy the file again, or leave it out");
  }
  inspection.frames = reader.frames();
  inspection.bad_packets = reader.bad_packets();
  inspection.damaged_frames = reader.damaged_frames();
  inspection.steps_back = reader.steps_back();
  return inspection;
}

std::string to_json(const VideoInspection& inspection, const std::optional<InspectedWindows>& windows) {
  const io::VideoProperties& properties = inspection.properties;
  Json json{{"frames", inspection.frames},
            {"header_frames", properties.header_frames ? Json(*properties.header_frames) : Json()},
            {"bad_packets", inspection.bad_packets},
            {"damaged_frames", inspection.damaged_frames},
            {"steps_back", inspection.steps_back},
            {"stream", properties.stream},
            {"codec", properties.codec},
            {"width", properties.width},
            {"height", properties.height},
            {"rotation", properties.rotation},
            {"interlaced", properties.interlaced},
            {"rate", properties.rate},
            {"times", inspection.times},
            {"mean_rgb", inspection.mean_prepared},
            {"mean_rgb_native", inspection.mean_native}};
  if (windows) json["windows"] = to_json(*windows);
  std::string text = "{";
  for (const auto& [key, value] : json.items()) {
    text += (text.size() > 1 ? ",\n " : "\n ") + Json(key).dump() + ": " + value.dump();
  }
  return text + "\n}\n";
}

}  // namespace alignment::encoding
