#include <fmt/format.h>

#include <map>
#include <optional>
#include <vector>

#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/result_file.hpp"
#include "io/video/png_file.hpp"
#include "src/config/error.hpp"
#include "src/encoding/encoders/encoder.hpp"
#include "src/encoding/frames/film_strip.hpp"
#include "src/encoding/frames/inspection.hpp"
#include "src/job/program/whole_number.hpp"
#include "src/programs/dejavid_encode/late_progress.hpp"
#include "src/programs/dejavid_encode/options.hpp"

namespace alignment {

namespace {

constexpr int kPictureFrames = 8, kSize = 224;

/// How frames are shown.
struct Square {
  int size = kSize;
  encoding::Resize resize = encoding::Resize::kAntialias;
  std::optional<int> window_frames = {};  ///< what the encoder takes
};

Square choose_square(const InspectOptions& options) {
  if (options.encoder.empty()) {
    return {options.size.value_or(kSize), options.resize.value_or(encoding::Resize::kAntialias)};
  }
  if (options.size || options.resize) {
    throw ConfigError(
        fmt::format("{}: found beside --encoder, which has its own; expected one or the other; leave one out",
                    options.size ? "--size" : "--resize"));
  }
  const encoding::EncoderDescription encoder = encoding::describe_encoder(options.encoder);
  Square square{encoder.size, encoder.resize};
  if (encoder.kind == encoding::EncoderKind::kClip) square.window_frames = encoder.frames;
  return square;
}

/// Refuses outputs that would meet, or whose names say something else. Throws ConfigError.
void require_outputs(const InspectOptions& options) {
  const auto& json = options.json_file;
  const auto& picture = options.picture;
  if (picture.empty() && options.picture_frames) {
    throw ConfigError("--picture-frames: found without --picture; expected --picture FILE.png beside; leave it out");
  }
  if (picture.empty()) return;
  if (picture != "-" && picture.extension() != ".png") {
    throw ConfigError(fmt::format("--picture: found {}; expected a name that ends in .png, or -; choose such a name",
                                  picture.string()));
  }
  if (json == "-" && picture == "-") {
    throw ConfigError("--json, --picture: found standard output for both; expected it for one; name a file");
  }
  if (json.lexically_normal() == picture.lexically_normal()) {
    throw ConfigError(fmt::format("--json, --picture: found {} for both; expected other names for each; change one",
                                  picture.string()));
  }
}

}  // namespace

CLI::App* add_inspect(CLI::App& program, InspectOptions& options) {
  CLI::App* command = program.add_subcommand("inspect", "say what a video decodes to, without an encoder");
  command->add_option("video", options.video, "video to look at")->required()->type_name("VIDEO");
  command->add_option("--json", options.json_file, "file to write; - is standard output")->type_name("FILE");
  command
      ->add_option("--picture", options.picture,
                   "PNG file to write, of frames side by side as the encoder gets them, with numbers "
                   "and times")
      ->type_name("FILE");
  command->add_option("--picture-frames", options.picture_frames, fmt::format("how many; default {}", kPictureFrames))
      ->transform(whole_number(1, 100))
      ->type_name("N");
  add_window_options(*command, options.windows);
  static const std::map<std::string, encoding::Resize> choices = {{"antialias", encoding::Resize::kAntialias},
                                                                  {"bilinear", encoding::Resize::kBilinear}};
  command
      ->add_option("--encoder", options.encoder,
                   "whose size and resize are used: motion, efficientnet-lite0, or the file of an exported encoder")
      ->type_name("NAME|FILE");
  constexpr int kMostSize = 4096;
  command->add_option("--size", options.size, fmt::format("pixels of a side without --encoder; default {}", kSize))
      ->transform(whole_number(1, kMostSize))
      ->type_name("N");
  command
      ->add_option_function<std::string>(
          "--resize", [&options](const std::string& word) { options.resize = choices.at(word); },
          "how frames are brought to that size without --encoder; default antialias")
      ->check(CLI::IsMember({"antialias", "bilinear"}).description(""))
      ->type_name("antialias|bilinear");
  return command;
}

void inspect(const InspectOptions& options) {
  require_outputs(options);
  const Square square = choose_square(options);
  std::optional<io::ResultFile> picture, json;
  if (!options.picture.empty()) picture.emplace(options.picture, std::vector{options.video});
  if (!options.json_file.empty()) json.emplace(options.json_file, std::vector{options.video});
  try {
    LateProgress decoding("decoding");
    const auto watch = [&](std::int64_t decoded, std::optional<std::int64_t> all) { decoding(decoded, all); };
    const encoding::VideoInspection inspection =
        json ? encoding::inspect_video(options.video, square.size, square.resize, watch)
             : encoding::inspect_video(options.video, watch);
    std::optional<encoding::InspectedWindows> windows;
    if (!options.windows.rule.empty()) {
      encoding::WindowRule rule = options.windows.parsed;
      if (!options.windows.frames) rule.frames = square.window_frames.value_or(rule.frames);
      windows = {rule, encoding::plan_windows(rule, inspection.frames)};
    }
    if (picture) {
      LateProgress drawing("drawing");
      picture->write(io::png_file(encoding::film_strip(
          options.video, inspection, options.picture_frames.value_or(kPictureFrames), square.size, square.resize,
          [&](std::int64_t decoded, std::optional<std::int64_t> all) { drawing(decoded, all); })));
    }
    if (json) json->write(encoding::to_json(inspection, windows));
    if ((picture && picture->is_standard_output()) || (json && json->is_standard_output())) return;
    io::write_standard_output(
        fmt::format("{}: {}", io::printable(options.video.string()), encoding::to_text(inspection, windows)));
  } catch (const io::VideoError& error) {
    throw io::StoreError(fmt::format("{}: {}", options.video.string(), error.what()));
  }
}

}  // namespace alignment
