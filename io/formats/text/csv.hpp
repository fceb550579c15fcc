#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace alignment::io {

/// One record of a CSV file and the line it begins on (from 1).
struct CsvRecord {
  std::int64_t line = 0;
  std::vector<std::string> fields;
};

/// The records of a CSV file as RFC 4180 has it: comma, double quotes (doubled inside), LF or CRLF, a UTF-8 byte order
/// mark skipped, empty lines skipped. Throws StoreError for a file that cannot be read or a quote that is out of place.
[[nodiscard]] std::vector<CsvRecord> read_csv(const std::filesystem::path& file);

}  // namespace alignment::io
