#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "io/video/rgb_image.hpp"
#include "io/video/video_error.hpp"

namespace alignment::io {

/// What a video file says of its best video stream, before anything is decoded.
struct VideoProperties {
  int stream = 0;     ///< index of the stream among those of the file
  std::string codec;  ///< FFmpeg's name of the codec
  int width = 0;      ///< pixels of a decoded frame, before rotation
  int height = 0;
  int rotation = 0;  ///< degrees clockwise by which a frame has to be turned to be seen upright: 0, 90, 180 or 270
  bool interlaced = false;  ///< by the header
  double rate = 0;          ///< frames a second by the header, 0 where it does not say
  /// By the header, without those that an edit list leaves out: a hint; what decodes is what counts.
  std::optional<std::int64_t> header_frames;
};

/// Versions of the libraries that decode and convert colours: other ones may give other pixels.
[[nodiscard]] std::string decoder_versions();

/// The frames of a video's best video stream, in the order of presentation, one by one. Memory does not grow with the
/// video's length. Not for two threads at once; two readers are independent.
class VideoReader {
 public:
  /// Throws VideoError where there is nothing to decode: no such file, no regular one, no video, no decoder; frames of
  /// more than 2^28 pixels; a display matrix that does more than turn. Of these UnreadableVideo where this host cannot
  /// open or read the file, or has no memory for it. One thread decodes. FFmpeg logs nothing.
  explicit VideoReader(const std::filesystem::path& file);
  ~VideoReader();
  VideoReader(const VideoReader&) = delete;
  VideoReader& operator=(const VideoReader&) = delete;

  [[nodiscard]] const VideoProperties& properties() const;

  /// Decodes the coming frame; false at the end. Packets that do not decode are counted and passed over. Throws
  /// UnreadableVideo where the file cannot be read on or memory is short.
  [[nodiscard]] bool next();

  /// Seconds of the current frame since the first one; without a timestamp, the one before + 1/rate (and that itself
  /// where the header says no rate: a step back).
  [[nodiscard]] double time() const;

  /// The current frame, of a next() that returned true, as RGB in its own size, by its own matrix and range, not
  /// rotated; what is transparent has the colour that it hides. Throws VideoError for colours of a matrix that FFmpeg
  /// does not convert.
  void convert(RgbImage& image) const;

  [[nodiscard]] std::int64_t frames() const;             ///< decoded so far
  [[nodiscard]] std::int64_t bad_packets() const;        ///< passed over so far
  [[nodiscard]] std::int64_t steps_back() const;         ///< frames so far that are not later than the one before
  [[nodiscard]] std::int64_t damaged_frames() const;     ///< so far that FFmpeg had to make up in part
  [[nodiscard]] std::int64_t interlaced_frames() const;  ///< so far that say so of themselves

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace alignment::io
