#include "src/config/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "src/config/keys/suggestion.hpp"
#include "src/config/pages/program_description.hpp"

namespace alignment {
namespace {

/// The CLI11 application and the options made from the tables.
struct Application {
  CLI::App app;
  std::vector<CLI::Option*> key_options;      ///< one for every key of the table, in its order
  std::vector<CLI::Option*> command_options;  ///< one for every option of the table, in its order
  CLI::Option *config, *print_config;

  explicit Application(const CommandTable& table) : app(table.description, table.program) {
    app.set_help_flag();
    app.require_subcommand(0, 1);
    app.allow_extras();
    for (const Command& entry : table.commands) {
      CLI::App* command = app.add_subcommand(entry.name, entry.help);
      command->set_help_flag();
      command->fallthrough();
    }
    config = add("--config", "FILE|NAME");
    for (const CommandOption& option : table.options) {
      command_options.push_back(add("--" + option.name, option.placeholder));
    }
    print_config = app.add_flag("--print-config");
    for (const OptionDescription& option : general_options()) app.add_flag(option.name);  // to be suggested
    for (const Key& key : table.keys.keys()) {
      CLI::Option* option = add("--" + key.full_name(), key.placeholder);
      if (key.kind == KeyKind::kBoolean) option->expected(0, 1)->default_str("true");  // what it means alone
      if (key.kind == KeyKind::kFiles) option->expected(-1);
      key_options.push_back(option);
    }
  }

 private:
  /// An option that collects words; what they mean is decided by the table of keys.
  CLI::Option* add(const std::string& name, const std::string& placeholder) {
    CLI::Option* option = app.add_option(name, [](const CLI::results_t&) { return true; });
    return option->type_name(placeholder)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
};

/// The option that a word such as `--train.lr=1` names, or null where it names none.
const CLI::Option* named_option(const CLI::App& app, const std::string& word) {
  return app.get_option_no_throw(word.substr(0, word.find('=')));
}

bool is_option(const std::string& word) {
  return word.size() > 2 && word.starts_with("--");
}

[[noreturn]] void refuse_option(const CLI::App& app, const std::string& word) {
  std::vector<std::string> candidates;
  for (const CLI::Option* known : app.get_options()) candidates.push_back(known->get_lnames().front());
  const std::string option = word.substr(0, word.find('='));
  const std::string name = option.substr(std::min(option.find_first_not_of('-'), option.size()));
  throw ConfigError(fmt::format("{}: found an unknown option; expected one that --help lists; did you mean --{}?",
                                toml_text(option), nearest(name, candidates)));
}

/// CLI11 takes `--train.x` for option `--x` of subcommand `train`, and `--a --b` for the value `--b`; so what begins
/// with two dashes is checked here first. `--key=` becomes the option followed by an empty word.
std::vector<std::string> checked_words(const CLI::App& app, const std::vector<std::string>& arguments) {
  std::vector<std::string> words;
  for (std::size_t index = 0; index < arguments.size(); ++index) {
    const std::string& word = arguments[index];
    words.push_back(word);
    if (!is_option(word)) continue;
    const CLI::Option* option = named_option(app, word);
    if (!option) refuse_option(app, word);
    if (word.find('=') == word.size() - 1) {
      words.back().pop_back();
      words.emplace_back();
    } else if (word.find('=') == std::string::npos && option->get_items_expected_min() > 0 &&
               (index + 1 == arguments.size() || is_option(arguments[index + 1]))) {
      throw ConfigError(
          fmt::format("{}: found no value; expected {}; give one after the option", word, option->get_type_name()));
    }
  }
  return words;
}

std::optional<std::string> single_word(const CLI::Option* option) {
  if (option->count() == 0) return std::nullopt;
  const std::vector<std::string>& words = option->results();
  const std::string name = option->get_name();
  if (words.size() > 1) {
    throw ConfigError(fmt::format("{}: found {} and {}; expected the option once; leave one out", name,
                                  toml_text(words[0]), toml_text(words[1])));
  }
  if (words[0].empty()) {
    const std::string placeholder = option->get_type_name();
    throw ConfigError(fmt::format("{}: found an empty name; expected {}; name one", name,
                                  placeholder == "FILE" ? "a file" : placeholder));
  }
  return words[0];
}

[[noreturn]] void refuse_word(const CommandTable& table, const std::string& word) {
  std::vector<std::string> names;
  names.reserve(table.commands.size());
  for (const Command& command : table.commands) names.push_back(command.name);
  const bool is_command = std::find(names.begin(), names.end(), word) != names.end();
  throw ConfigError(fmt::format("{}: found {}; expected one subcommand ({}) and options; {}", toml_text(word),
                                is_command ? "a second subcommand" : "an unexpected word", fmt::join(names, ", "),
                                is_command ? "leave one out" : fmt::format("did you mean {}?", nearest(word, names))));
}

}  // namespace

GivenOptions read_options(const CommandTable& table, const std::vector<std::string>& arguments) {
  Application application(table);
  std::vector<std::string> words = checked_words(application.app, arguments);
  std::reverse(words.begin(), words.end());  // CLI11 reads from the back
  try {
    application.app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    throw ConfigError(
        fmt::format("command line: found a mistake ({}); expected what --help lists; correct it", error.what()));
  }
  if (const std::vector<std::string> extra = application.app.remaining(true); !extra.empty()) {
    if (extra.front().starts_with('-')) refuse_option(application.app, extra.front());
    refuse_word(table, extra.front());
  }
  GivenOptions given;
  for (const Command& command : table.commands) {
    if (application.app.got_subcommand(command.name)) given.command = command.name;
  }
  given.configuration = single_word(application.config);
  for (std::size_t index = 0; index < table.options.size(); ++index) {
    if (std::optional<std::string> word = single_word(application.command_options[index])) {
      given.options.emplace(table.options[index].name, *std::move(word));
    }
  }
  given.print_config = application.print_config->count() > 0;
  const std::vector<Key>& keys = table.keys.keys();
  for (std::size_t index = 0; index < keys.size(); ++index) {
    const CLI::Option* option = application.key_options[index];
    if (option->count() > 0) given.keys.emplace_back(&keys[index], option->results());
  }
  return given;
}

}  // namespace alignment
