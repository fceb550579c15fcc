#include "io/formats/text/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "io/bytes/text.hpp"
#include "io/errors.hpp"
#include "io/formats/whole_file.hpp"

namespace alignment::io {

CsvReader::CsvReader(const std::filesystem::path& file, std::string_view text)
    : file_(file), text_(without_byte_order_mark(text)) {}

bool CsvReader::next(CsvRecord& record) {
  while (!at_end()) {
    const bool is_quoted = peek() == '"';  // an empty field in quotes is a field, of a line that is not empty
    read_line(record);
    if (is_quoted || record.fields.size() > 1 || !record.fields.front().empty()) return true;
  }
  return false;
}

void CsvReader::read_line(CsvRecord& record) {
  record.line = line_;
  record.fields.clear();
  while (true) {
    record.fields.push_back(peek() == '"' ? quoted() : plain());
    if (peek() == ',') {
      ++position_;
      continue;
    }
    if (peek() == '\r') {
      ++position_;
    }
    if (!at_end() && peek() != '\n') {
      refuse("text behind a closing quote, or a carriage return within a line");
    }
    if (!at_end()) {
      ++position_;
      ++line_;
    }
    return;
  }
}

std::string CsvReader::plain() {
  const auto end = std::min(text_.find_first_of(",\r\n", position_), text_.size());
  std::string field(text_.substr(position_, end - position_));
  if (field.find('"') != std::string::npos) {
    refuse("a quote within an unquoted field");
  }
  position_ = end;
  return field;
}

std::string CsvReader::quoted() {
  std::string field;
  ++position_;
  while (true) {
    const auto quote = text_.find('"', position_);
    if (quote == std::string_view::npos) {
      refuse("a quote that is never closed");
    }
    const std::string_view piece = text_.substr(position_, quote - position_);
    field += piece;
    line_ += std::count(piece.begin(), piece.end(), '\n');
    position_ = quote + 1;
    if (peek() != '"') {
      return field;
    }
    field += '"';
    ++position_;
  }
}

void CsvReader::refuse(std::string_view found) const {
  throw StoreError(fmt::format("{}:line {}: found {}; expected comma-separated values as in RFC 4180; correct the line",
                               file_.string(), line_, found));
}

std::vector<CsvRecord> read_csv(const std::filesystem::path& file) {
  const std::vector<char> bytes = read_whole_file(file);
  CsvReader reader(file, {bytes.data(), bytes.size()});
  std::vector<CsvRecord> records;
  for (CsvRecord record; reader.next(record);) records.push_back(std::move(record));
  return records;
}

void require_commas(const std::filesystem::path& file, const CsvRecord& first) {
  if (first.fields.size() > 1) return;
  const std::string& line = first.fields.front();
  for (const auto& [separator, name] : {std::pair(';', "semicolons"), std::pair('\t', "tabs")}) {
    if (line.find(separator) == std::string::npos) continue;
    throw StoreError(
        fmt::format("{}:line {}: found columns with {} between them; expected commas; write the file with commas",
                    file.string(), first.line, name));
  }
}

}  // namespace alignment::io
