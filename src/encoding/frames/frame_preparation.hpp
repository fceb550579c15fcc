#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "io/video/rgb_image.hpp"

namespace alignment::encoding {

/// How a frame is brought to an encoder's size (the values of --resize and of an encoder's JSON).
enum class Resize : std::uint8_t {
  kAntialias,  ///< as torchvision's resize(antialias=True) of 8-bit images: equal to it
  kBilinear,   ///< as OpenCV's INTER_LINEAR, which VideoMAE V2 uses: equal to it
};

/// Frames in an encoder's size: shorter side to `size`, the other to int(size * long / short), turned upright, the
/// square of size * size cut out at round((side - size) / 2), halves to even. Not for two threads at once.
class FramePreparation {
 public:
  FramePreparation(int size, Resize resize);
  ~FramePreparation();
  FramePreparation(const FramePreparation&) = delete;
  FramePreparation& operator=(const FramePreparation&) = delete;

  /// prepared: [size, size, 3], rows from the top. `rotation` as in VideoProperties. kAntialias computes with as many
  /// threads as ATen is set to. Throws io::VideoError for an image whose longer side is more than 100 times the
  /// shorter.
  void prepare(const io::RgbImage& image, int rotation, std::span<std::uint8_t> prepared) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace alignment::encoding
