#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <string>

namespace alignment {

/// For CLI::Option::transform: decimal integers from `least` to `most`. CLI11 by itself takes 010 for 8 and 0x10
/// for 16.
template <typename Integer>
[[nodiscard]] CLI::Validator whole_number(Integer least, Integer most) {
  const auto check = [least, most](std::string& word) -> std::string {
    Integer number{};
    const char* const end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, number);
    if (error != std::errc() || stop != end || number < least || number > most) {
      return fmt::format("found {}; expected an integer from {} to {}", word, least, most);
    }
    word = std::to_string(number);
    return "";
  };
  return CLI::Validator(check, "");
}

}  // namespace alignment
