#pragma once

#include <string_view>

namespace alignment {

/// A configuration that is part of the program, which then needs no file: both are literals.
struct NamedConfig {
  std::string_view name;  ///< of its file in configs/, without the ending
  std::string_view text;  ///< TOML
};

}  // namespace alignment
