#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace alignment::io {

/// Small text work that several formats share.
[[nodiscard]] std::string_view trim(std::string_view text);
[[nodiscard]] std::string lower(std::string_view text);
/// `text` without the byte order mark that a file in UTF-8 may begin with.
[[nodiscard]] std::string_view without_byte_order_mark(std::string_view text);
/// `text` cut at every `separator`; an empty text gives one empty piece.
[[nodiscard]] std::vector<std::string_view> split_text(std::string_view text, char separator);
/// The candidate with the smallest edit distance to `word`, by their first 64 characters; the first of several.
[[nodiscard]] std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);
/// `text` cut to 60 characters and without control characters, for use in a one-line message.
[[nodiscard]] std::string excerpt(std::string_view text);

/// A decimal number. An overflow comes out infinite, as an underflow comes out zero; `well_formed` is false where the
/// whole text is no number. "nan", "inf" in any case are well formed.
struct ParsedNumber {
  double value = 0;
  bool well_formed = false;
};
[[nodiscard]] ParsedNumber parse_number(std::string_view text);
/// True where the whole text is a decimal integer that fits 64 bits.
[[nodiscard]] bool parse_integer(std::string_view text, long long& value);

}  // namespace alignment::io
