// What is said of a video without its windows, on standard output, for comparisons: inspect_video VIDEO
// antialias|bilinear
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include "src/encoding/frames/inspection.hpp"

int main(int argc, char** argv) {
  using namespace alignment::encoding;
  if (argc != 3) {
    std::cerr << "inspect_video VIDEO antialias|bilinear\n";
    return EXIT_FAILURE;
  }
  try {
    const Resize resize = std::string(argv[2]) == "bilinear" ? Resize::kBilinear : Resize::kAntialias;
    std::cout << to_json(inspect_video(argv[1], 224, resize), std::nullopt);
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::cerr << argv[1] << ": " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
