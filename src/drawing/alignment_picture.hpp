#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// Pictures of alignments, as SVG in one piece: no scripts, no other files, readable on light and on dark.
namespace alignment::drawing {

/// A sequence along a side of a matrix, or as a bar.
struct Axis {
  std::string name;                           ///< what is counted: "frame of clip_7"
  std::int64_t count = 0;                     ///< of its frames (or steps), at least 1
  std::span<const double> seconds = {};       ///< [count] when each is, or empty
  std::span<const std::int32_t> phases = {};  ///< [count] phase of each, negative for none; or empty
};

struct Cell {
  std::int64_t row = 0, column = 0;
};

/// A cost matrix with a path through it.
struct MatrixPanel {
  std::string title;
  Axis rows, columns;              ///< rows from top to bottom
  std::span<const double> values;  ///< [rows, columns]
  std::vector<Cell> path;          ///< from the first cell to the last; or empty
  std::vector<double> row_costs;   ///< [rows] drawn as bars beside the rows; or empty
  std::string row_costs_name;      ///< what they are
};

/// A number for each column of the panels, drawn as a line below them.
struct ColumnLine {
  std::string title;
  std::vector<double> values;  ///< [columns of the last panel]
};

/// A frame of the first sequence that is a frame of the second.
struct Link {
  std::int64_t first = 0, second = 0;
  std::int32_t phase = -1;  ///< its colour
  std::string text;         ///< shown under the pointer
};

/// Two sequences as bars of one scale, one above the other, and what belongs together in them.
struct TimeLines {
  std::string title;
  Axis first, second;
  std::vector<Link> links;
};

/// What a cost matrix is drawn with at most, a side, and in a narrow picture one a two pixels; a larger one is drawn as
/// means of blocks of cells.
inline constexpr std::int64_t kMostCells = 400;

struct AlignmentPicture {
  double width = 960;  ///< pixels, before a viewer scales the picture; at least 400
  std::string title;
  std::string caption;                   ///< one paragraph; what the drawing leaves out is added to it
  std::vector<MatrixPanel> panels;       ///< one below the other, their colours of one scale
  std::string scale_name = "cost";       ///< what the colours stand for
  double shown = 1;                      ///< share of the cells that the colours tell apart, the rest has the last one
  bool same_frames = false;              ///< rows and columns are counted alike: a cell is as high as wide
  std::optional<ColumnLine> line;        ///< below the panels
  std::optional<TimeLines> time_lines;   ///< below that
  std::vector<std::string> phase_names;  ///< by phase; one beyond them is "phase 3"
};

/// "phase 3", or its name where there is one.
[[nodiscard]] std::string phase_name(const std::vector<std::string>& names, std::int32_t phase);

/// The picture as an SVG document in UTF-8, valid XML whatever the texts hold. The same input gives the same bytes; at
/// most some 300 kB a panel, whatever the size of the matrices. Throws std::invalid_argument where sizes do not fit.
[[nodiscard]] std::string to_svg(const AlignmentPicture& picture);

/// The same as an element of a page that has picture_style(): title and caption are only what a screen reader says of
/// it. Throws as to_svg().
[[nodiscard]] std::string svg_element(const AlignmentPicture& picture);

}  // namespace alignment::drawing
