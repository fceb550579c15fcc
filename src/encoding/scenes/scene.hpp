#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "io/bytes/random_bits.hpp"
#include "io/video/rgb_image.hpp"

namespace alignment::encoding {

/// What happens in a scene, once each. Every event ends as it began, so that a scene's mean over time does not tell in
/// which order they came.
enum class SceneEvent : std::uint8_t {
  kOpen,   ///< a box's two lids slide apart and back
  kCross,  ///< a ball comes in from the left and leaves to the right
  kGlow,   ///< a lamp lights up and goes out
};

inline constexpr std::size_t kSceneEvents = 3;
using SceneOrder = std::array<SceneEvent, kSceneEvents>;

/// All orders of the three events, which are the classes of make_scenes(): six.
[[nodiscard]] std::vector<SceneOrder> scene_orders();

/// Such as `open`.
[[nodiscard]] std::string to_text(SceneEvent event);
/// Such as `open_cross_glow`.
[[nodiscard]] std::string to_text(const SceneOrder& order);

/// A small drawn video of three events in a given order. Colours, places, speeds and pauses are its own; they and every
/// pixel depend on the order and `seed` only.
class Scene {
 public:
  static constexpr int kSize = 96;         ///< pixels of a side
  static constexpr double kRate = 12;      ///< frames a second
  static constexpr int kMostFrames = 120;  ///< 36 at least

  Scene(const SceneOrder& order, std::uint64_t seed);

  [[nodiscard]] int frames() const { return frames_; }
  /// The frames that an event lasts.
  [[nodiscard]] int first(SceneEvent event) const { return first_[static_cast<std::size_t>(event)]; }
  [[nodiscard]] int last(SceneEvent event) const { return first(event) + length_[static_cast<std::size_t>(event)] - 1; }
  /// Draws frame `frame`, 0 .. frames() - 1.
  void draw(int frame, io::RgbImage& image) const;

 private:
  using Colour = std::array<double, 3>;  ///< 0 .. 255

  /// How far an event is: 0 before it, 1 after it.
  [[nodiscard]] double progress(SceneEvent event, int frame) const;

  int frames_ = 0;
  std::array<int, kSceneEvents> first_ = {}, length_ = {};  ///< of each event: frames
  std::uint64_t noise_ = 0;
  Colour sky_ = {}, ground_ = {}, box_ = {}, inside_ = {}, ball_ = {}, lamp_ = {};
  double horizon_ = 0, box_x_ = 0, box_y_ = 0, box_width_ = 0, ball_y_ = 0, ball_radius_ = 0, lamp_x_ = 0, lamp_y_ = 0;
};

}  // namespace alignment::encoding
