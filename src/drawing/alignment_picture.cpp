#include "src/drawing/alignment_picture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>
#include <stdexcept>
#include <string_view>

#include "src/drawing/canvas.hpp"
#include "src/drawing/colours.hpp"
#include "src/drawing/document.hpp"
#include "src/drawing/matrix.hpp"
#include "src/drawing/png.hpp"
#include "src/drawing/ticks.hpp"
#include "src/drawing/xml.hpp"

namespace alignment::drawing {
namespace {

// Pixels, before a viewer scales the picture.
constexpr double kTextSize = 13;
constexpr double kBand = 18;  // thickness of a strip of phases
constexpr double kGap = 6;

/// Neighbouring frames of one phase.
struct PhaseRun {
  std::int64_t first = 0, last = 0;  ///< behind the last
  std::int32_t phase = 0;
};

std::vector<PhaseRun> runs_of(std::span<const std::int32_t> phases) {
  std::vector<PhaseRun> runs;
  for (std::size_t n = 0; n < phases.size(); ++n) {
    const auto frame = static_cast<std::int64_t>(n);
    if (runs.empty() || runs.back().phase != phases[n]) runs.push_back({frame, frame, phases[n]});
    runs.back().last = frame + 1;
  }
  return runs;
}

std::string frame_text(const Axis& axis, std::int64_t frame) {
  std::string text = std::to_string(frame);
  if (!axis.seconds.empty()) text += fmt::format(" ({})", seconds_text(axis.seconds[static_cast<std::size_t>(frame)]));
  return text;
}

std::string run_text(const PhaseRun& run, const std::vector<std::string>& names) {
  return fmt::format("{}: {} to {}", run.phase < 0 ? "no phase" : phase_name(names, run.phase), run.first,
                     run.last - 1);
}

void require(bool good, const char* what) {
  if (!good) throw std::invalid_argument(fmt::format("a picture: {}", what));
}

void check(const Axis& axis) {
  const auto fits = [&](std::size_t size) { return size == 0 || static_cast<std::int64_t>(size) == axis.count; };
  require(axis.count >= 1, "an axis without frames");
  require(fits(axis.seconds.size()) && fits(axis.phases.size()), "an axis with other seconds or phases than frames");
}

void check(const AlignmentPicture& picture) {
  for (const MatrixPanel& panel : picture.panels) {
    check(panel.rows);
    check(panel.columns);
    require(static_cast<std::int64_t>(panel.values.size()) == panel.rows.count * panel.columns.count,
            "a matrix of another size than its axes");
    require(panel.row_costs.empty() || static_cast<std::int64_t>(panel.row_costs.size()) == panel.rows.count,
            "costs of other rows");
    for (const Cell& cell : panel.path) {
      require(cell.row >= 0 && cell.row < panel.rows.count && cell.column >= 0 && cell.column < panel.columns.count,
              "a path that leaves its matrix");
    }
  }
  if (picture.line) {
    require(!picture.panels.empty() &&
                static_cast<std::int64_t>(picture.line->values.size()) == picture.panels.back().columns.count,
            "a line of other columns than the last panel's");
  }
  if (!picture.time_lines) return;
  check(picture.time_lines->first);
  check(picture.time_lines->second);
  for (const Link& link : picture.time_lines->links) {
    require(link.first >= 0 && link.first < picture.time_lines->first.count && link.second >= 0 &&
                link.second < picture.time_lines->second.count,
            "a link to a frame that is not there");
  }
}

/// The length of `count` cells nearest below `length` that makes each of whole pixels, as far as they are large enough
/// for that not to show.
double of_whole_pixels(double length, double count) {
  constexpr double kLeast = 8;
  return length / count >= kLeast ? std::floor(length / count) * count : length;
}

/// Where things go in one panel.
struct PanelLayout {
  double left = 0, top = 0;  ///< of the cells
  double width = 0, height = 0;
  double bars = 0;  ///< width of the bars of row costs, or 0
};

/// Draws a picture from top to bottom.
class Drawing {
 public:
  explicit Drawing(const AlignmentPicture& picture) : picture_(picture), room_(picture.width - 2 * kMargin) {
    const auto most = std::min(kMostCells, static_cast<std::int64_t>(room_ / 2));
    std::vector<double> drawn;
    for (const MatrixPanel& panel : picture.panels) {
      reduced_.push_back(block_means(panel.values, panel.rows.count, panel.columns.count, most));
      std::copy_if(reduced_.back().values.begin(), reduced_.back().values.end(), std::back_inserter(drawn),
                   [](double value) { return std::isfinite(value); });
      const Limits limits = limits_of(reduced_.back().values);
      const bool first = reduced_.size() == 1;
      limits_.low = first ? limits.low : std::min(limits_.low, limits.low);
      limits_.high = first ? limits.high : std::max(limits_.high, limits.high);
      for (const double cost : panel.row_costs) most_row_cost_ = std::max(most_row_cost_, cost);
      for (const Axis* axis : {&panel.rows, &panel.columns}) note_phases(*axis);
    }
    const double last = quantile(drawn, picture.shown);
    clipped_ = last > limits_.low && last < limits_.high;
    if (clipped_) limits_.high = last;
    if (picture.time_lines) {
      for (const Axis* axis : {&picture.time_lines->first, &picture.time_lines->second}) note_phases(*axis);
      for (const Link& link : picture.time_lines->links) {
        if (link.phase >= 0) phases_.insert(link.phase);
      }
    }
  }

