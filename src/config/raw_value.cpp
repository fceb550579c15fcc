#include "src/config/raw_value.hpp"

#include <fmt/format.h>

namespace alignment {
namespace {

std::string number_text(double value) {
  std::string text = fmt::format("{}", value);
  const bool looks_integral = text.find_first_not_of("-0123456789") == std::string::npos;
  return looks_integral ? text + ".0" : text;
}

std::string string_text(std::string_view value) {
  std::string text = "\"";
  for (const char character : value) {
    const auto byte = static_cast<unsigned char>(character);
    if (character == '"' || character == '\\') {
      text += '\\';
      text += character;
    } else if (byte < 0x20 || byte == 0x7f) {
      text += fmt::format("\\u{:04X}", byte);
    } else {
      text += character;
    }
  }
  return text + '"';
}

struct TomlText {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(double value) const { return number_text(value); }
  std::string operator()(const std::string& value) const { return string_text(value); }
  std::string operator()(const std::vector<std::string>& values) const {
    std::string text = "[";
    for (const std::string& value : values) text += (text.size() > 1 ? ", " : "") + string_text(value);
    return text + "]";
  }
  std::string operator()(const ForeignValue& value) const { return value.text; }
};

struct TypeName {
  std::string_view operator()(bool) const { return " (a boolean)"; }
  std::string_view operator()(std::int64_t) const { return " (an integer)"; }
  std::string_view operator()(double) const { return " (a float)"; }
  std::string_view operator()(const std::string&) const { return " (a string)"; }
  std::string_view operator()(const std::vector<std::string>&) const { return " (an array of strings)"; }
  std::string_view operator()(const ForeignValue&) const { return ""; }
};

/// How many bytes the UTF-8 sequence at `text` has; 0 where it is not valid.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xc2 && lead < 0xe0   ? 2
                             : (lead & 0xf0U) == 0xe0      ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t index = 1; index < length; ++index) {
    if ((byte(index) & 0xc0U) != 0x80) return 0;
  }
  // The second byte also rules out overlong forms, surrogates and what lies beyond U+10FFFF.
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;
  if (lead == 0xed && byte(1) >= 0xa0) return 0;
  if (lead == 0xf0 && byte(1) < 0x90) return 0;
  if (lead == 0xf4 && byte(1) >= 0x90) return 0;
  return length;
}

}  // namespace

std::string toml_text(const RawValue& value) {
  return std::visit(TomlText{}, value);
}

std::string describe_value(const RawValue& value) {
  return toml_text(value) + std::string(std::visit(TypeName{}, value));
}

bool is_plain_text(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0 || text.front() == '\0') return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace alignment
