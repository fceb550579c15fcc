// What is said of a video without its windows, on standard output, and with a FILE its pixels, for comparisons:
//   inspect_video VIDEO antialias|bilinear [native|prepared FILE]
// FILE: every frame one behind the other, native in its own size, prepared [224, 224, 3].
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "src/encoding/frames/inspection.hpp"

namespace {

using namespace alignment;

void write_pixels(const std::string& video, encoding::Resize resize, bool native, const std::string& file) {
  std::ofstream stream(file, std::ios::binary);
  io::VideoReader reader(video);
  const encoding::FramePreparation preparation(224, resize);
  io::RgbImage image;
  std::vector<std::uint8_t> prepared(std::size_t{3} * 224 * 224);
  while (reader.next()) {
    reader.convert(image);
    if (!native) preparation.prepare(image, reader.properties().rotation, prepared);
    const std::vector<std::uint8_t>& pixels = native ? image.pixels : prepared;
    stream.write(reinterpret_cast<const char*>(pixels.data()), static_cast<std::streamsize>(pixels.size()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 5) {
    std::cerr << "inspect_video VIDEO antialias|bilinear [native|prepared FILE]\n";
    return EXIT_FAILURE;
  }
  try {
    const auto resize = std::string(argv[2]) == "bilinear" ? encoding::Resize::kBilinear : encoding::Resize::kAntialias;
    std::cout << to_json(encoding::inspect_video(argv[1], 224, resize), std::nullopt);
    if (argc == 5) write_pixels(argv[1], resize, std::string(argv[3]) == "native", argv[4]);
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::cerr << argv[1] << ": " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