  /// A document of its own.
  std::string document() {
    const std::string caption = whole_caption();
    y_ = draw_head(canvas_, picture_.title, caption, picture_.width);
    draw();
    return svg_document(picture_.width, height(), picture_.title, caption, canvas_.take());
  }

  /// For a page, which has title and caption as text beside it.
  std::string element() {
    y_ = 0;
    draw();
    return svg_element(picture_.width, height(), fmt::format("{}. {}", picture_.title, whole_caption()),
                       canvas_.take());
  }

 private:
  void draw() {
    for (std::size_t n = 0; n < picture_.panels.size(); ++n) draw_panel(picture_.panels[n], reduced_[n]);
    if (picture_.line) draw_line(*picture_.line, picture_.panels.back());
    if (picture_.time_lines) draw_time_lines(*picture_.time_lines);
    if (!phases_.empty() || no_phase_) draw_legend();
  }

  [[nodiscard]] double height() const { return std::ceil(y_ + kMargin / 2); }

  void note_phases(const Axis& axis) {
    for (const std::int32_t phase : axis.phases) {
      if (phase >= 0) {
        phases_.insert(phase);
      } else {
        no_phase_ = true;
      }
    }
  }

  /// The caption, and what the drawing leaves out.
  [[nodiscard]] std::string whole_caption() const {
    std::string caption = picture_.caption;
    for (std::size_t n = 0; n < reduced_.size(); ++n) {
      const MatrixPanel& panel = picture_.panels[n];
      if (reduced_[n].rows == panel.rows.count && reduced_[n].columns == panel.columns.count) continue;
      caption += fmt::format("{}{} x {} cells are drawn as {} x {} means.", caption.empty() ? "" : " ",
                             panel.rows.count, panel.columns.count, reduced_[n].rows, reduced_[n].columns);
    }
    if (clipped_) {
      caption += fmt::format("{}The scale holds {:.4g} % of the cells; what lies above has the colour of its end.",
                             caption.empty() ? "" : " ", 100 * picture_.shown);
    }
    return caption;
  }

