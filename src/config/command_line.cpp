#include "src/config/command_line.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "src/config/options.hpp"
#include "src/config/toml.hpp"

namespace alignment {
namespace {

template <typename Number>
bool parse_whole(const std::string& word, Number& number) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size();
}

/// A word of the command line as the key's type reads it; a word that it cannot read stays a string, which the key then
/// refuses.
RawValue raw_value(const Key& key, const std::string& word) {
  if (key.kind == KeyKind::kBoolean && (word == "true" || word == "false")) return word == "true";
  if (std::int64_t whole = 0; key.kind == KeyKind::kInteger && parse_whole(word, whole)) return whole;
  if (double real = 0; key.kind == KeyKind::kNumber && parse_whole(word, real)) return real;
  return word;
}

void apply_option(const KeyTable& table, const Key& key, const std::vector<std::string>& words, SharedConfig& config,
                  GivenKeys& given) {
  RawValue raw = words;
  if (key.kind != KeyKind::kFiles) {
    if (words.size() > 1) {
      throw ConfigError(fmt::format("--{}: found {} and {}; expected the option once; leave one out", key.full_name(),
                                    toml_text(words[0]), toml_text(words[1])));
    }
    raw = raw_value(key, words.front());
  }
  if (!key.assign(config, raw)) {
    const std::string found = words.size() == 1 ? toml_text(words.front()) : toml_text(raw);
    throw ConfigError(fmt::format("--{}: found {}; expected {}; correct it or leave the option out (default {})",
                                  key.full_name(), found, key.expected, toml_text(table.default_of(key))));
  }
  given.insert(&key);
}

[[noreturn]] void refuse(std::string_view setting, std::string_view found, std::string_view expected,
                         std::string_view advice) {
  throw ConfigError(fmt::format("{}: found {}; expected {}; {}", setting, found, expected, advice));
}

[[noreturn]] void refuse_with(const std::string& command, const std::string& option,
                              const std::vector<std::string>& takers) {
  refuse("--" + option, "it with " + command, fmt::format("it with {} only", fmt::join(takers, " or ")),
         "leave it out");
}

/// Options that do not go with the command.
void check_options(const CommandTable& table, const Invocation& asked) {
  for (const CommandOption& option : table.options) {
    const auto& takers = option.commands;
    if (!asked.options.contains(option.name) || std::find(takers.begin(), takers.end(), asked.command) != takers.end())
      continue;
    refuse_with(asked.command, option.name, takers);
  }
}

/// A line for each key of the command line that the command does not read. A file is for several commands and may hold
/// any.
std::vector<std::string> unread_keys(const CommandTable& table, const std::string& asked, const GivenOptions& given) {
  std::vector<std::string> lines;
  for (const auto& [key, words] : given.keys) {
    std::vector<std::string> readers;
    for (const Command& command : table.commands) {
      if (reads(command, *key)) readers.push_back(command.name);
    }
    if (std::find(readers.begin(), readers.end(), asked) != readers.end()) continue;
    lines.push_back(fmt::format("--{} changes nothing: {} does not read it, but {} does", key->full_name(), asked,
                                fmt::join(readers, " or ")));
  }
  return lines;
}

}  // namespace

std::string Invocation::option(const std::string& name) const {
  const auto found = options.find(name);
  return found == options.end() ? "" : found->second;
}

std::variant<Invocation, Printout> interpret(const CommandTable& table, const std::vector<std::string>& arguments,
                                             int columns) {
  if (std::optional<std::string> page = asked_page(describe(table), arguments, columns)) return Printout{*page};
  const GivenOptions given = read_options(table, arguments);

  Invocation asked{given.command.value_or(table.commands.front().name),
                   table.keys.make_config(),
                   {},
                   given.configuration.has_value(),
                   given.options};
  if (given.configuration) {
    apply_configuration(table.keys, table.configs, *given.configuration, *asked.config, asked.given);
  }
  for (const auto& [key, words] : given.keys) apply_option(table.keys, *key, words, *asked.config, asked.given);
  table.keys.apply_profile(*asked.config, asked.given);
  if (given.print_config) return Printout{to_toml(table.keys, *asked.config)};

  check_options(table, asked);
  asked.warnings = unread_keys(table, asked.command, given);
  table.check(asked);
  return asked;
}

void require_store(const Invocation& asked, std::string_view use) {
  if (!asked.config->data.store.empty()) return;
  refuse("data.store", "no file", fmt::format("the TSE store to {}", use), "give --data.store FILE.h5");
}

void require_out(const Invocation& asked, std::string_view example) {
  if (asked.option("out").empty())
    refuse("--out", "no file", "the file to write", fmt::format("give --out {}", example));
}

void require_run(const Invocation& asked) {
  if (asked.config->run.dir.empty())
    refuse("run.dir", "no folder", fmt::format("the folder of the run to {}", asked.command), "give --run.dir FOLDER");
}

void require_run_to_resume(const Invocation& asked) {
  const RunConfig& run = asked.config->run;
  if (run.resume != "auto" || !run.dir.empty()) return;
  refuse("run.resume", "\"auto\" without run.dir", "the folder whose newest checkpoint to go on from",
         "give --run.dir FOLDER");
}

}  // namespace alignment
