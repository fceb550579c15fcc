#pragma once

#include <string>
#include <string_view>
#include <vector>

/// What made the features of a store or model is free text; of several its names stand one behind the other, " + "
/// between them.
namespace alignment::io {

/// What a store of series says that no encoder made.
inline constexpr std::string_view kNoEncoder = "none: raw series";

[[nodiscard]] std::vector<std::string> encoders_of(std::string_view text);
[[nodiscard]] std::string text_of_encoders(const std::vector<std::string>& encoders);
/// What to warn of where features of these are taken as one's: "found features of 2 encoders, a + b; expected one;
/// ...". Empty where it is one at most.
[[nodiscard]] std::string warning_of_mixed_encoders(const std::vector<std::string>& encoders);

}  // namespace alignment::io