  [[nodiscard]] PanelLayout layout_of(const MatrixPanel& panel) const {
    PanelLayout layout;
    const double labels = panel.rows.seconds.empty() ? 44 : 100;
    layout.left = kMargin + kLine + labels + (panel.rows.phases.empty() ? 0 : kBand + kGap);
    layout.bars = panel.row_costs.empty() ? 0 : 150;
    const double right = kMargin + 16 + 62 + 22 + (layout.bars > 0 ? layout.bars + 24 : 0);
    const double room = picture_.width - layout.left - right;
    const auto rows = static_cast<double>(panel.rows.count), columns = static_cast<double>(panel.columns.count);
    if (picture_.same_frames) {
      constexpr double kLeast = 90, kHighest = 620;
      const double cell = std::min({room / columns, kHighest / rows, 40.0});
      layout.width = std::max(cell * columns, kLeast);
      layout.height = std::max(cell * rows, kLeast);
    } else {
      layout.width = std::min(room, std::max(columns * 40, 120.0));
      layout.height = std::clamp(rows * 16, 110.0, std::min(picture_.width * 0.55, 400.0));
    }
    layout.width = of_whole_pixels(layout.width, columns);
    layout.height = of_whole_pixels(layout.height, rows);
    return layout;
  }

  void draw_heading(const std::string& title) {
    y_ += kLine;
    for (const std::string& line : wrapped(title, characters_in(room_, kHeadingCharacter))) {
      canvas_.text({kMargin, y_}, "heading", line);
      y_ += kLine + 2;
    }
  }

  void draw_panel(const MatrixPanel& panel, const Matrix& reduced) {
    PanelLayout layout = layout_of(panel);
    draw_heading(panel.title);
    layout.top = y_ - 4;
    const std::string hover = fmt::format("{}, from {} to {}{}", picture_.scale_name, number_text(limits_.low),
                                          number_text(limits_.high), clipped_ ? " and more" : "");
    const std::string image = image_of(reduced, whole_pixels(layout.width / static_cast<double>(reduced.columns),
                                                             layout.height / static_cast<double>(reduced.rows)));
    canvas_.image({layout.left, layout.top}, layout.width, layout.height, "cells", png_data_uri(image), hover);
    canvas_.rectangle({layout.left, layout.top}, layout.width, layout.height, "frame");
    draw_path(panel, layout);
    draw_scale({layout.left + layout.width + 16 + (layout.bars > 0 ? layout.bars + 24 : 0), layout.top},
               std::max(std::min(layout.height, 240.0), 90.0));
    if (layout.bars > 0) draw_row_costs(panel, layout);
    draw_row_axis(panel.rows, layout);
    y_ = layout.top + layout.height;
    if (!panel.columns.phases.empty()) {
      draw_band(panel.columns, {layout.left, y_ + kGap}, layout.width);
      y_ += kGap + kBand;
    }
    draw_frame_ticks(panel.columns, layout.left, layout.width, true);
    y_ += kLine;
    canvas_.text({layout.left + layout.width / 2, y_}, "soft middle",
                 shortened(panel.columns.name, characters_in(std::max(layout.width, 300.0))));
    y_ += kLine;
  }

  [[nodiscard]] std::string image_of(const Matrix& matrix, CellSize size) const {
    std::vector<std::uint8_t> shades;
    shades.reserve(matrix.values.size());
    for (const double value : matrix.values) {
      if (!std::isfinite(value)) {
        shades.push_back(kCostShades);
        continue;
      }
      const double span = limits_.high - limits_.low;
      const double share = span > 0 ? std::min((value - limits_.low) / span, 1.0) : 0;
      shades.push_back(static_cast<std::uint8_t>(std::lround(share * (kCostShades - 1))));
    }
    return png_bytes(matrix.columns, matrix.rows, shades, cost_palette(), size);
  }

  void draw_path(const MatrixPanel& panel, const PanelLayout& layout) {
    if (panel.path.empty()) return;
    const double cell_width = layout.width / static_cast<double>(panel.columns.count);
    const double cell_height = layout.height / static_cast<double>(panel.rows.count);
    std::vector<Point> points;
    points.reserve(panel.path.size());
    for (std::size_t n = 0; n < panel.path.size(); ++n) {
      const Cell cell = panel.path[n];
      if (n > 0 && n + 1 < panel.path.size()) {  // on the way straight on
        const Cell before = panel.path[n - 1], after = panel.path[n + 1];
        if (cell.row - before.row == after.row - cell.row && cell.column - before.column == after.column - cell.column)
          continue;
      }
      points.push_back({layout.left + (static_cast<double>(cell.column) + 0.5) * cell_width,
                        layout.top + (static_cast<double>(cell.row) + 0.5) * cell_height});
    }
    canvas_.path(points, "halo");
    canvas_.path(points, "trace");
  }

