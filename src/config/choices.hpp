#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace alignment {

/// The names of an enumeration's values, in the order of the values: as they stand in TOML and on the command line.
/// Specialised beside the enumeration.
template <typename Choice>
inline constexpr std::array<std::string_view, 0> kChoiceNames{};

/// The name of a value: choice_name(DeviceChoice::kCpu) is "cpu".
template <typename Choice>
[[nodiscard]] constexpr std::string_view choice_name(Choice choice) {
  static_assert(!kChoiceNames<Choice>.empty(), "not an enumeration of a configuration");
  return kChoiceNames<Choice>[static_cast<std::size_t>(choice)];
}

}  // namespace alignment
