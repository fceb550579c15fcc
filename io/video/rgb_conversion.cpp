#include "io/video/rgb_conversion.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>

#include "io/video/video_error.hpp"

namespace alignment::io {
namespace {

/// Those whose coefficients swscale has; for others it silently takes BT.601's.
bool has_coefficients(const AVFrame& frame) {
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  if (format != nullptr && (format->flags & AV_PIX_FMT_FLAG_RGB) != 0) return true;
  return frame.colorspace != AVCOL_SPC_YCGCO && frame.colorspace <= AVCOL_SPC_BT2020_CL;
}

/// Of brightness alone, with or without alpha.
bool is_grey(const AVFrame& frame) {
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  constexpr std::uint64_t kColours = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BAYER;
  return format != nullptr && format->nb_components <= 2 && (format->flags & kColours) == 0;
}

bool is_full_range(const AVFrame& frame) {
  if (is_grey(frame)) return true;  // whatever the file says: swscale takes 8 bits so, others only where it is told
  switch (frame.format) {
    case AV_PIX_FMT_YUVJ411P:
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUVJ422P:
    case AV_PIX_FMT_YUVJ440P:
    case AV_PIX_FMT_YUVJ444P:
      return true;
    default:
      return frame.color_range == AVCOL_RANGE_JPEG;
  }
}

}  // namespace

void RgbConversion::prepare(const AVFrame& frame) {
  const int range = is_full_range(frame) ? 1 : 0;
  if (scaler_ && frame.width == width_ && frame.height == height_ && frame.format == format_ &&
      static_cast<int>(frame.colorspace) == matrix_ && range == range_) {
    return;
  }
  const auto format = static_cast<AVPixelFormat>(frame.format);
  const char* name = av_get_pix_fmt_name(format);
  if (!has_coefficients(frame)) {
    const char* matrix = av_color_space_name(frame.colorspace);
    throw VideoError(
        fmt::format("found colours of the matrix {}; expected BT.601, BT.709, BT.2020, FCC or SMPTE 240M; "
                    "encode the video again in one of them",
                    matrix == nullptr ? "without a name" : matrix));
  }
  // Without a flag for accuracy: these are the pixels that PyAV and torchcodec give, with it they are others.
  scaler_.reset(sws_getContext(frame.width, frame.height, format, frame.width, frame.height, AV_PIX_FMT_RGB24,
                               SWS_BILINEAR, nullptr, nullptr, nullptr));
  if (!scaler_) {
    throw VideoError(
        fmt::format("found frames of {} x {} in {}; expected a format that FFmpeg converts to RGB; "
                    "encode the video again",
                    frame.width, frame.height, name == nullptr ? "an unknown format" : name));
  }
  int* inverse = nullptr;
  int* table = nullptr;
  int source_range = 0, range_of_rgb = 0, brightness = 0, contrast = 0, saturation = 0;
  // Both fail where the frame is RGB already and has no matrix to set.
  if (sws_getColorspaceDetails(scaler_.get(), &inverse, &source_range, &table, &range_of_rgb, &brightness, &contrast,
                               &saturation) >= 0) {
    sws_setColorspaceDetails(scaler_.get(), sws_getCoefficients(frame.colorspace), range,
                             sws_getCoefficients(SWS_CS_DEFAULT), range_of_rgb, brightness, contrast, saturation);
  }
  width_ = frame.width;
  height_ = frame.height;
  format_ = frame.format;
  matrix_ = frame.colorspace;
  range_ = range;
}

void RgbConversion::convert(const AVFrame& frame, RgbImage& image) {
  prepare(frame);
  // In rows as tight as the image's, swscale leaves the last columns unwritten where the width is no multiple of 8.
  constexpr std::size_t kAlignment = 64;
  const std::size_t row = 3 * static_cast<std::size_t>(frame.width);
  const std::size_t stride = (row + kAlignment - 1) / kAlignment * kAlignment + kAlignment;
  const auto height = static_cast<std::size_t>(frame.height);
  rows_.resize(stride * height + kAlignment);
  const auto misplaced = reinterpret_cast<std::uintptr_t>(rows_.data()) % kAlignment;
  std::uint8_t* const first = rows_.data() + (kAlignment - misplaced) % kAlignment;

  std::uint8_t* planes[4] = {first, nullptr, nullptr, nullptr};
  const int strides[4] = {static_cast<int>(stride), 0, 0, 0};
  const int written = sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height,
                                static_cast<std::uint8_t**>(planes), strides);
  if (written != frame.height) {
    throw VideoError(
        fmt::format("found a frame of which {} of {} rows convert to RGB; expected all; "
                    "encode the video again",
                    written, frame.height));
  }
  image.width = frame.width;
  image.height = frame.height;
  image.pixels.resize(row * height);
  for (std::size_t y = 0; y < height; ++y) std::memcpy(image.pixels.data() + y * row, first + y * stride, row);
}

}  // namespace alignment::io
