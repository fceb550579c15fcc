#include "io/formats/text/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "io/errors.hpp"
#include "io/formats/whole_file.hpp"

namespace alignment::io {
namespace {

/// Takes one record after the other off the text.
class CsvParser {
 public:
  CsvParser(const std::filesystem::path& file, std::string_view text) : file_(file), text_(text) {}

  [[nodiscard]] bool at_end() const { return position_ == text_.size(); }

  CsvRecord record() {
    CsvRecord record{.line = line_, .fields = {}};
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
      return record;
    }
  }

 private:
  [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[position_]; }

  std::string plain() {
    const auto end = std::min(text_.find_first_of(",\r\n", position_), text_.size());
    std::string field(text_.substr(position_, end - position_));
    if (field.find('"') != std::string::npos) {
      refuse("a quote within an unquoted field");
    }
    position_ = end;
    return field;
  }

  std::string quoted() {
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

  [[noreturn]] void refuse(std::string_view found) const {
    throw StoreError(
        fmt::format("{}:line {}: found {}; expected comma-separated values as in RFC 4180; correct the line",
                    file_.string(), line_, found));
  }

  const std::filesystem::path& file_;
  std::string_view text_;
  std::size_t position_ = 0;
  std::int64_t line_ = 1;
};

}  // namespace

std::vector<CsvRecord> read_csv(const std::filesystem::path& file) {
  const std::vector<char> bytes = read_whole_file(file);
  std::string_view text(bytes.data(), bytes.size());
  if (text.starts_with("\xEF\xBB\xBF")) {
    text.remove_prefix(3);
  }
  CsvParser parser(file, text);
  std::vector<CsvRecord> records;
  while (!parser.at_end()) {
    CsvRecord record = parser.record();
    if (record.fields.size() > 1 || !record.fields.front().empty()) {
      records.push_back(std::move(record));
    }
  }
  return records;
}

}  // namespace alignment::io
