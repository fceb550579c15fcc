#pragma once

#include <CLI/CLI.hpp>
#include <array>
#include <filesystem>
#include <optional>
#include <string>

#include "src/encoding/job/encode.hpp"
#include "src/encoding/scenes/make_scenes.hpp"

namespace alignment {

/// Window rules as the command line gives them.
struct WindowOptions {
  std::string rule;
  std::optional<std::string> widths;
  std::optional<int> width_divisor, stride_divisor;
  encoding::WindowRule parsed;
  std::optional<int> frames;

  /// Completes `parsed` from the rest. Throws ConfigError, also for what has no effect beside the others.
  void interpret();
};

/// Adds --windows and what goes with it. `options` must outlive the parsing.
void add_window_options(CLI::App& command, WindowOptions& options);

/// Adds all that the program takes without a subcommand.
void add_encode_options(CLI::App& program, encoding::EncodeOptions& options);

/// Refuses what is missing. Throws ConfigError.
void require_encode_options(const encoding::EncodeOptions& options, const WindowOptions& windows);

/// `inspect VIDEO`: what there is to say of one video.
struct InspectOptions {
  std::filesystem::path video, json_file, picture;  ///< the last two: empty where not asked for
  std::optional<int> picture_frames;
  WindowOptions windows;
  std::string encoder;  ///< whose frames are shown; empty: as size and resize say
  std::optional<int> size;
  std::optional<encoding::Resize> resize;
};
[[nodiscard]] CLI::App* add_inspect(CLI::App& program, InspectOptions& options);
/// Throws ConfigError, encoding::EncoderError, and io::StoreError for a video that cannot be read.
void inspect(const InspectOptions& options);

/// `beside ALIGN.csv QUERY OTHER`: frames that belong together.
struct BesideOptions {
  std::filesystem::path alignment, out;
  std::array<std::filesystem::path, 2> videos;
  std::optional<int> places;
  std::optional<std::string> key_frames;
};
[[nodiscard]] CLI::App* add_beside(CLI::App& program, BesideOptions& options);
/// Throws ConfigError, io::WriteError, and io::StoreError for a file that cannot be read or does not fit the others.
void beside(const BesideOptions& options);

/// `scenes`: clips to try the program on.
struct SceneOptions {
  std::filesystem::path folder, phases;  ///< the last: empty where not asked for
  encoding::SceneCounts counts;
};
[[nodiscard]] CLI::App* add_scenes(CLI::App& program, SceneOptions& options);
/// Throws io::WriteError.
void scenes(const SceneOptions& options);

}  // namespace alignment
