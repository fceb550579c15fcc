#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Pieces of a report's page, as HTML in UTF-8. What is called `html` goes into the page as it is; everything else is
/// text, whatever it holds, and escaped here.
namespace alignment::report {

[[nodiscard]] std::string escaped(std::string_view text);
/// A number as it is shown, with all its digits as the value that programs read.
[[nodiscard]] std::string number(double value, std::string_view shown);
/// To four decimals.
[[nodiscard]] std::string number(double value);
[[nodiscard]] std::string count(std::int64_t value);
/// "95.2 %" of a fraction, whose value is the fraction.
[[nodiscard]] std::string percent(double fraction);

[[nodiscard]] std::string paragraph(std::string_view html);
[[nodiscard]] std::string subheading(std::string_view text);

struct Column {
  std::string name;
  bool is_number = false;  ///< set to the right
};
struct Table {
  std::string caption;
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;  ///< html of each cell; the first of a row is its heading
};
/// Scrolls by itself where the page is narrower. Empty where there are no rows.
[[nodiscard]] std::string table(const Table& table);

/// A large number and what it is, one beside the other.
struct Tile {
  std::string name, html, remark;
};
[[nodiscard]] std::string tiles(const std::vector<Tile>& tiles);

/// Beside each other where there is room, else one below the other. Empty ones are left out.
[[nodiscard]] std::string beside(const std::vector<std::string>& html);

/// A picture (html) and a line about it.
[[nodiscard]] std::string figure(std::string_view html, std::string_view caption_html);

/// A PNG of a pixel a cell, as wide as there is room, `height` pixels high.
[[nodiscard]] std::string cells(std::string_view png, std::int64_t height, std::string_view alternative);

/// A bar of that share (0 to 1) of the full length.
[[nodiscard]] std::string bar(double share);

/// Shown when it is opened.
[[nodiscard]] std::string folded(std::string_view summary, std::string_view html);

/// Text as it stands, line by line.
[[nodiscard]] std::string lines(std::string_view text, std::string_view label);

}  // namespace alignment::report
