#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace alignment::drawing {

/// `text` as it may stand between tags and within quoted attributes of an XML 1.0 document in UTF-8: markup escaped;
/// what XML has no way to say (control characters, U+FFFE, U+FFFF) and bytes that are no UTF-8 become U+FFFD, line
/// breaks and tabs blanks.
[[nodiscard]] std::string xml_escaped(std::string_view text);

/// Characters of a UTF-8 text.
[[nodiscard]] std::size_t character_count(std::string_view text);

/// `text` as it is where it has at most `most` characters (at least 3), else its beginning and its end with an ellipsis
/// between them.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t most);

/// The same, but as long as that is enough its longest words are shortened, to 12 characters at the least.
[[nodiscard]] std::string shortened_by_words(std::string_view text, std::size_t most);

}  // namespace alignment::drawing
