#include "src/drawing/frame_pairs.hpp"

#include <algorithm>
#include <cmath>

#include "src/drawing/canvas.hpp"
#include "src/drawing/document.hpp"
#include "src/drawing/png.hpp"
#include "src/drawing/xml.hpp"

namespace alignment::drawing {
namespace {

constexpr double kApart = 10, kBetween = 14;  // pixels from one pair to the next, and between its two frames

class PairDrawing {
 public:
  explicit PairDrawing(const FramePairs& picture) : picture_(picture) {
    const auto count = static_cast<double>(picture.pairs.size());
    // A label may be wider than its frame.
    for (const auto& pair : picture.pairs) {
      for (const Still& still : pair) column_ = std::max(column_, width_of(still.text));
    }
    column_ = std::max(column_, picture.size);
    const double fit = std::max(std::floor((kWidth - 2 * kMargin + kApart) / (column_ + kApart)), 1.0);
    const double lines = std::ceil(count / fit);
    in_a_line_ = lines > 0 ? static_cast<std::size_t>(std::ceil(count / lines)) : 1;
  }

  std::string draw() {
    double y = draw_head(canvas_, picture_.title, picture_.caption, kWidth);
    for (std::size_t first = 0; first < picture_.pairs.size(); first += in_a_line_) {
      const std::size_t last = std::min(first + in_a_line_, picture_.pairs.size());
      y += kLine;
      draw_name(picture_.names[0], y);
      y += kLine + 4;
      for (std::size_t n = first; n < last; ++n) draw_pair(picture_.pairs[n], left_of(n - first), y);
      y += 2 * picture_.size + kBetween + 2 * kLine + 20;
      draw_name(picture_.names[1], y);
      y += kLine;
    }
    return svg_document(kWidth, std::ceil(y + kMargin / 2), picture_.title, picture_.caption, canvas_.take());
  }

 private:
  static constexpr double kWidth = 960;

  [[nodiscard]] double left_of(std::size_t place) const {
    return kMargin + static_cast<double>(place) * (column_ + kApart);
  }

  void draw_name(const std::string& name, double y) {
    canvas_.text({kMargin, y}, "heading", shortened(name, characters_in(kWidth - 2 * kMargin, kHeadingCharacter)));
  }

  /// Its upper label's base line at `y`.
  void draw_pair(const std::array<Still, 2>& pair, double left, double y) {
    const double size = picture_.size, middle = left + size / 2;
    const double upper = y + 6, lower = upper + size + kBetween;
    canvas_.text({left, y}, "soft", pair[0].text);
    canvas_.line({middle, upper + size}, {middle, lower}, "tick");
    draw_still(pair[0], {left, upper});
    draw_still(pair[1], {left, lower});
    canvas_.text({left, lower + size + kLine - 2}, "soft", pair[1].text);
  }

  void draw_still(const Still& still, Point corner) {
    canvas_.image(corner, picture_.size, picture_.size, "still", png_data_uri(still.png), still.hover);
    canvas_.rectangle(corner, picture_.size, picture_.size, "frame");
  }

  const FramePairs& picture_;
  double column_ = 0;
  std::size_t in_a_line_ = 1;
  Canvas canvas_;
};

}  // namespace

std::string to_svg(const FramePairs& picture) {
  return PairDrawing(picture).draw();
}

}  // namespace alignment::drawing
