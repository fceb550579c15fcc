#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/config/keys/keys.hpp"

namespace alignment {

/// A configuration that is part of the program, which then needs no file: both are literals.
struct NamedConfig {
  std::string_view name;  ///< of its file in configs/, without the ending
  std::string_view text;  ///< TOML
};

/// As apply_toml_file() (toml.hpp), of what `word` names: a file, or where no file has that name one of `configs`.
void apply_configuration(const KeyTable& table, const std::vector<NamedConfig>& configs, const std::string& word,
                         SharedConfig& config, GivenKeys& given);

}  // namespace alignment
