#include "io/video/png_file.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "io/video/video_reader.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::io {
namespace {

TEST(PngFile, HasThePixels) {
  RgbImage image{37, 5, {}};  // rows that are no multiple of any alignment
  for (std::size_t k = 0; k < std::size_t{3} * 37 * 5; ++k) image.pixels.push_back(static_cast<std::uint8_t>(k * 7));
  const TemporaryFolder folder;
  std::ofstream(folder / "picture.png", std::ios::binary) << png_file(image);
  VideoReader reader(folder / "picture.png");
  ASSERT_TRUE(reader.next());
  RgbImage read;
  reader.convert(read);
  EXPECT_EQ(read.width, image.width);
  EXPECT_EQ(read.height, image.height);
  EXPECT_EQ(read.pixels, image.pixels);
}

TEST(PngFile, OfNothingIsRefused) {
  EXPECT_THROW(static_cast<void>(png_file(RgbImage{})), VideoError);
}

}  // namespace
}  // namespace alignment::io
