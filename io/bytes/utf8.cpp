#include "io/bytes/utf8.hpp"

#include <cstddef>
#include <cstdint>

namespace alignment::io {

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<std::uint8_t>(text[at]);
    const std::size_t more = lead < 0x80 ? 0 : lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4 || at + more >= text.size()) return false;
    std::uint32_t code = more == 0 ? lead : lead & (0x3FU >> more);
    for (std::size_t n = 1; n <= more; ++n) {
      const auto next = static_cast<std::uint8_t>(text[at + n]);
      if ((next & 0xC0U) != 0x80U) return false;
      code = code << 6U | (next & 0x3FU);
    }
    if ((more == 2 && code < 0x800) || (more == 3 && code < 0x10000) || code > 0x10FFFF ||
        (code >= 0xD800 && code <= 0xDFFF))
      return false;
    at += more + 1;
  }
  return true;
}

std::string as_utf8(std::string_view text) {
  std::string result(text);
  if (is_utf8(text)) return result;
  for (char& letter : result) {
    if (static_cast<unsigned char>(letter) >= 0x80) letter = '?';
  }
  return result;
}

std::string printable(std::string_view text) {
  std::string line(text);
  for (char& letter : line) {
    if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7F) letter = '?';
  }
  return line;
}

}  // namespace alignment::io
