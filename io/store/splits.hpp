#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "io/store/tse_store.hpp"

namespace alignment::io {

/// "train", "val", "test".
[[nodiscard]] inline const char* name_of(Split split) {
  constexpr std::array kNames{"train", "val", "test"};
  return kNames[static_cast<std::size_t>(split)];
}

/// The split that a word stands for: train, val or validation, test.
[[nodiscard]] inline std::optional<Split> parse_split(std::string_view word) {
  if (word == "train") {
    return Split::kTrain;
  }
  if (word == "val" || word == "validation") {
    return Split::kValidation;
  }
  if (word == "test") {
    return Split::kTest;
  }
  return std::nullopt;
}

}  // namespace alignment::io
