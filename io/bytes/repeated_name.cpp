#include "io/bytes/repeated_name.hpp"

#include <string_view>
#include <unordered_set>

namespace alignment::io {

std::optional<std::string> repeated_name(const std::vector<std::string>& names) {
  std::unordered_set<std::string_view> known;
  for (const std::string& name : names) {
    if (!known.insert(name).second) return name;
  }
  return std::nullopt;
}

}  // namespace alignment::io
