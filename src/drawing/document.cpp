#include "src/drawing/document.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "src/drawing/style.hpp"
#include "src/drawing/xml.hpp"

namespace alignment::drawing {

double width_of(std::string_view text) {
  return static_cast<double>(character_count(text)) * kCharacter;
}

std::size_t characters_in(double width, double character) {
  return static_cast<std::size_t>(std::max(width / character, 3.0));
}

std::vector<std::string> wrapped(std::string_view text, std::size_t most) {
  std::vector<std::string> lines;
  std::string line;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (!line.empty() && character_count(line) + 1 + character_count(word) > most)
      lines.push_back(std::move(line)), line.clear();
    if (!line.empty()) line += ' ';
    line += shortened(word, most);
  }
  if (!line.empty()) lines.push_back(std::move(line));
  return lines;
}

double draw_head(Canvas& canvas, std::string_view title, std::string_view caption, double width) {
  constexpr double kTitleCharacter = 13.4;
  const double room = width - 2 * kMargin;
  double y = kMargin + 16;
  canvas.text({kMargin, y}, "title", shortened_by_words(title, characters_in(room, kTitleCharacter)));
  y += 8;
  for (const std::string& line : wrapped(caption, characters_in(room))) {
    y += kLine;
    canvas.text({kMargin, y}, "soft", line);
  }
  return y + kLine;
}

std::string svg_document(double width, double height, std::string_view title, std::string_view caption,
                         std::string_view elements) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" role=\"img\" "
      "aria-labelledby=\"picture-title picture-description\">\n"
      "<title id=\"picture-title\">{2}</title>\n<desc id=\"picture-description\">{3}</desc>\n<style>\n{4}</style>\n"
      "<rect width=\"100%\" height=\"100%\" class=\"background\"/>\n{5}</svg>\n",
      pixels(width), pixels(height), xml_escaped(title), xml_escaped(caption), picture_style(), elements);
}

}  // namespace alignment::drawing
