#include "io/formats/text/feature_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "io/bytes/text.hpp"
#include "io/errors.hpp"
#include "io/formats/text/csv.hpp"
#include "io/formats/whole_file.hpp"

namespace alignment::io {
namespace {

bool is_number(std::string_view field) {
  return parse_number(trim(field)).well_formed;
}

/// What programs write where a value is missing, which is no heading.
bool is_missing(std::string_view field) {
  constexpr std::array<std::string_view, 5> kMissing{"", "na", "n/a", "null", "none"};
  return std::find(kMissing.begin(), kMissing.end(), lower(trim(field))) != kMissing.end();
}

/// Whether `text` begins with a letter or an underscore, as names do and misspelt numbers do not. Beyond ASCII the
/// letters of widespread scripts count, not digits, signs and currencies.
bool begins_as_name(std::string_view text) {
  if (text.empty()) return false;
  const auto byte = [&](std::size_t at) -> std::uint32_t {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
  };
  const std::uint32_t lead = byte(0), small = lead | 0x20U;
  if (lead < 0x80) return lead == '_' || (small >= 'a' && small <= 'z');
  std::uint32_t character = 0;  // UTF-8 of two or three bytes; rarer ones are no letters here
  if (lead >= 0xC0 && lead < 0xE0) {
    character = (lead & 0x1FU) << 6 | (byte(1) & 0x3FU);
  } else if (lead >= 0xE0 && lead < 0xF0) {
    character = (lead & 0x0FU) << 12 | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU);
  }
  struct Range {
    std::uint32_t first, last;
  };
  constexpr std::array<Range, 9> kLetters{{{0xC0, 0xD6},        // Latin
                                           {0xD8, 0xF6},        // without the signs of multiplication and division
                                           {0xF8, 0x24F},       //
                                           {0x370, 0x556},      // Greek, Cyrillic, Armenian
                                           {0x5D0, 0x5EA},      // Hebrew
                                           {0x620, 0x64A},      // Arabic
                                           {0x1E00, 0x1FFF},    // Latin and Greek with marks
                                           {0x3041, 0x9FFF},    // Japanese, Chinese
                                           {0xAC00, 0xD7A3}}};  // Korean
  return std::any_of(kLetters.begin(), kLetters.end(),
                     [&](const Range& range) { return range.first <= character && character <= range.last; });
}

/// A heading without the '#' that numpy.savetxt puts before the first.
std::string_view without_comment(std::string_view field) {
  field = trim(field);
  return trim(field.substr(field.starts_with('#') ? 1 : 0));
}

/// `count` in plain digits.
bool is_count(std::string_view field, std::int64_t count) {
  return field == std::to_string(count);
}

bool is_plain_integer(std::string_view field) {
  long long ignored = 0;
  return parse_integer(trim(field), ignored);
}

class Reader {
 public:
  explicit Reader(const std::filesystem::path& file)
      : file_(file), bytes_(read_whole_file(file)), records_(file, {bytes_.data(), bytes_.size()}) {}

  FeatureMatrix features() {
    FeatureMatrix matrix{.steps = 0, .feature_dim = first_row(), .values = {}};
    const std::int64_t first_line = record_.line;
    do {
      look_for_counts(matrix.steps);
      append(matrix);
    } while (records_.next(record_));
    refuse_counts(matrix, first_line);
    matrix.headings = std::move(headings_);
    return matrix;
  }

  /// Goes to the first row of numbers, behind the headings, and returns its F.
  std::int64_t first_row() {
    bool found = records_.next(record_);
    if (found) require_separators();
    if (found && is_heading()) {
      columns_ = std::ssize(record_.fields);
      heading_line_ = record_.line;
      keep_headings();
      found = records_.next(record_);
    }
    if (!found) {
      throw StoreError(fmt::format(
          "{}: found no row of numbers; expected a row a step, a column a feature; write the features to it",
          file_.string()));
    }
    if (heading_line_ == 0) {
      columns_ = std::ssize(record_.fields);
      heading_line_ = record_.line;
    }
    require_columns();
    return columns_;
  }

 private:
  [[noreturn]] void refuse(const std::string& found, std::string_view expected, std::string_view advice) const {
    throw StoreError(
        fmt::format("{}:line {}: found {}; expected {}; {}", file_.string(), record_.line, found, expected, advice));
  }

  void require_separators() const {
    require_commas(file_, record_);
    const std::string_view line = trim(record_.fields.front());
    const auto blank = line.find(' ');
    if (record_.fields.size() == 1 && blank != std::string_view::npos && is_number(line.substr(0, blank))) {
      refuse("numbers with blanks between them", "commas",
             "write the file with commas, as numpy.savetxt does with delimiter=\",\"");
    }
  }

