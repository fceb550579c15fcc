#include "src/encoding/frames/film_strip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "src/encoding/frames/chosen_frames.hpp"
#include "src/encoding/frames/small_text.hpp"

namespace alignment::encoding {
namespace {

constexpr int kGap = 2;

/// What stands below a frame, a line each.
using Label = std::array<std::string, 2>;

/// The frames of a strip, with room for them and their labels.
class Strip {
 public:
  Strip(const std::vector<Label>& labels, int size) : size_(size), scale_(std::clamp(size / kSizeOfADot, 1, 3)) {
    column_ = size;
    for (const Label& label : labels) {
      for (const std::string& line : label) column_ = std::max(column_, SmallText{line, scale_}.width());
    }
    constexpr std::uint8_t kWhite = 255;
    const int count = static_cast<int>(labels.size());
    image_.width = count * column_ + (count - 1) * kGap;
    image_.height = size + static_cast<int>(Label().size()) * line_height();
    image_.pixels.assign(
        std::size_t{3} * static_cast<std::size_t>(image_.width) * static_cast<std::size_t>(image_.height), kWhite);
  }

  void put(int place, const std::vector<std::uint8_t>& frame, const Label& label) {
    const int left = place * (column_ + kGap);
    const auto frame_row = static_cast<std::ptrdiff_t>(3 * size_);
    const auto row = static_cast<std::ptrdiff_t>(3) * image_.width;
    for (std::ptrdiff_t y = 0; y < size_; ++y) {
      std::copy_n(frame.begin() + y * frame_row, frame_row,
                  image_.pixels.begin() + y * row + static_cast<std::ptrdiff_t>(3) * left);
    }
    int top = size_ + kGap * scale_;
    for (const std::string& line : label) {
      SmallText{line, scale_}.draw(image_, left, top);
      top += line_height();
    }
  }

  [[nodiscard]] io::RgbImage take() { return std::move(image_); }

 private:
  static constexpr int kSizeOfADot = 96;  ///< pixels of a frame's side that make a dot of the text one pixel larger

  [[nodiscard]] int line_height() const { return (SmallText::kHeight + kGap) * scale_; }

  int size_, scale_, column_ = 0;
  io::RgbImage image_;
};

}  // namespace

io::RgbImage film_strip(const std::filesystem::path& video, const VideoInspection& inspection, int count, int size,
                        Resize resize, const FrameWatch& watch) {
  const std::int64_t shown = std::min<std::int64_t>(count, inspection.frames);
  std::vector<std::int64_t> chosen;
  std::vector<Label> labels;
  for (std::int64_t place = 0; place < shown; ++place) {
    chosen.push_back(inspection.frames * (2 * place + 1) / (2 * shown));
    labels.push_back({fmt::format("{}", chosen.back()),
                      fmt::format("{:.2f} s", inspection.times.at(static_cast<std::size_t>(chosen.back())))});
  }
  Strip strip(labels, size);
  take_frames(
      video, inspection, chosen, size, resize,
      [&](std::size_t place, const io::RgbImage& prepared) {
        strip.put(static_cast<int>(place), prepared.pixels, labels[place]);
      },
      watch);
  return strip.take();
}

}  // namespace alignment::encoding
