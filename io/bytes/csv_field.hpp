#pragma once

#include <string>
#include <string_view>

namespace alignment::io {

/// A field of a CSV file (RFC 4180), quoted where it has to be.
[[nodiscard]] std::string csv_field(std::string_view text);

}  // namespace alignment::io
