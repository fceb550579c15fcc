#include "io/video/video_writer.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <utility>

#include "io/durable_file.hpp"
#include "io/errors.hpp"
#include "io/video/ffmpeg.hpp"
#include "io/video/ffmpeg_log.hpp"

namespace alignment::io {
namespace {

constexpr int kTicks = 30'000;  ///< a second; a whole number of them is a frame of 24, 25, 30 and 29.97 a second

struct Format {
  const char* container;
  AVCodecID codec;
  AVPixelFormat pixels;
};

Format format_of(const std::filesystem::path& file) {
  if (file.extension() == ".mp4") return {"mp4", AV_CODEC_ID_MPEG4, AV_PIX_FMT_YUV420P};
  if (file.extension() == ".mkv") return {"matroska", AV_CODEC_ID_FFV1, AV_PIX_FMT_BGR0};
  throw VideoError(
      fmt::format("found the ending {:?}; expected .mp4 or .mkv; choose another name", file.extension().string()));
}

/// A container being written, and its file.
struct Output {
  ~Output() {
    if (format == nullptr) return;
    avio_closep(&format->pb);
    avformat_free_context(format);
  }
  AVFormatContext* format = nullptr;
};

}  // namespace

struct VideoWriter::State {
  explicit State(const std::filesystem::path& asked) : file(asked, DurableFile::Existing::kReplace), name(asked) {}

  void require(int result, const FfmpegLog& log) const {
    if (result >= 0) return;
    throw WriteError(fmt::format("{}: found {}; expected to write a video; check free space and permissions",
                                 name.string(), log.reason(result)));
  }
  void open(const Format& format, double rate, const FfmpegLog& log);
  void encode(const AVFrame* picture, const FfmpegLog& log);

  DurableFile file;
  std::filesystem::path name;
  Output output;
  AVStream* stream = nullptr;
  CodecPointer encoder;
  ScalerPointer scaler;
  PacketPointer packet{allocated(av_packet_alloc())};
  FramePointer frame{allocated(av_frame_alloc())};
  std::int64_t last_tick = -1;
};

void VideoWriter::State::open(const Format& kind, double rate, const FfmpegLog& log) {
  require(avformat_alloc_output_context2(&output.format, nullptr, kind.container, nullptr), log);
  output.format->flags |= AVFMT_FLAG_BITEXACT;
  const AVCodec* codec = avcodec_find_encoder(kind.codec);
  if (codec == nullptr) {
    throw VideoError(fmt::format("found an FFmpeg without the encoder {}; expected one with it; install another",
                                 avcodec_get_name(kind.codec)));
  }
  encoder.reset(allocated(avcodec_alloc_context3(codec)));
  encoder->width = frame->width;
  encoder->height = frame->height;
  encoder->pix_fmt = kind.pixels;
  encoder->time_base = {1, kTicks};
  encoder->framerate = av_d2q(rate, kTicks);
  encoder->thread_count = 1;
  encoder->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_QSCALE;
  encoder->global_quality = 2 * FF_QP2LAMBDA;
  if ((output.format->oformat->flags & AVFMT_GLOBALHEADER) != 0) encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  require(avcodec_open2(encoder.get(), codec, nullptr), log);

  stream = allocated(avformat_new_stream(output.format, nullptr));
  require(avcodec_parameters_from_context(stream->codecpar, encoder.get()), log);
  stream->time_base = encoder->time_base;
  stream->avg_frame_rate = encoder->framerate;
  const std::string address = "file:" + file.temporary().string();
  require(avio_open(&output.format->pb, address.c_str(), AVIO_FLAG_WRITE), log);
  require(avformat_write_header(output.format, nullptr), log);

  frame->format = kind.pixels;
  require(av_frame_get_buffer(frame.get(), 0), log);
  scaler.reset(allocated(sws_getContext(frame->width, frame->height, AV_PIX_FMT_RGB24, frame->width, frame->height,
                                        kind.pixels, SWS_BILINEAR | SWS_ACCURATE_RND, nullptr, nullptr, nullptr)));
}

void VideoWriter::State::encode(const AVFrame* picture, const FfmpegLog& log) {
  require(avcodec_send_frame(encoder.get(), picture), log);
  for (;;) {
    const int got = avcodec_receive_packet(encoder.get(), packet.get());
    if (got == AVERROR(EAGAIN) || got == AVERROR_EOF) return;
    require(got, log);
    av_packet_rescale_ts(packet.get(), encoder->time_base, stream->time_base);
    packet->stream_index = stream->index;
    require(av_interleaved_write_frame(output.format, packet.get()), log);
  }
}

VideoWriter::VideoWriter(const std::filesystem::path& file, int width, int height, double rate) {
  const FfmpegLog log;
  const Format format = format_of(file);
  if (width < 1 || height < 1 ||
      av_image_check_size(static_cast<unsigned>(width), static_cast<unsigned>(height), 0, nullptr) < 0) {
    throw VideoError(
        fmt::format("found frames of {} x {}; expected a size that can be; choose another", width, height));
  }
  if (!(rate > 0) || !(rate <= kTicks)) {
    throw VideoError(fmt::format("found {} frames a second; expected more than 0 and at most {}; choose another rate",
                                 rate, kTicks));
  }
  state_ = std::make_unique<State>(file);
  state_->frame->width = width;
  state_->frame->height = height;
  state_->open(format, rate, log);
}

VideoWriter::~VideoWriter() = default;

void VideoWriter::append(const RgbImage& image, double seconds) {
  const FfmpegLog log;
  State& state = *state_;
  const std::int64_t tick = std::llround(seconds * kTicks);
  if (image.width != state.frame->width || image.height != state.frame->height) {
    throw VideoError(fmt::format("found a picture of {} x {}; expected {} x {}, as all others; bring it to that size",
                                 image.width, image.height, state.frame->width, state.frame->height));
  }
  if (tick <= state.last_tick) {
    throw VideoError(
        fmt::format("found a picture at {} s; expected a later one than that before; order the pictures", seconds));
  }
  state.require(av_frame_make_writable(state.frame.get()), log);
  const std::uint8_t* planes[4] = {image.pixels.data(), nullptr, nullptr, nullptr};
  const int strides[4] = {3 * image.width, 0, 0, 0};
  sws_scale(state.scaler.get(), static_cast<const std::uint8_t**>(planes), strides, 0, image.height, state.frame->data,
            state.frame->linesize);
  state.frame->pts = tick;
  state.last_tick = tick;
  state.encode(state.frame.get(), log);
}

void VideoWriter::finish() {
  const FfmpegLog log;
  State& state = *state_;
  if (state.last_tick < 0) throw VideoError("found no picture to write; expected at least one; append it");
  state.encode(nullptr, log);
  state.require(av_write_trailer(state.output.format), log);
  state.require(avio_closep(&state.output.format->pb), log);
  state.file.commit();
}

}  // namespace alignment::io