  [[nodiscard]] bool is_heading() const {
    const auto& fields = record_.fields;
    const bool numbers = std::any_of(fields.begin(), fields.end(), is_number);
    const bool names = !std::all_of(fields.begin(), fields.end(), is_missing);
    if (fields.size() > 1 && trim(fields.front()).empty() && (numbers || names)) {
      refuse("no heading of the first column, as where row numbers were written", "features alone",
             "write the file without row numbers (in pandas index=False) and column numbers (header=False)");
    }
    if (numbers || !names) return false;
    if (std::none_of(fields.begin(), fields.end(), [](std::string_view field) {
          return !is_missing(field) && begins_as_name(without_comment(field));
        })) {
      refuse(fmt::format("'{}' in column 1", excerpt(trim(fields.front()))), "a number, or a heading",
             "write numbers as 0.5, -1 or 2e3; one heading of the row at least has to begin with a letter");
    }
    return true;
  }

  void keep_headings() {
    for (const std::string& field : record_.fields) headings_.emplace_back(trim(field));
    headings_.front() = without_comment(headings_.front());
  }

  void require_columns() const {
    if (std::ssize(record_.fields) == columns_) return;
    refuse(fmt::format("{} columns", record_.fields.size()), fmt::format("{} as in line {}", columns_, heading_line_),
           "correct the line");
  }

  void append(FeatureMatrix& matrix) const {
    require_columns();
    for (std::size_t column = 0; column < record_.fields.size(); ++column) {
      const std::string_view field = trim(record_.fields[column]);
      const ParsedNumber number = parse_number(field);
      if (!number.well_formed) refuse_field(field, column);
      const auto value = static_cast<float>(number.value);
      const bool written_infinite = field.find_first_of("0123456789") == std::string_view::npos;
      if (std::isinf(value) && !written_infinite) {
        throw NotFiniteError(
            fmt::format("{}:line {}: found {} in column {}; expected a number that fits f32; scale the features",
                        file_.string(), record_.line, excerpt(field), column + 1));
      }
      matrix.values.push_back(value);
    }
    ++matrix.steps;
  }

  [[noreturn]] void refuse_field(std::string_view field, std::size_t column) const {
    if (field.find(';') != std::string_view::npos) {
      refuse("columns with semicolons between them", "commas, and points in the numbers", "write the file with commas");
    }
    if (is_missing(field)) {
      refuse(fmt::format("{} in column {}", field.empty() ? "nothing" : fmt::format("'{}'", field), column + 1),
             "a number", "fill it, or write nan for a sample to be left out");
    }
    refuse(fmt::format("'{}' in column {}", excerpt(field), column + 1), "a number",
           "correct it; only the first row may be one of headings");
  }

  /// Notes what speaks for or against numbers that count the columns (the first row) or rows (the first column).
  void look_for_counts(std::int64_t row) {
    const auto& fields = record_.fields;
    if (row == 0) {
      for (std::int64_t column = 0; column < columns_; ++column) {
        counts_columns_ = counts_columns_ && is_count(fields[static_cast<std::size_t>(column)], column);
      }
      first_count_ = is_count(fields.front(), 0) ? 0 : 1;
    } else if (!integers_below_) {
      integers_below_ = std::any_of(fields.begin(), fields.end(), is_plain_integer);
    }
    counts_rows_ = counts_rows_ && is_count(fields.front(), first_count_ + row);
  }

  /// Numbers that count are taken for no features, neither of few rows and columns, where features may look so.
  void refuse_counts(const FeatureMatrix& matrix, std::int64_t first_line) {
    constexpr std::int64_t kFew = 3;
    if (counts_columns_ && (columns_ >= kFew || (matrix.steps > 1 && !integers_below_))) {
      record_.line = first_line;
      refuse(fmt::format("the numbers 0 to {}, as where column numbers were written", columns_ - 1), "features",
             "write the file without them (in pandas header=False), or features as 0.0, 1.0, ...");
    }
    if (counts_rows_ && matrix.steps >= kFew && columns_ > 1) {
      record_.line = first_line;
      refuse(fmt::format("the numbers {} to {} down the first column, as where row numbers were written", first_count_,
                         first_count_ + matrix.steps - 1),
             "features", "write the file without them (in pandas index=False), or features as 0.0, 1.0, ...");
    }
  }

  const std::filesystem::path& file_;
  std::vector<char> bytes_;
  CsvReader records_;
  CsvRecord record_;
  std::vector<std::string> headings_;
  std::int64_t columns_ = 0, heading_line_ = 0;
  bool counts_columns_ = true, counts_rows_ = true, integers_below_ = false;
  std::int64_t first_count_ = 0;
};

}  // namespace

FeatureMatrix read_feature_table(const std::filesystem::path& file) {
  return Reader(file).features();
}

std::int64_t read_feature_table_dim(const std::filesystem::path& file) {
  return Reader(file).first_row();
}

}  // namespace alignment::io
