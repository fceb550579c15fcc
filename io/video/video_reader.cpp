#include "io/video/video_reader.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <numbers>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "io/video/ffmpeg.hpp"
#include "io/video/ffmpeg_log.hpp"
#include "io/video/rgb_conversion.hpp"
#include "io/video/video_input.hpp"

namespace alignment::io {
namespace {

__extension__ using Wide = __int128;  // the differences of 64-bit numbers

constexpr std::int64_t kMostPixels = std::int64_t{1} << 28;  ///< of a frame; as RGB that is 805 MB
constexpr int kMostFailures = 100;  ///< one after another, after which there is nothing left to be had

void require_possible_size(int width, int height) {
  if (std::int64_t{width} * height <= kMostPixels) return;
  throw VideoError(
      fmt::format("found frames of {} x {}; expected at most {} pixels; encode the video again in a size "
                  "that it needs, or mend its header",
                  width, height, kMostPixels));
}

/// Degrees clockwise to turn by. Throws VideoError for a matrix that does more than that.
int rotation_of(const AVStream& stream) {
  std::size_t bytes = 0;
  const std::uint8_t* data = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &bytes);
  constexpr std::size_t kElements = 9;
  if (data == nullptr || bytes < kElements * sizeof(std::int32_t)) return 0;
  const std::span<const std::int32_t, kElements> matrix(reinterpret_cast<const std::int32_t*>(data), kElements);
  const double a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
  const auto turns = [&](int degrees, double cosine, double sine) {
    const double size = std::hypot(a, b);
    constexpr double kRounding = 1e-3;
    const bool same = std::abs(a - size * cosine) <= kRounding * size &&
                      std::abs(b - size * sine) <= kRounding * size && std::abs(c + size * sine) <= kRounding * size &&
                      std::abs(d - size * cosine) <= kRounding * size;
    return size > 0 && same ? degrees : -1;
  };
  for (const int degrees : {turns(0, 1, 0), turns(90, 0, 1), turns(180, -1, 0), turns(270, 0, -1)}) {
    if (degrees >= 0) return degrees;
  }
  // A turn by another angle leaves the sides as long as each other and at right angles.
  const double size = std::hypot(a, b);
  constexpr double kRounding = 1e-3, kDegrees = 180 / std::numbers::pi;
  if (size > 0 && std::hypot(c + b, d - a) <= kRounding * size) {
    throw VideoError(
        fmt::format("found a display matrix that turns by {:.3g} degrees; expected a turn by 0, 90, 180 "
                    "or 270 degrees; encode the video again, upright",
                    std::fmod(std::atan2(b, a) * kDegrees + 360, 360)));
  }
  constexpr double kOne = 1 << 16;
  throw VideoError(
      fmt::format("found a display matrix ({:.4g} {:.4g}; {:.4g} {:.4g}) that mirrors or distorts; expected "
                  "a turn by 0, 90, 180 or 270 degrees; encode the video again, upright",
                  a / kOne, b / kOne, c / kOne, d / kOne));
}

bool is_interlaced(AVFieldOrder order) {
  return order != AV_FIELD_PROGRESSIVE && order != AV_FIELD_UNKNOWN;
}

bool is_interlaced(const AVFrame& frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
  return (frame.flags & AV_FRAME_FLAG_INTERLACED) != 0;
#else
  return frame.interlaced_frame != 0;
#endif
}

/// The same limit of pixels for every stream, whose first frames FFmpeg decodes to learn what they are.
int find_stream_info(AVFormatContext& format) {
  std::vector<AVDictionary*> options(format.nb_streams, nullptr);
  for (AVDictionary*& each : options) av_dict_set_int(&each, "max_pixels", kMostPixels, 0);
  const int found = avformat_find_stream_info(&format, options.data());
  for (AVDictionary*& each : options) av_dict_free(&each);
  return found;
}

/// Frames that the index of `stream` says will be seen: all but those before the first or behind the last moment of an
/// edit list, which may be decoded for the sake of others.
std::int64_t seen_by_index(AVStream& stream) {
  std::int64_t seen = 0;
  for (int i = 0; i < avformat_index_get_entries_count(&stream); ++i) {
    if ((avformat_index_get_entry(&stream, i)->flags & AVINDEX_DISCARD_FRAME) == 0) ++seen;
  }
  return seen;
}

/// The frames that the header promises; nothing where it does not say.
std::optional<std::int64_t> promised_frames(const std::filesystem::path& file, const FfmpegLog& log,
                                            const AVFormatContext& format, AVStream& stream) {
  if (stream.nb_frames <= 0) return std::nullopt;
  const std::int64_t seen = seen_by_index(stream);
  if (std::string_view(format.iformat->name).find("mov") == std::string_view::npos || seen == stream.nb_frames) {
    return stream.nb_frames;
  }
  // Fewer by an edit list, if without one the index has them all; else the index is short, and the video with it.
  const VideoInput unedited(file, log, VideoInput::EditList::kIgnored);
  const auto index = static_cast<unsigned>(stream.index);
  const bool whole =
      index < unedited.format().nb_streams && seen_by_index(*unedited.format().streams[index]) == stream.nb_frames;
  return whole ? seen : stream.nb_frames;
}

}  // namespace

