#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace alignment::io {

/// One record of a CSV file and the line it begins on (from 1).
struct CsvRecord {
  std::int64_t line = 0;
  std::vector<std::string> fields;
};

/// Takes one record after the other off CSV text as RFC 4180 has it: comma, double quotes (doubled inside), LF or CRLF,
/// a UTF-8 byte order mark skipped, empty lines skipped. `file` and `text` stay where they are meanwhile.
class CsvReader {
 public:
  CsvReader(const std::filesystem::path& file, std::string_view text);

  /// Fills `record` with the next one; false at the end. Throws StoreError for a quote that is out of place.
  bool next(CsvRecord& record);

 private:
  void read_line(CsvRecord& record);
  [[nodiscard]] bool at_end() const { return position_ == text_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[position_]; }
  std::string plain();
  std::string quoted();
  [[noreturn]] void refuse(std::string_view found) const;

  const std::filesystem::path& file_;
  std::string_view text_;
  std::size_t position_ = 0;
  std::int64_t line_ = 1;
};

/// All records of a CSV file. Throws StoreError also for a file that cannot be read.
[[nodiscard]] std::vector<CsvRecord> read_csv(const std::filesystem::path& file);

/// Refuses other separators, which make the whole first line one column: throws StoreError.
void require_commas(const std::filesystem::path& file, const CsvRecord& first);

}  // namespace alignment::io
