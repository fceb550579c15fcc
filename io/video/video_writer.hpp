#pragma once

#include <filesystem>
#include <memory>

#include "io/video/rgb_image.hpp"
#include "io/video/video_error.hpp"

namespace alignment::io {

/// Writes pictures as a video: `.mp4` as MPEG-4 part 2, nearly as they were; `.mkv` as FFV1, to the bit. The same
/// pictures give the same bytes on one machine. Not for two threads at once.
class VideoWriter {
 public:
  /// `file` appears whole with finish() (DurableFile) and replaces what was there. `rate`: frames a second, which the
  /// header says. Throws VideoError for a name with another ending or for sizes that cannot be, WriteError where there
  /// is nowhere to write.
  VideoWriter(const std::filesystem::path& file, int width, int height, double rate);
  ~VideoWriter();
  VideoWriter(const VideoWriter&) = delete;
  VideoWriter& operator=(const VideoWriter&) = delete;

  /// `image` is seen from `seconds` on, which are later than those of the one before by 1/30,000 s at least. Throws
  /// VideoError for an image of another size or an earlier time, WriteError.
  void append(const RgbImage& image, double seconds);

  /// Throws WriteError; VideoError where there is no picture.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace alignment::io