  /// The colours, with their numbers.
  void draw_scale(Point corner, double height) {
    constexpr double kThick = 16;
    std::vector<std::uint8_t> shades;
    for (std::size_t shade = kCostShades; shade-- > 0;) shades.push_back(static_cast<std::uint8_t>(shade));
    const std::string image = png_bytes(1, static_cast<std::int64_t>(kCostShades), shades, cost_palette(), {2, 1});
    canvas_.image(corner, kThick, height, "cells", png_data_uri(image), {});
    canvas_.rectangle(corner, kThick, height, "frame");
    const double span = limits_.high - limits_.low;
    if (clipped_)
      canvas_.text({corner.x + kThick + 8, corner.y + 4.5}, "soft", "\xE2\x89\xA5 " + number_text(limits_.high));
    for (const double value : number_ticks(limits_.low, limits_.high, static_cast<std::int64_t>(height / 36) + 1)) {
      const double y = corner.y + (span > 0 ? height * (limits_.high - value) / span : height);
      if (clipped_ && y < corner.y + kLine) continue;  // the end has its own number
      canvas_.line({corner.x + kThick, y}, {corner.x + kThick + 4, y}, "tick");
      canvas_.text({corner.x + kThick + 8, y + 4.5}, "soft", number_text(value));
    }
    canvas_.upright_text({corner.x + kThick + 66, corner.y + height / 2}, "soft",
                         shortened(picture_.scale_name, characters_in(std::max(height, 120.0))));
  }

  /// What each row costs, as bars.
  void draw_row_costs(const MatrixPanel& panel, const PanelLayout& layout) {
    const double left = layout.left + layout.width + 16;
    const double row_height = layout.height / static_cast<double>(panel.rows.count);
    for (std::size_t row = 0; row < panel.row_costs.size(); ++row) {
      const double cost = panel.row_costs[row];
      if (!(cost > 0) || !std::isfinite(cost)) continue;
      const double thick = std::max(row_height * 0.7, 0.5);
      canvas_.rectangle({left, layout.top + (static_cast<double>(row) + 0.5) * row_height - thick / 2},
                        layout.bars * cost / most_row_cost_, thick, "bar", {},
                        fmt::format("{} {}: {}", panel.rows.name, row, number_text(cost)));
    }
    const double bottom = layout.top + layout.height;
    canvas_.line({left, layout.top}, {left, bottom}, "tick");
    for (const double value : number_ticks(0, most_row_cost_, 3)) {
      const double x = left + (most_row_cost_ > 0 ? layout.bars * value / most_row_cost_ : 0);
      canvas_.line({x, bottom}, {x, bottom + 4}, "tick");
      canvas_.text({x, bottom + kLine}, "soft middle", number_text(value));
    }
    canvas_.text({left + layout.bars / 2, bottom + 2 * kLine}, "soft middle", panel.row_costs_name);
  }

