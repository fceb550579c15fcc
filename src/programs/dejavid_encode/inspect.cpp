#include <fmt/format.h>

#include <map>
#include <vector>

#include "io/errors.hpp"
#include "io/result_file.hpp"
#include "io/video/png_file.hpp"
#include "src/config/error.hpp"
#include "src/encoding/frames/film_strip.hpp"
#include "src/encoding/frames/inspection.hpp"
#include "src/programs/dejavid_encode/options.hpp"

namespace alignment {

namespace {

constexpr int kPictureFrames = 8;

/// Refuses outputs that would meet, or whose names say something else. Throws ConfigError.
void require_outputs(const InspectOptions& options) {
  const auto& json = options.json_file;
  const auto& picture = options.picture;
  if (json.empty() && picture.empty()) {
    throw ConfigError("inspect: found neither --json nor --picture; expected one or both; give --json -");
  }
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
  command->add_option("--picture", options.picture, "PNG file to write, of frames side by side as an encoder gets them")
      ->type_name("FILE");
  command->add_option("--picture-frames", options.picture_frames, fmt::format("how many; default {}", kPictureFrames))
      ->check(CLI::Range(1, 100).description(""))
      ->type_name("N");
  add_window_options(*command, options.windows);
  static const std::map<std::string, encoding::Resize> choices = {{"antialias", encoding::Resize::kAntialias},
                                                                  {"bilinear", encoding::Resize::kBilinear}};
  command
      ->add_option_function<std::string>(
          "--resize", [&options](const std::string& word) { options.resize = choices.at(word); },
          "how frames are brought to 224 pixels; default antialias")
      ->check(CLI::IsMember({"antialias", "bilinear"}).description(""))
      ->type_name("antialias|bilinear");
  return command;
}

void inspect(const InspectOptions& options) {
  constexpr int kSize = 224, kPictureSize = 96;
  require_outputs(options);
  try {
    if (!options.picture.empty()) {
      const io::ResultFile picture(options.picture, {options.video});
      picture.write(io::png_file(encoding::film_strip(options.video, options.picture_frames.value_or(kPictureFrames),
                                                      kPictureSize, options.resize)));
    }
    if (options.json_file.empty()) return;
    const io::ResultFile result(options.json_file, {options.video});
    const encoding::VideoInspection inspection = encoding::inspect_video(options.video, kSize, options.resize);
    std::optional<encoding::InspectedWindows> windows;
    if (!options.windows.rule.empty()) {
      windows = {options.windows.parsed, encoding::plan_windows(options.windows.parsed, inspection.frames)};
    }
    result.write(encoding::to_json(inspection, windows));
  } catch (const io::VideoError& error) {
    throw io::StoreError(fmt::format("{}: {}", options.video.string(), error.what()));
  }
}

}  // namespace alignment
