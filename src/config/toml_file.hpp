#pragma once

#include <string>
#include <string_view>

#include "src/config/keys.hpp"

namespace alignment {

/// Sets what the TOML `text` gives in `config` and enters the keys in `given`. Tables, dotted keys and inline tables
/// are all read. Throws ConfigError (file:line:column, key, found, expected) at the first mistake in the text; `file`
/// is its name in messages.
void apply_toml(std::string_view text, const std::string& file, Config& config, GivenKeys& given);

/// As apply_toml(), of a file. Throws ConfigError also where it cannot be read.
void apply_toml_file(const std::string& file, Config& config, GivenKeys& given);

}  // namespace alignment
