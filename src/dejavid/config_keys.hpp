#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/config/keys.hpp"

/// The keys of DejaVid's configuration.
namespace alignment {

struct Config;

[[nodiscard]] const KeyTable& key_table();

/// Of key_table(): every key, and the one of that full name ("train.lr") or null.
[[nodiscard]] const std::vector<Key>& keys();
[[nodiscard]] const Key* find_key(std::string_view full_name);

/// The whole configuration as TOML; reading it back gives the same.
[[nodiscard]] std::string to_toml(const Config& config);

/// The defaults, overlaid with the TOML `text`; `name` stands for it in messages. Throws ConfigError.
[[nodiscard]] Config from_toml(std::string_view text, const std::string& name);

}  // namespace alignment
