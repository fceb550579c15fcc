#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace alignment::io {

/// A dict from id to an integer or a text, read from a file and kept in its order.
struct IdTable {
  std::filesystem::path file;
  std::vector<std::string> ids;  ///< integer keys as their decimal text
  std::unordered_map<std::string, std::variant<std::int64_t, std::string>> values;

  /// The value as text; throws StoreError where it is an integer. `meaning` ("file name") is for the message.
  [[nodiscard]] const std::string& text(const std::string& id, const char* meaning) const;
  /// The value as an integer; throws StoreError where it is a text.
  [[nodiscard]] std::int64_t integer(const std::string& id, const char* meaning) const;
};

/// Reads a JSON object (`.json`) or else a Python pickle of a dict. Throws StoreError for everything else, for ids that
/// occur twice and for values that are neither integer nor text.
[[nodiscard]] IdTable read_id_table(const std::filesystem::path& file);

}  // namespace alignment::io
