#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/config/keys/keys.hpp"
#include "src/config/named_config.hpp"

/// The keys of LRProp's configuration.
namespace alignment::lrprop {

struct Config;

[[nodiscard]] const KeyTable& key_table();
/// Of key_table(): the key of that full name ("train.lr") or null.
[[nodiscard]] const Key* find_key(std::string_view full_name);
/// The files of configs/lrprop as the build found them, by their names' order.
[[nodiscard]] const std::vector<NamedConfig>& named_configs();
/// The whole configuration as TOML; reading it back gives the same.
[[nodiscard]] std::string to_toml(const Config& config);
/// The defaults, overlaid with the TOML `text`; `name` stands for it in messages. Throws ConfigError.
[[nodiscard]] Config from_toml(std::string_view text, const std::string& name);

/// eval.fractions: ascending or not, each in (0,1]. Throws ConfigError.
[[nodiscard]] std::vector<double> fractions_of(const Config& config);
/// eval.k: each at least 1. Throws ConfigError.
[[nodiscard]] std::vector<std::int64_t> ks_of(const Config& config);
/// Refuses sizes that do not fit each other. Throws ConfigError.
void check_sizes(const Config& config);

}  // namespace alignment::lrprop