struct VideoReader::State {
  State(const std::filesystem::path& file, const FfmpegLog& log) : input(file, log) {}

  void open_decoder(const FfmpegLog& log);
  void describe(const std::filesystem::path& file, const FfmpegLog& log);
  bool receive();
  void send();
  void pass_over(int error);
  void take_time();

  VideoInput input;
  VideoProperties properties;
  AVStream* stream = nullptr;
  CodecPointer decoder;
  PacketPointer packet{allocated(av_packet_alloc())};
  FramePointer frame{allocated(av_frame_alloc())};
  RgbConversion conversion;

  bool drained = false;  ///< the decoder has been told that no packet follows
  bool ended = false;
  int failures = 0;  ///< since the last packet or frame that was right
  std::int64_t frames = 0, bad_packets = 0, steps_back = 0, damaged_frames = 0, interlaced_frames = 0;
  double time = 0;
  /// The first timestamp met, and the time of its frame.
  std::optional<std::pair<std::int64_t, double>> origin;
};

void VideoReader::State::open_decoder(const FfmpegLog& log) {
  AVFormatContext& format = input.format();
  for (unsigned i = 0; i < format.nb_streams; ++i) {
    require_possible_size(format.streams[i]->codecpar->width, format.streams[i]->codecpar->height);
  }
  const int information = find_stream_info(format);
  input.require_readable();
  VideoInput::require_memory(information);
  if (information < 0) {
    throw VideoError(fmt::format("found a damaged or cut file ({}); expected a whole video; copy it again",
                                 log.reason(information)));
  }
  const AVCodec* codec = nullptr;
  const int found = av_find_best_stream(&format, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
  if (found == AVERROR_DECODER_NOT_FOUND) {
    throw VideoError(
        fmt::format("found a video stream that none of FFmpeg's decoders here reads ({}); expected one "
                    "that is; encode the video again, as H.264 for example",
                    log.reason(found)));
  }
  // The picture on the cover of a piece of music is a video stream to FFmpeg.
  if (found < 0 || (format.streams[found]->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0) {
    throw VideoError(fmt::format("found {}; expected a video; leave the file out",
                                 format.nb_streams == 1
                                     ? std::string("one stream, which is no video")
                                     : fmt::format("{} streams and no video among them", format.nb_streams)));
  }
  stream = format.streams[found];
  for (unsigned i = 0; i < format.nb_streams; ++i) {
    if (format.streams[i] != stream) format.streams[i]->discard = AVDISCARD_ALL;
  }
  require_possible_size(stream->codecpar->width, stream->codecpar->height);

  decoder.reset(allocated(avcodec_alloc_context3(codec)));
  int opened = avcodec_parameters_to_context(decoder.get(), stream->codecpar);
  decoder->pkt_timebase = stream->time_base;
  decoder->thread_count = 1;
  decoder->max_pixels = kMostPixels;
  if (opened >= 0) opened = avcodec_open2(decoder.get(), codec, nullptr);
  VideoInput::require_memory(opened);
  if (opened < 0) {
    throw VideoError(
        fmt::format("found a {} stream that does not open ({}); expected one that decodes; copy the file "
                    "again",
                    codec->name, log.reason(opened)));
  }
}

void VideoReader::State::describe(const std::filesystem::path& file, const FfmpegLog& log) {
  properties.stream = stream->index;
  properties.codec = avcodec_get_name(stream->codecpar->codec_id);
  properties.width = stream->codecpar->width;
  properties.height = stream->codecpar->height;
  properties.rotation = rotation_of(*stream);
  properties.interlaced = is_interlaced(stream->codecpar->field_order);
  const AVRational rate = av_guess_frame_rate(&input.format(), stream, nullptr);
  if (rate.num > 0 && rate.den > 0) properties.rate = av_q2d(rate);
  properties.header_frames = promised_frames(file, log, input.format(), *stream);
}

void VideoReader::State::pass_over(int error) {
  VideoInput::require_memory(error);
  ++bad_packets;
  if (++failures >= kMostFailures && drained) ended = true;
}

void VideoReader::State::send() {
  for (;;) {
    const int got = av_read_frame(&input.format(), packet.get());
    if (got < 0) {
      input.require_readable();
      if (got != AVERROR_EOF && got != AVERROR(EAGAIN)) pass_over(got);
      const bool again = got == AVERROR(EAGAIN) && ++failures < kMostFailures;
      if (again || (got != AVERROR_EOF && failures < kMostFailures)) continue;
      drained = true;
      failures = 0;
      VideoInput::require_memory(avcodec_send_packet(decoder.get(), nullptr));
      return;
    }
    // An empty packet says that the frame before is shown for longer; to the decoder it would be the end.
    const bool ours = packet->stream_index == stream->index && packet->size > 0;
    const int sent = ours ? avcodec_send_packet(decoder.get(), packet.get()) : 0;
    av_packet_unref(packet.get());
    if (!ours) continue;
    if (sent < 0) {
      pass_over(sent);
    } else {
      failures = 0;
    }
    return;
  }
}

void VideoReader::State::take_time() {
  double expected = time;
  if (frames > 0 && properties.rate > 0) expected += 1 / properties.rate;
  double now = expected;
  if (const std::int64_t stamp = frame->best_effort_timestamp; stamp != AV_NOPTS_VALUE) {
    if (!origin) origin.emplace(stamp, expected);
    const Wide passed = Wide{stamp} - origin->first;  // a damaged file may say any two
    now = origin->second + static_cast<double>(passed) * av_q2d(stream->time_base);
  }
  if (frames > 0 && !(now > time)) ++steps_back;
  time = now;
}

bool VideoReader::State::receive() {
  while (!ended) {
    const int received = avcodec_receive_frame(decoder.get(), frame.get());
    if (received == 0) {
      take_time();
      ++frames;
      failures = 0;
      if ((frame->flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame->decode_error_flags != 0) ++damaged_frames;
      if (is_interlaced(*frame)) ++interlaced_frames;
      return true;
    }
    if (received == AVERROR(EAGAIN) && !drained) {
      send();
    } else if (received == AVERROR_EOF || received == AVERROR(EAGAIN)) {
      ended = true;
    } else {
      pass_over(received);
    }
  }
  return false;
}

std::string decoder_versions() {
  const auto text = [](unsigned version) {
    return fmt::format("{}.{}.{}", AV_VERSION_MAJOR(version), AV_VERSION_MINOR(version), AV_VERSION_MICRO(version));
  };
  return fmt::format("libavcodec {} libavformat {} libswscale {}", text(avcodec_version()), text(avformat_version()),
                     text(swscale_version()));
}

VideoReader::VideoReader(const std::filesystem::path& file) {
  const FfmpegLog log;
  state_ = std::make_unique<State>(file, log);
  state_->open_decoder(log);
  state_->describe(file, log);
}

VideoReader::~VideoReader() = default;

const VideoProperties& VideoReader::properties() const {
  return state_->properties;
}

bool VideoReader::next() {
  const FfmpegLog log;
  return state_->receive();
}

double VideoReader::time() const {
  return state_->time;
}

void VideoReader::convert(RgbImage& image) const {
  const FfmpegLog log;
  state_->conversion.convert(*state_->frame, image);
}

std::int64_t VideoReader::frames() const {
  return state_->frames;
}

std::int64_t VideoReader::bad_packets() const {
  return state_->bad_packets;
}

std::int64_t VideoReader::steps_back() const {
  return state_->steps_back;
}

std::int64_t VideoReader::damaged_frames() const {
  return state_->damaged_frames;
}

std::int64_t VideoReader::interlaced_frames() const {
  return state_->interlaced_frames;
}

}  // namespace alignment::io
