#include "src/encoding/encoders/frame_numbers.hpp"

#include <utility>

namespace alignment::encoding {

bool is_layout(const std::string& layout, bool of_clips) {
  return of_clips ? layout == "NCTHW" || layout == "NTCHW" || layout == "NTHWC" : layout == "NCHW" || layout == "NHWC";
}

FrameNumbers::FrameNumbers(std::string layout, bool to_one, const std::array<double, 3>& mean,
                           const std::array<double, 3>& std)
    : layout_(std::move(layout)) {
  for (std::size_t c = 0; c < mean.size(); ++c) {
    const auto centre = static_cast<float>(mean[c]), spread = static_cast<float>(std[c]);
    for (std::size_t level = 0; level < number_of_level_[c].size(); ++level) {
      const float value = to_one ? static_cast<float>(level) / 255.0F : static_cast<float>(level);
      number_of_level_[c][level] = (value - centre) / spread;
    }
  }
}

std::vector<std::int64_t> FrameNumbers::shape(std::int64_t batch, std::int64_t frames_of_input,
                                              std::int64_t size) const {
  std::vector<std::int64_t> extents;
  for (const char axis : layout_) {
    extents.push_back(axis == 'N' ? batch : axis == 'C' ? 3 : axis == 'T' ? frames_of_input : size);
  }
  return extents;
}

void FrameNumbers::fill(std::span<const std::uint8_t> frames, std::int64_t batch, std::int64_t frames_of_input,
                        std::int64_t size, std::span<float> numbers) const {
  const std::vector<std::int64_t> extents = shape(batch, frames_of_input, size);
  std::int64_t of_input = 0, of_channel = 0, of_frame = 0, of_row = 0, of_column = 0;  // numbers from one to the next
  std::int64_t step = 1;
  for (std::size_t axis = layout_.size(); axis > 0; --axis) {
    const char name = layout_[axis - 1];
    (name == 'N'   ? of_input
     : name == 'C' ? of_channel
     : name == 'T' ? of_frame
     : name == 'H' ? of_row
                   : of_column) = step;
    step *= extents[axis - 1];
  }
  const std::uint8_t* pixel = frames.data();
  for (std::int64_t n = 0; n < batch; ++n) {
    for (std::int64_t t = 0; t < frames_of_input; ++t) {
      for (std::int64_t y = 0; y < size; ++y) {
        float* row = numbers.data() + n * of_input + t * of_frame + y * of_row;
        for (std::int64_t x = 0; x < size; ++x, pixel += 3, row += of_column) {
          row[0] = number_of_level_[0][pixel[0]];
          row[of_channel] = number_of_level_[1][pixel[1]];
          row[2 * of_channel] = number_of_level_[2][pixel[2]];
        }
      }
    }
  }
}

}  // namespace alignment::encoding
