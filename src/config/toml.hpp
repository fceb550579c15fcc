#pragma once

#include <string>
#include <string_view>

#include "src/config/keys.hpp"

namespace alignment {

/// Sets what the TOML `text` gives in `config`, a configuration of the table's system, and enters the keys in `given`.
/// Tables, dotted keys and inline tables are all read. Throws ConfigError (file:line:column, key, found, expected) at
/// the first mistake in the text; `file` is its name in messages.
void apply_toml(const KeyTable& table, std::string_view text, const std::string& file, SharedConfig& config,
                GivenKeys& given);

/// As apply_toml(), of a file. Throws ConfigError also where it cannot be read.
void apply_toml_file(const KeyTable& table, const std::string& file, SharedConfig& config, GivenKeys& given);

/// The whole configuration as TOML; reading it back gives the same.
[[nodiscard]] std::string to_toml(const KeyTable& table, const SharedConfig& config);

/// `config`, at its defaults, overlaid with the TOML `text` and what the profile in it has as defaults of its own;
/// `name` stands for it in messages. Throws ConfigError.
void from_toml(const KeyTable& table, std::string_view text, const std::string& name, SharedConfig& config);

}  // namespace alignment
