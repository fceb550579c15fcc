#include "tests/video/clip_writer.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <stdexcept>

#include "io/video/ffmpeg.hpp"

namespace alignment::testing {
namespace {

using io::allocated;

void require(int result, const std::string& what) {
  if (result >= 0) return;
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(result, text.data(), text.size());
  throw std::runtime_error("clip: " + what + ": " + text.data());
}

/// One stream being encoded.
struct Track {
  io::CodecPointer encoder;
  AVStream* stream = nullptr;
};

class Writer {
 public:
  Writer(const std::filesystem::path& file, const Clip& clip) : clip_(clip) {
    require(avformat_alloc_output_context2(&format_, nullptr, clip.container.empty() ? nullptr : clip.container.c_str(),
                                           file.c_str()),
            "container of " + file.string());
    format_->flags |= AVFMT_FLAG_BITEXACT;
    avio_closep(&format_->pb);
    require(avio_open(&format_->pb, ("file:" + file.string()).c_str(), AVIO_FLAG_WRITE), "open");
  }
  ~Writer() {
    avio_closep(&format_->pb);
    avformat_free_context(format_);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void write() {
    Track small, video, larger, audio;
    if (clip_.smaller_stream) small = add_video(clip_.width / 2, clip_.height / 2, true);
    if (clip_.video) video = add_video(clip_.width, clip_.height, true);
    if (clip_.larger_from >= 0) {
      larger = add_video(2 * clip_.width, 2 * clip_.height, false);
      larger.stream = video.stream;
    }
    if (clip_.audio) audio = add_audio();
    AVDictionary* options = nullptr;
    require(av_dict_parse_string(&options, clip_.muxer_options.c_str(), "=", ",", 0), "options");
    const int begun = avformat_write_header(format_, &options);
    av_dict_free(&options);
    require(begun, "header");
    for (int frame = 0; frame < clip_.frames; ++frame) {
      if (clip_.smaller_stream) encode_scene(small, frame);
      if (clip_.video) encode_scene(clip_.larger_from >= 0 && frame >= clip_.larger_from ? larger : video, frame);
    }
    if (clip_.audio) encode_silence(audio);
    for (const Track* track : {&small, &video, &larger, &audio}) {
      if (track->encoder) encode(*track, nullptr);
    }
    require(av_write_trailer(format_), "trailer");
  }

 private:
  Track add_video(int width, int height, bool with_stream) {
    const AVCodec* codec = avcodec_find_encoder_by_name(clip_.codec.c_str());
    if (codec == nullptr) throw std::runtime_error("clip: no encoder " + clip_.codec);
    Track track{io::CodecPointer(allocated(avcodec_alloc_context3(codec)))};
    AVCodecContext& encoder = *track.encoder;
    encoder.width = width;
    encoder.height = height;
    encoder.pix_fmt = av_get_pix_fmt(clip_.pixels.c_str());
    // Milliseconds can say any moment; a container of a fixed rate wants that of its frames.
    encoder.time_base =
        clip_.times.empty() && clip_.start == 0 ? AVRational{clip_.rate_divisor, clip_.rate} : AVRational{1, 1000};
    encoder.framerate = {clip_.rate, clip_.rate_divisor};
    encoder.max_b_frames = clip_.b_frames;
    encoder.gop_size = 12;
    encoder.thread_count = 1;
    encoder.flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_QSCALE;
    encoder.global_quality = 2 * FF_QP2LAMBDA;
    encoder.strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
    if (!clip_.matrix.empty())
      encoder.colorspace = static_cast<AVColorSpace>(av_color_space_from_name(clip_.matrix.c_str()));
    if (clip_.full_range) encoder.color_range = AVCOL_RANGE_JPEG;
    if (clip_.interlaced) encoder.field_order = AV_FIELD_TT;
    if (clip_.interlaced) encoder.flags |= AV_CODEC_FLAG_INTERLACED_DCT | AV_CODEC_FLAG_INTERLACED_ME;
    if ((format_->oformat->flags & AVFMT_GLOBALHEADER) != 0) encoder.flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    AVDictionary* options = nullptr;
    if (clip_.codec == "libx264") av_dict_set(&options, "preset", "ultrafast", 0);
    if (clip_.codec == "libx264" && clip_.b_frames > 0) av_dict_set(&options, "x264-params", "b-adapt=0", 0);
    const int opened = avcodec_open2(&encoder, codec, &options);
    av_dict_free(&options);
    require(opened, "encoder " + clip_.codec);
    if (!with_stream) return track;
    track.stream = allocated(avformat_new_stream(format_, nullptr));
    require(avcodec_parameters_from_context(track.stream->codecpar, &encoder), "stream");
    track.stream->time_base = encoder.time_base;
    track.stream->avg_frame_rate = encoder.framerate;
    // Both of two, or the first would be the better one for being the default.
    track.stream->disposition = clip_.cover ? AV_DISPOSITION_ATTACHED_PIC : AV_DISPOSITION_DEFAULT;
    if (clip_.rotation != 0 || clip_.mirrored) {
      auto* matrix = reinterpret_cast<std::int32_t*>(
          allocated(av_stream_new_side_data(track.stream, AV_PKT_DATA_DISPLAYMATRIX, 9 * sizeof(std::int32_t))));
      av_display_rotation_set(matrix, clip_.rotation);
      if (clip_.mirrored) av_display_matrix_flip(matrix, 1, 0);
    }
    return track;
  }

  Track add_audio() {
    const AVCodec* codec = allocated(avcodec_find_encoder(AV_CODEC_ID_AAC));
    Track track{io::CodecPointer(allocated(avcodec_alloc_context3(codec)))};
    AVCodecContext& encoder = *track.encoder;
    encoder.sample_rate = kSampleRate;
    encoder.sample_fmt = AV_SAMPLE_FMT_FLTP;
    encoder.time_base = {1, kSampleRate};
    av_channel_layout_default(&encoder.ch_layout, 1);
    encoder.flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    require(avcodec_open2(&encoder, codec, nullptr), "audio encoder");
    track.stream = allocated(avformat_new_stream(format_, nullptr));
    require(avcodec_parameters_from_context(track.stream->codecpar, &encoder), "audio stream");
    track.stream->time_base = encoder.time_base;
    return track;
  }

  void encode_silence(const Track& track) {
    for (int at = 0; at < kSampleRate; at += track.encoder->frame_size) {
      const io::FramePointer frame(allocated(av_frame_alloc()));
      frame->nb_samples = track.encoder->frame_size;
      frame->format = track.encoder->sample_fmt;
      frame->sample_rate = kSampleRate;
      require(av_channel_layout_copy(&frame->ch_layout, &track.encoder->ch_layout), "channels");
      require(av_frame_get_buffer(frame.get(), 0), "silence");
      std::fill_n(frame->data[0], frame->linesize[0], std::uint8_t{0});
      frame->pts = at;
      encode(track, frame.get());
    }
  }

  void encode_scene(const Track& track, int index) {
    const AVCodecContext& encoder = *track.encoder;
    const io::FramePointer frame(allocated(av_frame_alloc()));
    frame->width = encoder.width;
    frame->height = encoder.height;
    frame->format = encoder.pix_fmt;
    frame->colorspace = encoder.colorspace;
    frame->color_range = encoder.color_range;
    frame->interlaced_frame = clip_.interlaced ? 1 : 0;
    require(av_frame_get_buffer(frame.get(), 0), "frame");
    fill(*frame, index);
    const double seconds =
        clip_.start + (clip_.times.empty() ? static_cast<double>(index) * clip_.rate_divisor / clip_.rate
                                           : clip_.times[static_cast<std::size_t>(index)]);
    frame->pts = std::llround(seconds / av_q2d(encoder.time_base));
    encode(track, frame.get());
  }

  static void fill(AVFrame& frame, int index) {
    // With room behind every row, which swscale wants.
    const int stride = (3 * frame.width + 127) / 64 * 64;
    std::vector<std::uint8_t> rows(static_cast<std::size_t>(stride) * static_cast<std::size_t>(frame.height) + 64);
    const io::RgbImage image = scene_image(index, frame.width, frame.height);
    for (int y = 0; y < frame.height; ++y) {
      std::copy_n(image.pixels.begin() + std::ptrdiff_t{3} * y * frame.width, 3 * frame.width,
                  rows.begin() + std::ptrdiff_t{y} * stride);
    }
    const io::ScalerPointer scaler(
        allocated(sws_getContext(frame.width, frame.height, AV_PIX_FMT_RGB24, frame.width, frame.height,
                                 static_cast<AVPixelFormat>(frame.format),
                                 SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, nullptr, nullptr, nullptr)));
    sws_setColorspaceDetails(scaler.get(), sws_getCoefficients(SWS_CS_DEFAULT), 1,
                             sws_getCoefficients(frame.colorspace), frame.color_range == AVCOL_RANGE_JPEG ? 1 : 0, 0,
                             1 << 16, 1 << 16);
    const std::uint8_t* planes[4] = {rows.data(), nullptr, nullptr, nullptr};
    const int strides[4] = {stride, 0, 0, 0};
    require(sws_scale(scaler.get(), static_cast<const std::uint8_t**>(planes), strides, 0, frame.height, frame.data,
                      frame.linesize),
            "colours");
  }

  void encode(const Track& track, const AVFrame* frame) {
    require(avcodec_send_frame(track.encoder.get(), frame), "encode");
    const io::PacketPointer packet(allocated(av_packet_alloc()));
    for (;;) {
      const int got = avcodec_receive_packet(track.encoder.get(), packet.get());
      if (got == AVERROR(EAGAIN) || got == AVERROR_EOF) return;
      require(got, "packet");
      av_packet_rescale_ts(packet.get(), track.encoder->time_base, track.stream->time_base);
      packet->stream_index = track.stream->index;
      require(av_interleaved_write_frame(format_, packet.get()), "write");
    }
  }

  static constexpr int kSampleRate = 16'000;

  const Clip& clip_;
  AVFormatContext* format_ = nullptr;
};

}  // namespace

std::array<std::uint8_t, 3> scene(int frame, int x, int y, int width, int height) {
  const int side = std::max(std::min(width, height) / 4, 1);
  const int left = frame * std::max(width / 16, 1) % width;
  const int top = height / 3;
  if (x >= left && x < left + side && y >= top && y < top + side) return {240, 240, 32};
  return {static_cast<std::uint8_t>(255 * x / width), static_cast<std::uint8_t>(255 * y / height),
          static_cast<std::uint8_t>((40 + 23 * frame) % 200)};
}

io::RgbImage scene_image(int frame, int width, int height) {
  io::RgbImage image{width, height, {}};
  image.pixels.reserve(3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto colour = scene(frame, x, y, width, height);
      image.pixels.insert(image.pixels.end(), colour.begin(), colour.end());
    }
  }
  return image;
}

bool has_encoder(const std::string& codec) {
  return avcodec_find_encoder_by_name(codec.c_str()) != nullptr;
}

void write_clip(const std::filesystem::path& file, const Clip& clip) {
  const int level = av_log_get_level();
  av_log_set_level(AV_LOG_QUIET);  // and back, or nobody would see what a reader lets through
  Writer(file, clip).write();
  av_log_set_level(level);
}

}  // namespace alignment::testing
