#include "src/config/named_config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "src/config/error.hpp"
#include "src/config/keys/suggestion.hpp"
#include "src/config/toml.hpp"

namespace alignment {

void apply_configuration(const KeyTable& table, const std::vector<NamedConfig>& configs, const std::string& word,
                         SharedConfig& config, GivenKeys& given) {
  std::error_code ignored;
  const std::filesystem::file_type type = std::filesystem::status(word, ignored).type();
  const bool is_missing = type == std::filesystem::file_type::not_found;
  std::vector<std::string> names;
  for (const NamedConfig& named : configs) {
    if (named.name == word && (is_missing || type == std::filesystem::file_type::directory))
      return apply_toml(table, named.text, word, config, given);
    names.emplace_back(named.name);
  }
  if (!is_missing || names.empty()) {
    config.config_file = word;
    return apply_toml_file(table, word, config, given);
  }
  // A path that is wrong may still end in a name; one that ends otherwise means none of them.
  const std::string stem = std::filesystem::path(word).stem().string();
  const bool means_name = word == stem || std::find(names.begin(), names.end(), stem) != names.end();
  throw ConfigError(fmt::format("{}: found no such file; expected a TOML file, or one that is built in ({}); {}", word,
                                fmt::join(names, ", "),
                                means_name ? fmt::format("did you mean {}?", nearest(stem, names)) : "check the path"));
}

}  // namespace alignment
