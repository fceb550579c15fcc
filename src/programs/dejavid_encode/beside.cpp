#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "io/bytes/text.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/result_file.hpp"
#include "io/video/png_file.hpp"
#include "src/config/error.hpp"
#include "src/drawing/frame_pairs.hpp"
#include "src/encoding/frames/chosen_frames.hpp"
#include "src/encoding/frames/inspection.hpp"
#include "src/encoding/samples/aligned_frames.hpp"
#include "src/job/program/whole_number.hpp"
#include "src/programs/dejavid_encode/late_progress.hpp"
#include "src/programs/dejavid_encode/options.hpp"

namespace alignment {
namespace {

using encoding::AlignedFrames;

constexpr int kPlaces = 10, kPixels = 128;

/// Ascending, each once. Throws ConfigError.
std::vector<std::int64_t> parse_frames(const std::string& text) {
  std::vector<std::int64_t> frames;
  for (const std::string_view word : io::split_text(text, ',')) {
    long long frame = 0;
    if (!io::parse_integer(word, frame)) {
      throw ConfigError(fmt::format(
          "--key-frames: found '{}'; expected frames of the query with commas between them, as 12,40", word));
    }
    frames.push_back(frame);
  }
  std::sort(frames.begin(), frames.end());
  frames.erase(std::unique(frames.begin(), frames.end()), frames.end());
  return frames;
}

std::vector<AlignedFrames> choose_places(const std::vector<AlignedFrames>& path, const BesideOptions& options,
                                         const std::vector<std::int64_t>& key_frames) {
  if (key_frames.empty()) return encoding::places_of(path, options.places.value_or(kPlaces));
  try {
    return encoding::rows_of(path, key_frames);
  } catch (const std::out_of_range& error) {
    throw ConfigError(fmt::format("--key-frames: {}; name others", error.what()));
  }
}

/// The frames of one of the two videos, in which the path ends at `last_second`.
std::vector<drawing::Still> stills_of(const std::filesystem::path& video, const std::vector<AlignedFrames>& places,
                                      std::size_t which, double last_second) {
  std::vector<double> seconds;
  for (const AlignedFrames& place : places) seconds.push_back(place.seconds[which]);
  try {
    LateProgress decoding("decoding"), drawing("drawing");
    const encoding::VideoInspection inspection = encoding::inspect_video(
        video, [&](std::int64_t decoded, std::optional<std::int64_t> all) { decoding(decoded, all); });
    encoding::require_end(inspection, last_second);
    const std::vector<std::int64_t> frames = encoding::frames_at(inspection, seconds);
    std::vector<drawing::Still> stills(places.size());
    encoding::take_frames(
        video, inspection, frames, kPixels, encoding::Resize::kAntialias,
        [&](std::size_t place, const io::RgbImage& prepared) {
          const std::string time = fmt::format("{:.2f} s", inspection.times[static_cast<std::size_t>(frames[place])]);
          stills[place] = {
              io::png_file(prepared), fmt::format("{}, {}", frames[place], time),
              fmt::format("frame {} at {}, row {} of the store", frames[place], time, places[place].rows[which])};
        },
        [&](std::int64_t decoded, std::optional<std::int64_t> all) { drawing(decoded, all); });
    return stills;
  } catch (const io::VideoError& error) {
    throw io::StoreError(fmt::format("{}: {}", video.string(), error.what()));
  }
}

}  // namespace

CLI::App* add_beside(CLI::App& program, BesideOptions& options) {
  CLI::App* command = program.add_subcommand(
      "beside", "draw frames of two videos beside each other that lrprop_dist align has found to belong together");
  command->add_option("alignment", options.alignment, "align-ID.csv of lrprop_dist align")
      ->required()
      ->type_name("ALIGN.csv");
  command->add_option("query", options.videos[0], "video of the query")->required()->type_name("QUERY");
  command->add_option("other", options.videos[1], "video that it was laid beside")->required()->type_name("OTHER");
  command->add_option("--out", options.out, "SVG file to write; - is standard output")
      ->required()
      ->type_name("FILE.svg");
  command
      ->add_option("--places", options.places,
                   fmt::format("at how many places of the path, at equal distances; default {}", kPlaces))
      ->transform(whole_number(1, 100))
      ->type_name("N");
  command->add_option("--key-frames", options.key_frames, "at these frames of the query instead")->type_name("N,N,...");
  return command;
}

void beside(const BesideOptions& options) {
  if (options.out != "-" && options.out.extension() != ".svg") {
    throw ConfigError(fmt::format("--out: found {}; expected a name that ends in .svg, or -; choose such a name",
                                  options.out.string()));
  }
  if (options.places && options.key_frames) {
    throw ConfigError("--places: found beside --key-frames; expected one or the other; leave one out");
  }
  std::vector<std::int64_t> key_frames;
  if (options.key_frames) key_frames = parse_frames(*options.key_frames);
  const io::ResultFile out(options.out, {options.alignment, options.videos[0], options.videos[1]});
  const std::vector<AlignedFrames> path = encoding::read_path(options.alignment);
  const std::vector<AlignedFrames> places = choose_places(path, options, key_frames);
  drawing::FramePairs picture;
  std::array<std::string, 2> files;
  std::array<std::vector<drawing::Still>, 2> stills;
  for (std::size_t video = 0; video < 2; ++video) {
    files[video] = io::printable(options.videos[video].filename().string());
    picture.names[video] = fmt::format("{}: {}", video == 0 ? "query" : "other", files[video]);
    stills[video] = stills_of(options.videos[video], places, video, path.back().seconds[video]);
  }
  picture.title = fmt::format("{} beside {}", files[0], files[1]);
  picture.caption = fmt::format(
      "{}; above each other what the path holds to be the same moment. Numbers are frames and seconds of each video.",
      key_frames.empty() ? fmt::format("{} places of the path at equal distances", places.size())
                         : "Key frames of the query and where the path finds them");
  for (std::size_t n = 0; n < places.size(); ++n) {
    picture.pairs.push_back({std::move(stills[0][n]), std::move(stills[1][n])});
  }
  out.write(drawing::to_svg(picture));
  if (!out.is_standard_output()) {
    io::write_standard_output(fmt::format("{}: {} pairs of frames\n", out.text(), places.size()));
  }
}

}  // namespace alignment
