#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace alignment::encoding {

/// How a video of n frames is cut into windows of m frames, all in exact integers.
struct WindowRule {
  enum class Kind : std::uint8_t {
    kFraction,  ///< windows of n/width_divisor every n/stride_divisor: Kinetics, HMDB51
    kMulti,     ///< around every frame one window of each width: Something-Something
  };
  Kind kind = Kind::kFraction;
  int frames = 16;                                     ///< m
  int width_divisor = 5;                               ///< a, of kFraction
  int stride_divisor = 40;                             ///< b, of kFraction
  std::vector<std::int64_t> widths = {16, 32, 64, 0};  ///< of kMulti; 0: the whole video
  bool clamp = false;  ///< of kMulti: windows leave the video at its ends, where the first and last frame are repeated
};

/// Which frames a video's windows are made of.
struct WindowPlan {
  int frames = 0;                             ///< m, of a window
  int windows_of_a_row = 1;                   ///< widths of kMulti
  std::vector<std::int64_t> frame_of_window;  ///< [windows, m] frame indices; no two windows are equal
  std::vector<std::int64_t> window_of_row;    ///< [T, windows_of_a_row] indices of windows
  std::vector<std::int64_t>
      middle_frame;  ///< [T] whose time is the row's: frame m/2 of its window (fraction), t (multi)

  [[nodiscard]] std::int64_t rows() const { return static_cast<std::int64_t>(middle_frame.size()); }
  [[nodiscard]] std::int64_t windows() const {
    return frames == 0 ? 0 : static_cast<std::int64_t>(frame_of_window.size()) / frames;
  }
};

/// frame_count >= 1.
[[nodiscard]] WindowPlan plan_windows(const WindowRule& rule, std::int64_t frame_count);

/// All of the rule in one line, such as `fraction a=5 b=40 m=16`: what a store's `encoder` attribute and a digest hold.
[[nodiscard]] std::string to_text(const WindowRule& rule);

}  // namespace alignment::encoding
