#include "src/encoding/frames/film_strip.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "io/video/video_reader.hpp"

namespace alignment::encoding {

io::RgbImage film_strip(const std::filesystem::path& video, int count, int size, Resize resize) {
  std::int64_t frames = 0;
  for (io::VideoReader counting(video); counting.next();) ++frames;
  if (frames == 0) throw io::VideoError("found no frame that decodes; expected at least one; copy the file again");

  constexpr int kGap = 2;
  constexpr std::uint8_t kWhite = 255;
  io::RgbImage strip{count * size + (count - 1) * kGap, size, {}};
  strip.pixels.assign(std::size_t{3} * static_cast<std::size_t>(strip.width) * static_cast<std::size_t>(size), kWhite);
  const FramePreparation preparation(size, resize);
  const auto row_bytes = static_cast<std::size_t>(3 * size), strip_row = static_cast<std::size_t>(3 * strip.width);
  io::RgbImage image;
  std::vector<std::uint8_t> prepared(row_bytes * static_cast<std::size_t>(size));
  io::VideoReader reader(video);
  int place = 0;
  for (std::int64_t frame = 0; place < count && reader.next(); ++frame) {
    bool ready = false;
    for (; place < count && frame == frames * (2 * place + 1) / (2 * count); ++place) {
      if (!ready) {
        reader.convert(image);
        preparation.prepare(image, reader.properties().rotation, prepared);
        ready = true;
      }
      const auto left = static_cast<std::size_t>(3 * place * (size + kGap));
      for (std::size_t y = 0; y < static_cast<std::size_t>(size); ++y) {
        std::copy_n(prepared.begin() + static_cast<std::ptrdiff_t>(y * row_bytes), row_bytes,
                    strip.pixels.begin() + static_cast<std::ptrdiff_t>(y * strip_row + left));
      }
    }
  }
  return strip;
}

}  // namespace alignment::encoding
