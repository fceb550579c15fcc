#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/video/rgb_image.hpp"

namespace alignment::testing {

/// A clip to be made: all that a video file can have and a reader must see. Names are FFmpeg's.
struct Clip {
  std::string container = "";  ///< empty: by the file's ending
  std::string codec = "mpeg4";
  std::string pixels = "yuv420p";
  std::string matrix = "";  ///< of the colours, such as bt709; empty: not said
  bool full_range = false;
  int width = 96, height = 64;
  int frames = 10;
  int rate = 25, rate_divisor = 1;  ///< frames a second: rate / rate_divisor
  double start = 0;                 ///< seconds of the first frame
  std::vector<double> times = {};   ///< [frames] seconds from the first, where the rate varies
  int b_frames = 0;
  int rotation = 0;  ///< degrees clockwise to be turned by
  bool mirrored = false;
  bool interlaced = false;
  int larger_from = -1;         ///< frames from this one on are twice as wide and high; for mjpeg
  bool smaller_stream = false;  ///< a stream of half the size before it
  bool audio = false;           ///< a second of silence beside it
  bool video = true;
  bool cover = false;              ///< the video's only frame is the picture on the cover
  std::string muxer_options = "";  ///< such as movflags=+faststart
};

/// The colour [red, green, blue] of the scene of every clip at pixel (x, y) of a frame: gradients along both sides,
/// blue that changes with time, and a square that moves to the right.
[[nodiscard]] std::array<std::uint8_t, 3> scene(int frame, int x, int y, int width, int height);

/// Frame `frame` of the scene.
[[nodiscard]] io::RgbImage scene_image(int frame, int width, int height);

[[nodiscard]] bool has_encoder(const std::string& codec);

/// Throws std::runtime_error.
void write_clip(const std::filesystem::path& file, const Clip& clip);

}  // namespace alignment::testing