  /// Below the columns of `panel`, from 0 up and down.
  void draw_line(const ColumnLine& line, const MatrixPanel& panel) {
    constexpr double kHigh = 110;
    draw_heading(line.title);
    PanelLayout layout = layout_of(panel);
    layout.top = y_ - 4;
    layout.height = kHigh;
    std::vector<double> drawn = line.values;
    drawn.push_back(0);
    const Limits limits = limits_of(drawn);
    const double span = limits.high - limits.low;
    const auto height_of = [&](double value) {
      return layout.top + kHigh * (span > 0 ? (limits.high - value) / span : 0.5);
    };
    for (const double value : number_ticks(limits.low, limits.high, 4)) {
      canvas_.line({layout.left, height_of(value)}, {layout.left + layout.width, height_of(value)}, "grid");
      canvas_.text({layout.left - 8, height_of(value) + 4.5}, "soft end", number_text(value));
    }
    canvas_.line({layout.left, height_of(0)}, {layout.left + layout.width, height_of(0)}, "tick");
    const double column_width = layout.width / static_cast<double>(panel.columns.count);
    std::vector<Point> points;
    for (std::size_t column = 0; column < line.values.size(); ++column) {
      if (!std::isfinite(line.values[column])) continue;
      points.push_back(
          {layout.left + (static_cast<double>(column) + 0.5) * column_width, height_of(line.values[column])});
    }
    canvas_.path(points, "trace");
    y_ = layout.top + kHigh;
    draw_frame_ticks(panel.columns, layout.left, layout.width, true);
    y_ += kLine;
  }

  void draw_row_axis(const Axis& axis, const PanelLayout& layout) {
    const double frame_height = layout.height / static_cast<double>(axis.count);
    double right = layout.left;
    if (!axis.phases.empty()) {
      right -= kGap + kBand;
      for (const PhaseRun& run : runs_of(axis.phases)) {
        const double top = layout.top + static_cast<double>(run.first) * frame_height;
        draw_phase({right, top}, kBand, static_cast<double>(run.last - run.first) * frame_height, run);
      }
    }
    for (const std::int64_t frame :
         frame_ticks(axis.count, std::max<std::int64_t>(1, std::int64_t(layout.height / 26)))) {
      const double y = layout.top + (static_cast<double>(frame) + 0.5) * frame_height;
      canvas_.line({right - 4, y}, {right, y}, "tick");
      canvas_.text({right - 8, y + 4.5}, "soft end", frame_text(axis, frame));
    }
    canvas_.upright_text({kMargin + 8, layout.top + layout.height / 2}, "soft",
                         shortened(axis.name, characters_in(std::max(layout.height, 110.0))));
  }

  /// A stretch of one phase; its number where there is room.
  void draw_phase(Point corner, double width, double height, const PhaseRun& run) {
    const std::string hover = run_text(run, picture_.phase_names);
    if (run.phase < 0) {
      canvas_.rectangle(corner, width, height, "none", {}, hover);
      return;
    }
    const Colour colour = phase_colour(run.phase);
    canvas_.rectangle(corner, width, height, "phase", hexadecimal(colour), hover);
    const std::string number = std::to_string(run.phase);
    if (width < width_of(number) + 3 || height < kTextSize + 1) return;
    canvas_.text({corner.x + width / 2, corner.y + height / 2 + 4.5},
                 is_light(colour) ? "on-light middle" : "on-dark middle", number);
  }

  void draw_band(const Axis& axis, Point corner, double width) {
    const double frame_width = width / static_cast<double>(axis.count);
    for (const PhaseRun& run : runs_of(axis.phases)) {
      draw_phase({corner.x + static_cast<double>(run.first) * frame_width, corner.y},
                 static_cast<double>(run.last - run.first) * frame_width, kBand, run);
    }
  }

  /// Numbers below (or above) a horizontal sequence, moving on where they take room.
  void draw_frame_ticks(const Axis& axis, double left, double width, bool below) {
    const double frame_width = width / static_cast<double>(axis.count);
    const double apart = axis.seconds.empty() ? 48 : 66;
    const double direction = below ? 1 : -1;
    for (const std::int64_t frame : frame_ticks(axis.count, std::max<std::int64_t>(1, std::int64_t(width / apart)))) {
      const double x = left + (static_cast<double>(frame) + 0.5) * frame_width;
      canvas_.line({x, y_}, {x, y_ + 4 * direction}, "tick");
      canvas_.text({x, y_ + (below ? kLine : -8)}, "soft middle", std::to_string(frame));
      if (axis.seconds.empty()) continue;
      canvas_.text({x, y_ + (below ? 2 * kLine - 2 : -8 - kLine + 2)}, "soft middle",
                   seconds_text(axis.seconds[static_cast<std::size_t>(frame)]));
    }
    if (below) y_ += axis.seconds.empty() ? kLine : 2 * kLine - 2;
  }

