#include "src/report/html.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "src/drawing/png.hpp"
#include "src/drawing/xml.hpp"

namespace alignment::report {

std::string escaped(std::string_view text) {
  return drawing::xml_escaped(text);
}

std::string number(double value, std::string_view shown) {
  return fmt::format("<data value=\"{}\">{}</data>", value, escaped(shown));
}

std::string number(double value) {
  return number(value, fmt::format("{:.4f}", value));
}

std::string count(std::int64_t value) {
  return fmt::format("<data value=\"{0}\">{0}</data>", value);
}

std::string percent(double fraction) {
  return number(fraction, fmt::format("{:.1f} %", 100 * fraction));
}

std::string paragraph(std::string_view html) {
  return fmt::format("<p>{}</p>\n", html);
}

std::string subheading(std::string_view text) {
  return fmt::format("<h3>{}</h3>\n", escaped(text));
}

std::string table(const Table& table) {
  if (table.rows.empty()) return "";
  // What scrolls can be reached by keyboard, and says what it is.
  std::string html = fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"group\" "
      "aria-label=\"{0}\">\n<table>\n<caption>{0}</caption>\n<thead><tr>",
      escaped(table.caption));
  const auto style = [&](std::size_t column) { return table.columns[column].is_number ? " class=\"number\"" : ""; };
  for (std::size_t n = 0; n < table.columns.size(); ++n) {
    html += fmt::format("<th scope=\"col\"{}>{}</th>", style(n), escaped(table.columns[n].name));
  }
  html += "</tr></thead>\n<tbody>\n";
  for (const std::vector<std::string>& row : table.rows) {
    html += "<tr>";
    for (std::size_t n = 0; n < row.size(); ++n) {
      html += n == 0 ? fmt::format("<th scope=\"row\"{}>{}</th>", style(n), row[n])
                     : fmt::format("<td{}>{}</td>", style(n), row[n]);
    }
    html += "</tr>\n";
  }
  return html + "</tbody>\n</table>\n</div>\n";
}

std::string tiles(const std::vector<Tile>& tiles) {
  std::string html = "<dl class=\"tiles\">\n";
  for (const Tile& tile : tiles) {
    html += fmt::format("<div><dt>{}</dt><dd>{}</dd>", escaped(tile.name), tile.html);
    if (!tile.remark.empty()) html += fmt::format("<dd class=\"remark\">{}</dd>", escaped(tile.remark));
    html += "</div>\n";
  }
  return html + "</dl>\n";
}

std::string beside(const std::vector<std::string>& html) {
  std::string inner;
  for (const std::string& one : html) {
    if (!one.empty()) inner += fmt::format("<div>{}</div>\n", one);
  }
  return inner.empty() ? "" : fmt::format("<div class=\"beside\">\n{}</div>\n", inner);
}

std::string figure(std::string_view html, std::string_view caption_html) {
  return fmt::format("<figure>{}<figcaption>{}</figcaption></figure>\n", html, caption_html);
}

std::string cells(std::string_view png, std::int64_t height, std::string_view alternative) {
  return fmt::format("<img class=\"cells\" style=\"height:{}px\" src=\"{}\" alt=\"{}\">", height,
                     drawing::png_data_uri(png), escaped(alternative));
}

std::string bar(double share) {
  return fmt::format("<span class=\"bar-room\"><span class=\"bar-part\" style=\"width:{:.1f}%\"></span></span>",
                     100 * share);
}

std::string folded(std::string_view summary, std::string_view html) {
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n", escaped(summary), html);
}

std::string lines(std::string_view text, std::string_view label) {
  std::string html =
      fmt::format("<pre class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{}\">", escaped(label));
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    html += escaped(line) + '\n';
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return html + "</pre>\n";
}

}  // namespace alignment::report
