#pragma once

#include <string>
#include <string_view>

namespace alignment::io {

/// True where `text` is well-formed UTF-8 (no overlong forms, no surrogates, nothing above U+10FFFF).
[[nodiscard]] bool is_utf8(std::string_view text);

/// `text` where it is UTF-8, else with '?' for every byte that is not ASCII: file names may be anything.
[[nodiscard]] std::string as_utf8(std::string_view text);

/// `text` with control characters as '?', so that a message stays one line.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace alignment::io
