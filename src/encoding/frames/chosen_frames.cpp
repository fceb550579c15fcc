#include "src/encoding/frames/chosen_frames.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "io/video/video_reader.hpp"

namespace alignment::encoding {

void take_frames(const std::filesystem::path& video, const VideoInspection& inspection,
                 std::span<const std::int64_t> chosen, int size, Resize resize, const FrameTaker& take,
                 const FrameWatch& watch) {
  const FramePreparation preparation(size, resize);
  io::RgbImage image;
  const auto side = static_cast<std::size_t>(size);
  io::RgbImage prepared{size, size, std::vector<std::uint8_t>(3 * side * side)};
  io::VideoReader reader(video);
  std::vector<std::size_t> places(chosen.size());
  std::iota(places.begin(), places.end(), 0);
  std::stable_sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) { return chosen[a] < chosen[b]; });
  auto place = places.begin();
  for (std::int64_t frame = 0; place != places.end() && reader.next(); ++frame) {
    if (watch) watch(frame + 1, inspection.frames);
    if (frame != chosen[*place]) continue;
    reader.convert(image);
    preparation.prepare(image, reader.properties().rotation, prepared.pixels);
    for (; place != places.end() && chosen[*place] == frame; ++place) take(*place, prepared);
  }
  if (place != places.end()) {
    throw io::VideoError(
        fmt::format("found {} frames when it was decoded again; expected {} as the first time; see that nothing writes "
                    "to the file",
                    reader.frames(), inspection.frames));
  }
}

std::vector<std::int64_t> frames_at(const VideoInspection& inspection, std::span<const double> seconds) {
  const std::vector<double>& times = inspection.times;
  std::vector<std::int64_t> frames;
  frames.reserve(seconds.size());
  for (const double second : seconds) {
    const auto nearest = std::min_element(times.begin(), times.end(), [second](double a, double b) {
      return std::fabs(a - second) < std::fabs(b - second);
    });
    frames.push_back(nearest - times.begin());
  }
  return frames;
}

void require_end(const VideoInspection& inspection, double last_second) {
  const std::vector<double>& times = inspection.times;
  const double end = *std::max_element(times.begin(), times.end());
  // A row may stand for the whole time that its frame is seen.
  const double a_frame = times.size() > 1 ? end / static_cast<double>(times.size() - 1) : 0;
  if (last_second <= end + a_frame && last_second >= end / 2) return;
  throw io::VideoError(fmt::format(
      "found a video that ends at {:.2f} s for an alignment whose last time in it is {:.2f} s; expected the "
      "video that its features were made of; give that one, the query first",
      end, last_second));
}

}  // namespace alignment::encoding
