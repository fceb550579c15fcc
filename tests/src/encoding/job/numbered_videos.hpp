#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "src/encoding/encoders/encoder.hpp"
#include "tests/src/temporary_folder.hpp"

/// Videos whose frames are their numbers, in the place of the reader and the preparation of real ones: a text file with
/// the count of frames, the count that the header says (-1: nothing), and of bad packets. Time is half a second a
/// frame.
namespace alignment::encoding {

/// What has been done to them, over all.
struct NumberedVideoCounts {
  std::atomic<std::int64_t> opened = 0, decoded = 0, prepared = 0;
};
inline NumberedVideoCounts numbered_video_counts;

/// Counts of frames that stand for a video that cannot be read, and for one that memory does not hold.
constexpr std::int64_t kUnreadable = -5, kTooLarge = -6;

inline std::filesystem::path numbered_video(const std::filesystem::path& file, std::int64_t frames,
                                            std::int64_t header_frames = -1, std::int64_t bad_packets = 0) {
  write_file(file,
             std::to_string(frames) + " " + std::to_string(header_frames) + " " + std::to_string(bad_packets) + "\n");
  return file;
}

/// The number of a prepared frame.
inline std::int64_t number_of(const std::uint8_t* pixels) {
  return pixels[0] + 256 * (pixels[1] + 256 * std::int64_t{pixels[2]});
}

/// Its two features are the first frame's number and the sum of all (of one frame: the number, and its square); with
/// `logits` behind them as many copies of the last frame's number, each one larger.
class NumberEncoder final : public Encoder {
 public:
  explicit NumberEncoder(EncoderKind kind, int frames = 16, std::int64_t logits = 0) {
    description_.name = "numbers";
    description_.digest = "0";
    description_.kind = kind;
    description_.frames = kind == EncoderKind::kClip ? frames : 1;
    description_.size = 1;
    description_.features = 2;
    description_.logits = logits;
  }
  [[nodiscard]] const EncoderDescription& description() const override { return description_; }
  void encode(std::span<const std::uint8_t> frames, std::int64_t batch, std::span<float> rows) const override {
    if (before) before();
    if (throws) throw EncoderError("numbers: found a failure; expected none; look");
    largest_batch = std::max(largest_batch.load(), batch);
    inputs += batch;
    const std::uint8_t* pixels = frames.data();
    float* row = rows.data();
    for (std::int64_t input = 0; input < batch; ++input) {
      const auto first = static_cast<float>(number_of(pixels));
      float sum = 0, last = 0;
      for (int frame = 0; frame < description_.frames; ++frame, pixels += 3) {
        last = static_cast<float>(number_of(pixels));
        sum += last;
      }
      *row++ = first;
      *row++ = description_.kind == EncoderKind::kClip ? sum : first * first;
      for (std::int64_t logit = 0; logit < description_.logits; ++logit) *row++ = last + static_cast<float>(logit);
    }
    if (gives_infinity) rows[1] = HUGE_VALF;
  }
  mutable std::atomic<std::int64_t> largest_batch = 0, inputs = 0;
  bool gives_infinity = false, throws = false;
  std::function<void()> before;  ///< called before a batch is encoded, or empty

 private:
  EncoderDescription description_;
};

}  // namespace alignment::encoding
