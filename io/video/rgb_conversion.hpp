#pragma once

#include <cstdint>
#include <vector>

#include "io/video/ffmpeg.hpp"
#include "io/video/rgb_image.hpp"

namespace alignment::io {

/// Frames as FFmpeg decodes them to RGB of 8 bits, each by its own size, format, matrix and range.
class RgbConversion {
 public:
  /// Throws VideoError for colours that FFmpeg cannot convert.
  void convert(const AVFrame& frame, RgbImage& image);

 private:
  void prepare(const AVFrame& frame);

  ScalerPointer scaler_;
  int width_ = 0, height_ = 0, format_ = -1, matrix_ = -1, range_ = -1;  ///< what scaler_ is made for
  std::vector<std::uint8_t> rows_;
};

}  // namespace alignment::io
