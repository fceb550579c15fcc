#include "io/store/encoder_names.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "io/bytes/utf8.hpp"

namespace alignment::io {
namespace {

constexpr std::string_view kBetween = " + ";

}  // namespace

std::vector<std::string> encoders_of(std::string_view text) {
  std::vector<std::string> encoders;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(kBetween), text.size());
    if (end > 0) encoders.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + kBetween.size(), text.size()));
  }
  return encoders;
}

std::string text_of_encoders(const std::vector<std::string>& encoders) {
  return fmt::format("{}", fmt::join(encoders, kBetween));
}

std::string warning_of_mixed_encoders(const std::vector<std::string>& encoders) {
  if (encoders.size() < 2) return "";
  return fmt::format(
      "found features of {} encoders, {}; expected one; features of another encoder, or of other windows, mean "
      "something else: give stores of the same",
      encoders.size(), printable(text_of_encoders(encoders)));
}

}  // namespace alignment::io
