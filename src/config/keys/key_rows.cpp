#include "src/config/keys/key_rows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace alignment::rows {
namespace {

Key key_of(KeyKind kind, std::string placeholder, std::string expected, std::string help) {
  Key key;
  key.kind = kind;
  key.placeholder = std::move(placeholder);
  key.expected = std::move(expected);
  key.help = std::move(help);
  return key;
}

std::string expected_integer(std::int64_t minimum, std::int64_t maximum) {
  const bool bounded = maximum != std::numeric_limits<std::int64_t>::max();
  return bounded ? fmt::format("an integer from {} to {}", minimum, maximum) : fmt::format("an integer >= {}", minimum);
}

}  // namespace

Key boolean(std::string help) {
  return key_of(KeyKind::kBoolean, "true|false", "true or false", std::move(help));
}

Key integer(std::int64_t minimum, std::int64_t maximum, std::string help) {
  return key_of(KeyKind::kInteger, "INTEGER", expected_integer(minimum, maximum), std::move(help));
}

Key integer_or_auto(std::int64_t minimum, std::int64_t maximum, std::string help) {
  return key_of(KeyKind::kInteger, "INTEGER|auto", expected_integer(minimum, maximum) + " or \"auto\"",
                std::move(help));
}

Key number(const NumberRange& range, std::string help) {
  std::string expected = fmt::format("a finite number {} {}", range.with_minimum ? ">=" : ">", range.minimum);
  if (range.maximum < std::numeric_limits<double>::max()) expected += fmt::format(", at most {}", range.maximum);
  return key_of(KeyKind::kNumber, "NUMBER", std::move(expected), std::move(help));
}

Key choice(std::span<const std::string_view> names, std::string help) {
  return key_of(KeyKind::kText, fmt::format("{}", fmt::join(names, "|")),
                fmt::format("one of \"{}\"", fmt::join(names, "\", \"")), std::move(help));
}

Key text(std::string placeholder, std::string expected, std::string help) {
  return key_of(KeyKind::kText, std::move(placeholder), std::move(expected), std::move(help));
}

Key files(std::string help) {
  return key_of(KeyKind::kFiles, "FILE ...", "a file name or an array of file names", std::move(help));
}

std::optional<std::int64_t> integer_of(const RawValue& raw, std::int64_t minimum, std::int64_t maximum) {
  const std::int64_t* value = std::get_if<std::int64_t>(&raw);
  if (!value || *value < minimum || *value > maximum) return std::nullopt;
  return *value;
}

std::optional<std::int64_t> integer_or_auto_of(const RawValue& raw, std::int64_t minimum, std::int64_t maximum) {
  const std::string* text = std::get_if<std::string>(&raw);
  if (text && *text == "auto") return minimum - 1;
  return integer_of(raw, minimum, maximum);
}

std::optional<double> number_of(const RawValue& raw, const NumberRange& range) {
  double value = std::numeric_limits<double>::quiet_NaN();
  if (const double* real = std::get_if<double>(&raw)) value = *real;
  if (const std::int64_t* whole = std::get_if<std::int64_t>(&raw)) value = static_cast<double>(*whole);
  const bool large_enough = range.with_minimum ? value >= range.minimum : value > range.minimum;  // not so of NaN
  if (!large_enough || value > range.maximum) return std::nullopt;
  return value + 0.0;  // -0.0 becomes 0.0
}

std::optional<std::size_t> choice_of(const RawValue& raw, std::span<const std::string_view> names) {
  const std::string* text = std::get_if<std::string>(&raw);
  const auto found = text ? std::find(names.begin(), names.end(), *text) : names.end();
  if (found == names.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names.begin());
}

std::optional<std::string> text_of(const RawValue& raw, Empty empty) {
  const std::string* value = std::get_if<std::string>(&raw);
  if (!value || !is_plain_text(*value) || (value->empty() && empty == Empty::kRefused)) return std::nullopt;
  return *value;
}

std::optional<std::vector<std::string>> files_of(const RawValue& raw) {
  std::vector<std::string> names;
  if (const auto* list = std::get_if<std::vector<std::string>>(&raw))
    names = *list;
  else if (const auto* single = std::get_if<std::string>(&raw))
    names = {*single};
  else
    return std::nullopt;
  const auto fits = [](const std::string& file) { return !file.empty() && is_plain_text(file); };
  if (!std::all_of(names.begin(), names.end(), fits)) return std::nullopt;
  return names;
}

}  // namespace alignment::rows
