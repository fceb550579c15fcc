#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <vector>

#include "src/encoding/encoders/encoder.hpp"
#include "src/encoding/samples/windows.hpp"

namespace alignment::encoding {

/// Seconds that a thread has spent.
struct EncodingTimes {
  double decoding = 0;   ///< reading and decoding frames
  double preparing = 0;  ///< converting them to RGB and bringing them to the encoder's size
  double encoding = 0;

  EncodingTimes& operator+=(const EncodingTimes& other);
};

/// What decoding met.
struct DecodingFacts {
  std::int64_t frames = 0;  ///< |vid|: those that decode
  std::optional<std::int64_t> header_frames;
  std::int64_t bad_packets = 0;
  std::int64_t damaged_frames = 0;  ///< that the decoder had to make up in part
  std::int64_t steps_back = 0;

  /// Whether a part of the video is missing: bad packets, damaged frames, or at least two frames fewer than the header
  /// says. (A header that counts one too many is common: a last frame that only repeats.)
  [[nodiscard]] bool is_partial() const {
    return bad_packets > 0 || damaged_frames > 0 || header_frames.value_or(0) > frames + 1;
  }
};

/// A video as it goes into the store.
struct EncodedVideo {
  std::vector<float> rows;         ///< [T, row_features()]
  std::vector<double> timestamps;  ///< [T] seconds from the first frame: of the row's middle frame
  DecodingFacts decoding;
};

/// What a thread has done so far, counted while a video is under way and kept where it is given up. The counts may be
/// read by other threads.
struct EncodingWork {
  /// What a whole video counts in `parts`.
  static constexpr std::int64_t kWhole = 1'000'000;

  EncodingTimes times;
  std::atomic<std::int64_t> decoded = 0;  ///< frames, each time that one is
  std::atomic<std::int64_t> parts = 0;    ///< encoded, in kWhole a video
};

/// How videos are encoded, beside the encoder.
struct EncodingRule {
  WindowRule windows;
  std::int64_t batch = 16;   ///< windows (frames, for a frame encoder) of a video that are encoded at once
  bool keeps_logits = true;  ///< or else rows have features alone
};

/// The most inputs that are encoded at once: so many that their numbers can still be counted in 31 bits, which
/// networks' own code does. They are 8.6 GB as f32.
[[nodiscard]] std::int64_t largest_batch(const EncoderDescription& encoder);

/// Numbers in a row: the features of the row's windows, one window after the other, then their logits likewise where
/// they are kept.
[[nodiscard]] std::int64_t row_features(const EncoderDescription& encoder, const EncodingRule& rule);

/// Thrown where a video is given up since the job ends.
struct EncodingAbandoned : std::runtime_error {
  EncodingAbandoned() : std::runtime_error("given up") {}
};

/// Encodes videos, one after the other, on the calling thread. The same video gives the same bits on any thread.
///
/// Memory does not follow a video's length but for its rows, 24 bytes a frame and, of a frame encoder, its outputs: at
/// most kMostFrames prepared frames are kept at a time (more only where one window has more), and a batch. A video of
/// more frames is decoded twice, first to count them; where its windows need more at a time (windows as wide as the
/// video around every frame), a few windows after the other, each time from the beginning.
class VideoEncoding {
 public:
  static constexpr std::int64_t kMostFrames = 512;

  /// `encoder` and `abandon` must outlive it. Once `abandon` is true, encode() throws EncodingAbandoned.
  VideoEncoding(const Encoder& encoder, EncodingRule rule, const std::atomic<bool>& abandon);

  /// Adds to `work` as it goes on. Throws io::VideoError for a video that cannot be used, EncoderError.
  [[nodiscard]] EncodedVideo encode(const std::filesystem::path& file, EncodingWork& work) const;

 private:
  struct Course;

  const Encoder& encoder_;
  EncodingRule rule_;
  const std::atomic<bool>& abandon_;
  FramePreparation preparation_;
  std::int64_t most_kept_;  ///< frames up to which a video is decoded once
};

}  // namespace alignment::encoding
