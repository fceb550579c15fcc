#include "src/encoding/frames/inspection.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

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

/// Decodes the video; `look` is called with every frame.
template <typename Look>
VideoInspection decode(const std::filesystem::path& video, const FrameWatch& watch, const Look& look) {
  io::VideoReader reader(video);
  VideoInspection inspection;
  inspection.properties = reader.properties();
  while (reader.next()) {
    inspection.times.push_back(reader.time());
    look(reader, inspection);
    if (watch) watch(reader.frames(), inspection.properties.header_frames);
  }
  if (reader.frames() == 0) {
    throw io::VideoError("found no frame that decodes (" + std::to_string(reader.bad_packets()) +
                         " bad packets); expected at least one; copy the file again, or leave it out");
  }
  inspection.frames = reader.frames();
  inspection.bad_packets = reader.bad_packets();
  inspection.damaged_frames = reader.damaged_frames();
  inspection.steps_back = reader.steps_back();
  inspection.interlaced_frames = reader.interlaced_frames();
  return inspection;
}

/// `1 frame`, `2 frames`.
std::string counted(std::int64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// What of the video is missing; empty where nothing is.
std::string missing(const VideoInspection& inspection) {
  std::string text;
  const auto add = [&](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
  if (inspection.bad_packets > 0) add(counted(inspection.bad_packets, "bad packet"));
  if (inspection.damaged_frames > 0) add(counted(inspection.damaged_frames, "damaged frame"));
  // A header that counts one too many is common: a last frame that only repeats.
  const std::int64_t promised = inspection.properties.header_frames.value_or(0);
  if (promised > inspection.frames + 1) add(fmt::format("{} by its header", counted(promised, "frame")));
  return text;
}

}  // namespace

VideoInspection inspect_video(const std::filesystem::path& video, int size, Resize resize, const FrameWatch& watch) {
  const FramePreparation preparation(size, resize);
  io::RgbImage image;
  const auto side = static_cast<std::size_t>(size);
  std::vector<std::uint8_t> prepared(3 * side * side);
  return decode(video, watch, [&](const io::VideoReader& reader, VideoInspection& inspection) {
    reader.convert(image);
    preparation.prepare(image, inspection.properties.rotation, prepared);
    inspection.mean_native.push_back(mean_of(image.pixels));
    inspection.mean_prepared.push_back(mean_of(prepared));
  });
}

VideoInspection inspect_video(const std::filesystem::path& video, const FrameWatch& watch) {
  return decode(video, watch, [](const io::VideoReader&, VideoInspection&) {});
}

std::string to_text(const VideoInspection& inspection, const std::optional<InspectedWindows>& windows) {
  const io::VideoProperties& properties = inspection.properties;
  const bool knows_rate = properties.rate > 0;
  std::string text =
      fmt::format("{}, {} x {} pixels{}{}, {}\n", properties.codec, properties.width, properties.height,
                  properties.rotation == 0 ? "" : fmt::format(", to be turned by {} degrees", properties.rotation),
                  inspection.is_interlaced() ? ", interlaced" : "",
                  knows_rate ? fmt::format("{:.6g} frames/s by its header", properties.rate) : "no rate in its header");
  const double seconds =
      inspection.times.empty() ? 0 : inspection.times.back() + (knows_rate ? 1 / properties.rate : 0);
  text += fmt::format("{} in {:.3f} s", counted(inspection.frames, "frame"), seconds);
  if (inspection.steps_back > 0) text += fmt::format(", {} not later than the one before", inspection.steps_back);
  const std::string lost = missing(inspection);
  text += lost.empty() ? "\ndecodes as a whole\n" : fmt::format("\ndecodes in part: {}\n", lost);
  if (windows) {
    text += fmt::format("{}, of windows of {}\n", counted(windows->plan.rows(), "row"),
                        counted(windows->plan.frames, "frame"));
  }
  return text;
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
            {"interlaced", inspection.is_interlaced()},
            {"interlaced_frames", inspection.interlaced_frames},
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
