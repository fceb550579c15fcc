#pragma once

#include <optional>
#include <string>
#include <vector>

namespace alignment::io {

/// The first name that stands in the list a second time; nothing where all are different.
[[nodiscard]] std::optional<std::string> repeated_name(const std::vector<std::string>& names);

}  // namespace alignment::io
