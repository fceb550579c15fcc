// Makes a clip for tests in Python: make_clip FILE [KEY=VALUE ...], the keys being the members of Clip
// (clip_writer.hpp).
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

#include "tests/video/clip_writer.hpp"

namespace {

using alignment::testing::Clip;

std::vector<double> numbers(const std::string& text) {
  std::vector<double> all;
  std::istringstream stream(text);
  for (std::string each; std::getline(stream, each, ',');) all.push_back(std::stod(each));
  return all;
}

Clip clip_of(int argc, char** argv) {
  Clip clip;
  std::map<std::string, std::function<void(const std::string&)>> keys;
  const auto text = [&](const char* key, std::string& value) { keys[key] = [&](const std::string& v) { value = v; }; };
  const auto number = [&](const char* key, int& value) {
    keys[key] = [&](const std::string& v) { value = std::stoi(v); };
  };
  const auto flag = [&](const char* key, bool& value) { keys[key] = [&](const std::string& v) { value = v == "1"; }; };
  text("container", clip.container);
  text("codec", clip.codec);
  text("pixels", clip.pixels);
  text("matrix", clip.matrix);
  text("muxer_options", clip.muxer_options);
  number("width", clip.width);
  number("height", clip.height);
  number("frames", clip.frames);
  number("rate", clip.rate);
  number("rate_divisor", clip.rate_divisor);
  number("b_frames", clip.b_frames);
  number("rotation", clip.rotation);
  number("larger_from", clip.larger_from);
  flag("full_range", clip.full_range);
  flag("mirrored", clip.mirrored);
  flag("interlaced", clip.interlaced);
  flag("smaller_stream", clip.smaller_stream);
  flag("audio", clip.audio);
  flag("video", clip.video);
  flag("cover", clip.cover);
  keys["start"] = [&](const std::string& v) { clip.start = std::stod(v); };
  keys["times"] = [&](const std::string& v) { clip.times = numbers(v); };
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::size_t equals = argument.find('=');
    const auto key = keys.find(argument.substr(0, equals));
    if (equals == std::string::npos || key == keys.end()) throw std::runtime_error("unknown argument " + argument);
    key->second(argument.substr(equals + 1));
  }
  return clip;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 2) throw std::runtime_error("make_clip FILE [KEY=VALUE ...]");
    alignment::testing::write_clip(argv[1], clip_of(argc, argv));
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
