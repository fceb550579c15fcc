#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace alignment::encoding {

/// In which order an encoder takes its numbers: `NCTHW`, `NTCHW` or `NTHWC` of clips, `NCHW` or `NHWC` of frames. N
/// inputs, C channels, T frames of an input, H rows, W columns.
[[nodiscard]] bool is_layout(const std::string& layout, bool of_clips);

/// Turns prepared frames into an encoder's numbers: (level / 255 - mean) / std in f32, in that order, as torchvision's
/// ToTensor and Normalize do; or (level - mean) / std where the encoder counts from 0 to 255.
class FrameNumbers {
 public:
  FrameNumbers(std::string layout, bool to_one, const std::array<double, 3>& mean, const std::array<double, 3>& std);

  /// frames: [batch, frames, size, size, 3]; numbers: the same in the layout.
  void fill(std::span<const std::uint8_t> frames, std::int64_t batch, std::int64_t frames_of_input, std::int64_t size,
            std::span<float> numbers) const;
  /// Extents of the numbers, in the order of the layout.
  [[nodiscard]] std::vector<std::int64_t> shape(std::int64_t batch, std::int64_t frames_of_input,
                                                std::int64_t size) const;

 private:
  std::string layout_;
  std::array<std::array<float, 256>, 3> number_of_level_{};  ///< of each channel
};

}  // namespace alignment::encoding
