#include "tests/src/encoding/job/numbered_videos.hpp"

#include <fstream>

#include "io/video/video_reader.hpp"

namespace alignment::io {

struct VideoReader::State {
  VideoProperties properties;
  std::int64_t count = 0, bad_packets = 0, frames = 0;
};

VideoReader::VideoReader(const std::filesystem::path& file) : state_(std::make_unique<State>()) {
  std::ifstream stream(file);
  std::int64_t header_frames = -1;
  if (!(stream >> state_->count >> header_frames >> state_->bad_packets)) throw VideoError("found no numbers");
  if (state_->count == encoding::kUnreadable) throw UnreadableVideo("found a disk that fails");
  if (state_->count == encoding::kTooLarge) throw std::bad_alloc();
  if (header_frames >= 0) state_->properties.header_frames = header_frames;
  ++encoding::numbered_video_counts.opened;
}
VideoReader::~VideoReader() = default;
const VideoProperties& VideoReader::properties() const {
  return state_->properties;
}
bool VideoReader::next() {
  if (state_->frames == state_->count) return false;
  ++state_->frames;
  ++encoding::numbered_video_counts.decoded;
  return true;
}
double VideoReader::time() const {
  return static_cast<double>(state_->frames - 1) / 2;
}
void VideoReader::convert(RgbImage& image) const {
  const std::int64_t number = state_->frames - 1;
  image = {1,
           1,
           {static_cast<std::uint8_t>(number), static_cast<std::uint8_t>(number >> 8U),
            static_cast<std::uint8_t>(number >> 16U)}};
}
std::int64_t VideoReader::frames() const {
  return state_->frames;
}
std::int64_t VideoReader::bad_packets() const {
  return state_->bad_packets;
}
std::int64_t VideoReader::steps_back() const {
  return 0;
}
std::int64_t VideoReader::damaged_frames() const {
  return 0;
}
std::int64_t VideoReader::interlaced_frames() const {
  return 0;
}

}  // namespace alignment::io

namespace alignment::encoding {

struct FramePreparation::State {};

FramePreparation::FramePreparation(int, Resize) {}
FramePreparation::~FramePreparation() = default;
void FramePreparation::prepare(const io::RgbImage& image, int, std::span<std::uint8_t> prepared) const {
  ++numbered_video_counts.prepared;
  std::copy(image.pixels.begin(), image.pixels.end(), prepared.begin());
}

}  // namespace alignment::encoding
