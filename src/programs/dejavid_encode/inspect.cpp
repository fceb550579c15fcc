#include <fmt/format.h>

#include <map>
#include <vector>

#include "io/errors.hpp"
#include "io/result_file.hpp"
#include "src/encoding/frames/inspection.hpp"
#include "src/programs/dejavid_encode/options.hpp"

namespace alignment {

CLI::App* add_inspect(CLI::App& program, InspectOptions& options) {
  CLI::App* command = program.add_subcommand("inspect", "say what a video decodes to, without an encoder");
  command->add_option("video", options.video, "video to look at")->required()->type_name("VIDEO");
  command->add_option("--json", options.json_file, "file to write; - is standard output")
      ->required()
      ->type_name("FILE");
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
  constexpr int kSize = 224;
  const io::ResultFile result(options.json_file, {options.video});
  try {
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
