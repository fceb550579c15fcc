// draw_pictures FOLDER: some pictures, for test_pictures.py.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

#include "src/drawing/alignment_picture.hpp"
#include "src/drawing/colours.hpp"
#include "src/drawing/frame_pairs.hpp"
#include "src/drawing/png.hpp"

namespace {

using namespace alignment::drawing;

void write(const std::filesystem::path& file, const AlignmentPicture& picture) {
  std::ofstream(file, std::ios::binary) << to_svg(picture);
}

/// values[i,j] = 10 i + j, with everything that a picture can have.
AlignmentPicture picture_of(const std::string& id, const std::vector<double>& values, std::span<const double> seconds,
                            std::span<const std::int32_t> phases) {
  AlignmentPicture picture;
  picture.title = id;
  picture.caption = "about " + id;
  picture.scale_name = "cost of " + id;
  picture.phase_names = {"reach " + id, "lift"};
  const Axis rows{"step of " + id, 3, {}, {}}, columns{"frame of " + id, 5, seconds, phases};
  picture.panels.push_back({.title = "class " + id,
                            .rows = rows,
                            .columns = columns,
                            .values = values,
                            .path = {{0, 0}, {0, 1}, {1, 1}, {2, 1}, {2, 2}, {2, 3}, {2, 4}},
                            .row_costs = {3, 11, 100},
                            .row_costs_name = "cost of a step"});
  picture.time_lines = TimeLines{"moments of " + id, columns, rows, {{1, 0, 0, id}, {3, 2, -1, ""}}};
  return picture;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const std::filesystem::path folder = arguments[1];
  std::vector<double> values;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 5; ++j) values.push_back(10 * i + j);
  }
  const std::vector<double> seconds{0, 0.5, 1, 1.5, 20};
  const std::vector<std::int32_t> phases{-1, 0, 0, 1, 7};
  write(folder / "plain.svg", picture_of("clip_7", values, seconds, phases));
  AlignmentPicture clipped = picture_of("clip_7", values, seconds, phases);
  clipped.shown = 0.8;
  write(folder / "clipped.svg", clipped);
  const std::string awkward = std::string("]]>&amp;<b a='1'>\"\0\x01\x1b\xff\xc0\x80", 24) + "\n\r\t日本\xEF\xBF\xBF" +
                              std::string(300, 'x') + " <!-- --> <?xml?>";
  write(folder / "awkward.svg", picture_of(awkward, values, seconds, phases));
  write(folder / "bare.svg", picture_of("", values, {}, {}));

  FramePairs pairs;
  pairs.title = pairs.caption = pairs.names[0] = pairs.names[1] = awkward;
  const Still still{png_bytes(1, 1, std::vector<std::uint8_t>{0}, cost_palette()), "1234, 123.45 s", awkward};
  pairs.pairs.assign(15, {still, still});
  std::ofstream(folder / "pairs.svg", std::ios::binary) << to_svg(pairs);

  constexpr std::int64_t kRows = 1000, kColumns = 700;
  std::vector<double> large;
  for (std::int64_t n = 0; n < kRows * kColumns; ++n) {
    large.push_back(std::fmod(static_cast<double>(n) * 0.6180339887, 1.0) + static_cast<double>(n / kColumns) / 100);
  }
  AlignmentPicture picture;
  picture.title = "large";
  picture.panels.push_back({.title = "",
                            .rows = {"row", kRows},
                            .columns = {"column", kColumns},
                            .values = large,
                            .path = {},
                            .row_costs = {},
                            .row_costs_name = {}});
  write(folder / "large.svg", picture);
  return 0;
}
