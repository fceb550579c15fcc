#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace alignment {

/// A value of a type that no key has (a date, a table, an array of numbers), as text for a message.
struct ForeignValue {
  std::string text;
  [[nodiscard]] bool operator==(const ForeignValue&) const = default;
};

/// What a file or the command line gave for a key, before it is checked against the key.
using RawValue = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>, ForeignValue>;

/// The value as TOML writes it: doubles with the fewest digits that read back the same, strings escaped, always one
/// line.
[[nodiscard]] std::string toml_text(const RawValue& value);

/// The value with its type, for messages: `8.5 (a float)`.
[[nodiscard]] std::string describe_value(const RawValue& value);

/// True for text that a TOML string and a file name can both hold: valid UTF-8 without a zero byte.
[[nodiscard]] bool is_plain_text(std::string_view text);

}  // namespace alignment
