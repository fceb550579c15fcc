#include "src/drawing/xml.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace alignment::drawing {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

/// Bytes of the UTF-8 character that `text` begins with, 0 where it begins with none. `point`: what it stands for.
std::size_t take_character(std::string_view text, std::uint32_t& point) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at])); };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) {
    point = lead;
    return 1;
  }
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  point = lead & (0xFFU >> (length + 1));
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xC0U) != 0x80U) return 0;
    point = point << 6U | (byte(at) & 0x3FU);
  }
  if (point < kSmallest[length] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return 0;
  return length;
}

/// The text's characters; a byte that begins none is one of its own.
std::vector<std::string_view> characters_of(std::string_view text) {
  std::vector<std::string_view> characters;
  std::uint32_t point = 0;
  while (!text.empty()) {
    const std::size_t length = std::max(take_character(text, point), std::size_t{1});
    characters.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return characters;
}

}  // namespace

std::string xml_escaped(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const std::string_view character : characters_of(text)) {
    std::uint32_t point = 0;
    const bool good = take_character(character, point) > 0;
    if (point == '\t' || point == '\n' || point == '\r') {
      escaped += ' ';
    } else if (!good || point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0xFFFE || point == 0xFFFF) {
      escaped += kReplacement;
    } else if (point == '&') {
      escaped += "&amp;";
    } else if (point == '<') {
      escaped += "&lt;";
    } else if (point == '>') {
      escaped += "&gt;";
    } else if (point == '"') {
      escaped += "&quot;";
    } else if (point == '\'') {
      escaped += "&#39;";
    } else {
      escaped += character;
    }
  }
  return escaped;
}

std::size_t character_count(std::string_view text) {
  return characters_of(text).size();
}

std::string shortened(std::string_view text, std::size_t most) {
  const std::vector<std::string_view> characters = characters_of(text);
  if (characters.size() <= most) return std::string(text);
  const std::size_t front = most / 2, back = most - front - 1;
  std::string cut;
  for (std::size_t n = 0; n < front; ++n) cut += characters[n];
  cut += "\xE2\x80\xA6";  // an ellipsis
  for (std::size_t n = characters.size() - back; n < characters.size(); ++n) cut += characters[n];
  return cut;
}

std::string shortened_by_words(std::string_view text, std::size_t most) {
  constexpr std::size_t kLeastOfWord = 12;
  std::vector<std::string_view> words;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  std::vector<std::size_t> lengths;
  for (const std::string_view word : words) lengths.push_back(character_count(word));
  for (std::size_t total = character_count(text); total > most; --total) {
    const auto longest = std::max_element(lengths.begin(), lengths.end());
    if (*longest <= kLeastOfWord) return shortened(text, most);
    --*longest;
  }
  std::string line;
  for (std::size_t n = 0; n < words.size(); ++n) {
    if (n > 0) line += ' ';
    line += shortened(words[n], lengths[n]);
  }
  return line;
}

}  // namespace alignment::drawing
