#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace alignment::dejavid::bench {

/// "51,8,1459" as kCount numbers from 1 on; nothing where it is not that.
template <std::size_t kCount>
[[nodiscard]] std::optional<std::array<std::int64_t, kCount>> whole_numbers(std::string_view text) {
  std::array<std::int64_t, kCount> numbers{};
  const char* next = text.data();
  const char* const end = text.data() + text.size();
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    if (k > 0 && (next == end || *next++ != ',')) return std::nullopt;
    const auto [stop, error] = std::from_chars(next, end, numbers[k]);
    if (error != std::errc() || numbers[k] < 1) return std::nullopt;
    next = stop;
  }
  if (next != end) return std::nullopt;
  return numbers;
}

}  // namespace alignment::dejavid::bench
