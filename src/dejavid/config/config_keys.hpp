#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/config/keys/keys.hpp"
#include "src/config/named_config.hpp"

/// The keys of DejaVid's configuration.
namespace alignment::dejavid {

struct Config;

[[nodiscard]] const KeyTable& key_table();

/// Of key_table(): every key, and the one of that full name ("train.lr") or null.
[[nodiscard]] const std::vector<Key>& keys();
[[nodiscard]] const Key* find_key(std::string_view full_name);

/// The files of configs/ as the build found them, by their names' order.
[[nodiscard]] const std::vector<NamedConfig>& named_configs();
/// The one of that name. Throws std::out_of_range.
[[nodiscard]] const NamedConfig& named_config(std::string_view name);

/// The whole configuration as TOML; reading it back gives the same.
[[nodiscard]] std::string to_toml(const Config& config);

/// The defaults, overlaid with the TOML `text`; `name` stands for it in messages. Throws ConfigError.
[[nodiscard]] Config from_toml(std::string_view text, const std::string& name);

}  // namespace alignment::dejavid