  void draw_time_lines(const TimeLines& lines) {
    draw_heading(lines.title);
    constexpr double kHalfLabel = 16;  // of the number at the first frame
    const double left = kMargin + kHalfLabel, room = picture_.width - 2 * left;
    const double frame_width = room / static_cast<double>(std::max(lines.first.count, lines.second.count));
    constexpr double kBetween = 96;
    const auto bar = [&](const Axis& axis) {
      const double width = static_cast<double>(axis.count) * frame_width;
      if (axis.phases.empty()) {
        canvas_.rectangle({left, y_}, width, kBand, "none");
      } else {
        draw_band(axis, {left, y_}, width);
      }
      canvas_.rectangle({left, y_}, width, kBand, "frame");
      return width;
    };
    canvas_.text({left, y_ + 4}, "soft", shortened(lines.first.name, characters_in(room)));
    y_ += kLine + 8 + (lines.first.seconds.empty() ? kLine : 2 * kLine - 2);
    const double first_width = static_cast<double>(lines.first.count) * frame_width;
    draw_frame_ticks(lines.first, left, first_width, false);
    bar(lines.first);
    const double upper = y_ + kBand, lower = upper + kBetween;
    for (const Link& link : lines.links) {
      const Point from{left + (static_cast<double>(link.first) + 0.5) * frame_width, upper};
      const Point to{left + (static_cast<double>(link.second) + 0.5) * frame_width, lower};
      if (link.phase < 0) {
        canvas_.line(from, to, "plain", {}, link.text);
        continue;
      }
      canvas_.line(from, to, "casing");
      canvas_.line(from, to, "link", hexadecimal(phase_colour(link.phase)), link.text);
    }
    y_ = lower;
    const double second_width = bar(lines.second);
    y_ += kBand;
    draw_frame_ticks(lines.second, left, second_width, true);
    y_ += kLine;
    canvas_.text({left, y_}, "soft", shortened(lines.second.name, characters_in(room)));
    y_ += kLine;
  }

  void draw_legend() {
    constexpr double kSwatch = 24;
    y_ += kLine + 4;
    double x = kMargin;
    const auto entry = [&](std::int32_t phase, const std::string& name) {
      const std::string shown = shortened(name, 40);
      const double width = kSwatch + kGap + width_of(shown) + 18;
      if (x > kMargin && x + width > picture_.width - kMargin) {
        x = kMargin;
        y_ += kBand + 8;
      }
      draw_phase({x, y_ - kBand / 2 - 4.5}, kSwatch, kBand, {0, 1, phase});
      canvas_.text({x + kSwatch + kGap, y_}, "", shown);
      x += width;
    };
    for (const std::int32_t phase : phases_) entry(phase, phase_name(picture_.phase_names, phase));
    if (no_phase_) entry(-1, "no phase");
    y_ += kLine;
  }

  const AlignmentPicture& picture_;
  double room_ = 0;              ///< between the margins
  std::vector<Matrix> reduced_;  ///< of the panels
  Limits limits_;                ///< of all of them, as far as the colours tell them apart
  bool clipped_ = false;         ///< cells lie above
  double most_row_cost_ = 0;
  std::set<std::int32_t> phases_;  ///< that occur
  bool no_phase_ = false;          ///< frames without one occur
  Canvas canvas_;
  double y_ = 0;  ///< where the picture goes on
};

}  // namespace

std::string phase_name(const std::vector<std::string>& names, std::int32_t phase) {
  const auto at = static_cast<std::size_t>(phase);
  return phase >= 0 && at < names.size() ? names[at] : fmt::format("phase {}", phase);
}

std::string to_svg(const AlignmentPicture& picture) {
  check(picture);
  return Drawing(picture).document();
}

std::string svg_element(const AlignmentPicture& picture) {
  check(picture);
  return Drawing(picture).element();
}

}  // namespace alignment::drawing
