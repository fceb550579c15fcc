#include "src/encoding/frames/frame_preparation.hpp"

#include <gtest/gtest.h>

#include "io/video/video_error.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::encoding {
namespace {

constexpr int kSize = 224;

/// Noise, as in record_preparation.py: no pixel tells of its neighbours.
io::RgbImage noise(int width, int height) {
  io::RgbImage image{width, height, {}};
  for (std::uint32_t y = 0; y < static_cast<std::uint32_t>(height); ++y) {
    for (std::uint32_t x = 0; x < static_cast<std::uint32_t>(width); ++x) {
      for (std::uint32_t colour = 0; colour < 3; ++colour) {
        const std::uint32_t mixed = (x * 73856093U) ^ (y * 19349663U) ^ (colour * 83492791U);
        image.pixels.push_back(static_cast<std::uint8_t>((std::uint64_t{mixed} * 2654435761U) >> 24 & 0xFF));
      }
    }
  }
  return image;
}

std::vector<std::uint8_t> prepared(const FramePreparation& preparation, const io::RgbImage& image, int rotation) {
  std::vector<std::uint8_t> pixels(std::size_t{3} * kSize * kSize);
  preparation.prepare(image, rotation, pixels);
  return pixels;
}

std::uint64_t fnv(const std::vector<std::uint8_t>& bytes) {
  std::uint64_t digest = 0xCBF29CE484222325U;
  for (const std::uint8_t byte : bytes) digest = (digest ^ byte) * 0x100000001B3U;
  return digest;
}

/// FNV-1a of what torchvision and OpenCV make of the same noise, scaled, turned and cut: printed by
/// record_preparation.py.
struct Recorded {
  int width, height, rotation;
  std::uint64_t antialias, bilinear;
};

constexpr Recorded kRecorded[] = {
    {96, 96, 0, 0x8f72902565449db4U, 0x7899691b26469913U},
    {320, 240, 0, 0xe521c93d9ca7938aU, 0x1855c42a400204c9U},
    {341, 256, 0, 0x3d62a9987946391eU, 0xedeaef5796a7c814U},
    {175, 301, 0, 0x1cffe2d057dd439fU, 0xa28e6857ae08d257U},
    {97, 65, 0, 0x0a4f81238bdbe48aU, 0xf123a477c1698ffeU},
    {640, 272, 0, 0x18f9de045ed387dfU, 0x7d216a0bd6a618cdU},
    {224, 224, 0, 0x2aeb45af20dbc97aU, 0x2aeb45af20dbc97aU},
    {527, 224, 0, 0x8fa6577c62643c8dU, 0x8fa6577c62643c8dU},
    {224, 311, 0, 0x84d2764b8c0c0aa5U, 0x84d2764b8c0c0aa5U},
    {448, 448, 0, 0x3d3b53afa5013531U, 0xc5c4a430d4602edeU},
    {3, 2, 0, 0x74ead6dd0f5e1649U, 0x0e482937ebf2a3c5U},
    {1280, 720, 0, 0xd80f8fff8da475f9U, 0x8f4a7edad123bb38U},
    {1, 100, 0, 0xaefdf59d2d830125U, 0x218c841f967ee525U},
    {341, 256, 90, 0xb3505b080dc7fc46U, 0x2f5ab169dfca9032U},
    {341, 256, 180, 0xc6a2db79c94b2750U, 0x797c8e53d439258eU},
    {341, 256, 270, 0xf478ba67803d9a64U, 0xe1a4fa32a308f9b8U},
    {176, 301, 90, 0x47301f9a1aa85940U, 0xb65474f6e568bacdU},
    {176, 301, 180, 0x09a8c02da838b644U, 0xf2fd800aa800d5d5U},
    {176, 301, 270, 0x2082a486a98267b7U, 0x097be7d2c9398c51U},
    {301, 175, 90, 0xd023716906302af6U, 0x4278b7f8df9fa716U},
    {301, 175, 180, 0x5bf760d17b759ba0U, 0x2685d162b4c966bcU},
    {301, 175, 270, 0x54ccf8eaaa86676eU, 0x074a96e4056329fcU},
};

TEST(FramePreparation, EqualsTorchvisionAndOpenCv) {
  const FramePreparation antialias(kSize, Resize::kAntialias), bilinear(kSize, Resize::kBilinear);
  for (const Recorded& recorded : kRecorded) {
    SCOPED_TRACE(::testing::Message() << recorded.width << " x " << recorded.height << " by " << recorded.rotation);
    const io::RgbImage image = noise(recorded.width, recorded.height);
    EXPECT_EQ(fnv(prepared(antialias, image, recorded.rotation)), recorded.antialias);
    EXPECT_EQ(fnv(prepared(bilinear, image, recorded.rotation)), recorded.bilinear);
  }
}

TEST(FramePreparation, KnowsNothingOfTheFrameBefore) {
  for (const Resize resize : {Resize::kAntialias, Resize::kBilinear}) {
    const FramePreparation used(kSize, resize), fresh(kSize, resize);
    const io::RgbImage first = noise(300, 200), second = noise(130, 333);
    static_cast<void>(prepared(used, first, 90));
    EXPECT_EQ(prepared(used, second, 270), prepared(fresh, second, 270));
  }
}

TEST(FramePreparation, RefusesWhatWouldFillMemory) {
  const FramePreparation preparation(kSize, Resize::kAntialias);
  const std::string message =
      message_of<io::VideoError>([&] { static_cast<void>(prepared(preparation, noise(1, 101), 0)); });
  EXPECT_EQ(
      message,
      "found frames of 1 x 101; expected a longer side of at most 100 times the shorter; cut the video to what is "
      "to be seen");
}

TEST(FramePreparation, WantsPixelsOfTheirSizes) {
  const FramePreparation preparation(kSize, Resize::kBilinear);
  std::vector<std::uint8_t> pixels(std::size_t{3} * kSize * kSize);
  io::RgbImage image = noise(20, 10);
  EXPECT_THROW(preparation.prepare(image, 45, pixels), std::invalid_argument);
  EXPECT_THROW(preparation.prepare(image, 0, std::span(pixels).first(5)), std::invalid_argument);
  image.pixels.pop_back();
  EXPECT_THROW(preparation.prepare(image, 0, pixels), std::invalid_argument);
  EXPECT_THROW(FramePreparation(0, Resize::kBilinear), std::invalid_argument);
}

}  // namespace
}  // namespace alignment::encoding
