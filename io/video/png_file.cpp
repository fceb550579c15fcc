#include "io/video/png_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "io/video/ffmpeg.hpp"
#include "io/video/ffmpeg_log.hpp"
#include "io/video/video_error.hpp"

namespace alignment::io {
namespace {

void require(int result, const FfmpegLog& log) {
  if (result >= 0) return;
  throw VideoError(
      fmt::format("found {} on the way to a PNG file; expected a picture; ask for another size", log.reason(result)));
}

}  // namespace

std::string png_file(const RgbImage& image) {
  const FfmpegLog log;
  const AVCodec* codec = avcodec_find_encoder(AV_CODEC_ID_PNG);
  if (codec == nullptr) {
    throw VideoError("found an FFmpeg without the encoder png; expected one with it; install another");
  }
  const CodecPointer encoder(allocated(avcodec_alloc_context3(codec)));
  encoder->width = image.width;
  encoder->height = image.height;
  encoder->pix_fmt = AV_PIX_FMT_RGB24;
  encoder->time_base = {1, 1};
  encoder->thread_count = 1;
  encoder->flags |= AV_CODEC_FLAG_BITEXACT;
  require(avcodec_open2(encoder.get(), codec, nullptr), log);
  const FramePointer frame(allocated(av_frame_alloc()));
  frame->width = image.width;
  frame->height = image.height;
  frame->format = encoder->pix_fmt;
  require(av_frame_get_buffer(frame.get(), 0), log);
  const auto row_bytes = static_cast<std::ptrdiff_t>(3) * image.width;
  for (int y = 0; y < image.height; ++y) {
    std::copy_n(image.pixels.data() + y * row_bytes, row_bytes,
                frame->data[0] + static_cast<std::ptrdiff_t>(y) * frame->linesize[0]);
  }
  const PacketPointer packet(allocated(av_packet_alloc()));
  require(avcodec_send_frame(encoder.get(), frame.get()), log);
  require(avcodec_receive_packet(encoder.get(), packet.get()), log);
  return {reinterpret_cast<const char*>(packet->data), static_cast<std::size_t>(packet->size)};
}

}  // namespace alignment::io
