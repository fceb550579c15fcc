#include "src/config/pages/program_description.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "src/config/command_table.hpp"

namespace alignment {
namespace {

constexpr const char* kGeneral = "General";

OptionDescription describe(const KeyTable& keys, const Key& key) {
  OptionDescription option{"--" + key.full_name(), key.placeholder};
  option.help = key.help;
  option.group = '[' + key.section + ']';
  option.takes_several = key.kind == KeyKind::kFiles;
  const RawValue value = keys.default_of(key);
  if (const auto* text = std::get_if<std::string>(&value)) {
    option.default_word = *text;
  } else if (!option.takes_several) {
    option.default_word = toml_text(value);
  }
  return option;
}

OptionDescription describe(const CLI::Option& option) {
  const bool is_option = !option.get_lnames().empty();
  OptionDescription described{is_option ? "--" + option.get_lnames().front() : option.get_name()};
  if (option.get_type_size() != 0) described.word = option.get_type_name();
  described.help = option.get_description();
  described.group = is_option ? "Options" : "Words";
  described.required = option.get_required();
  described.takes_several = option.get_items_expected_max() > 1;
  return described;
}

std::vector<std::string> parts_of(const std::string& word) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= word.size();) {
    const std::size_t end = std::min(word.find('|', begin), word.size());
    parts.push_back(word.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

const CommandDescription* ProgramDescription::find(std::string_view command) const {
  const auto found =
      std::find_if(commands.begin(), commands.end(), [&](const auto& one) { return one.name == command; });
  return found == commands.end() ? nullptr : &*found;
}

const std::vector<OptionDescription>& general_options() {
  static const std::vector<OptionDescription> options = [] {
    const auto option = [](const char* name, const char* word, const char* help, const char* short_name) {
      OptionDescription made{name, word};
      made.help = help;
      made.group = kGeneral;
      made.short_name = short_name;
      return made;
    };
    return std::vector<OptionDescription>{
        option("--help", "", "print this page; -h: a short one", "-h"),
        option("--version", "", "print the version", ""),
        option("--completion", "bash|zsh|fish", "print what makes that shell complete this program's options", ""),
        option("--man", "", "print the manual page", "")};
  }();
  return options;
}

ProgramDescription describe(const CommandTable& table) {
  ProgramDescription program;
  program.name = table.program;
  program.description = table.description;
  program.needs_command = false;
  program.examples = table.examples;
  program.notes = "Order: default < --config < command line. Booleans take true or false; alone, an option means true.";
  program.exit_codes = table.exit_codes;

  OptionDescription config{"--config", "FILE|NAME"}, print_config{"--print-config"};
  for (const NamedConfig& named : table.configs) config.names.emplace_back(named.name);
  config.help = fmt::format(
      "TOML file with any keys, or one that is built in: {}; keys that the subcommand does not read may stand there "
      "too",
      fmt::join(config.names, ", "));
  print_config.help = "print the resolved configuration as TOML";
  const auto add_general = [&](std::vector<OptionDescription>& options, const Command* command) {
    options.push_back(config);
    for (const CommandOption& each : table.options) {
      const auto& takers = each.commands;
      if (command && std::find(takers.begin(), takers.end(), command->name) == takers.end()) continue;
      OptionDescription option{"--" + each.name, each.placeholder};
      option.help = command ? each.help : fmt::format("{}: {}", fmt::join(takers, ", "), each.help);
      options.push_back(option);
    }
    options.push_back(print_config);
    for (OptionDescription& option : options) option.group = kGeneral;
    options.insert(options.end(), general_options().begin(), general_options().end());
  };
  add_general(program.options, nullptr);
  for (const Key& key : table.keys.keys()) program.options.push_back(describe(table.keys, key));
  for (const Command& command : table.commands) {
    CommandDescription described{command.name, command.help, {}};
    add_general(described.options, &command);
    for (const Key& key : table.keys.keys()) {
      if (reads(command, key)) described.options.push_back(describe(table.keys, key));
    }
    program.commands.push_back(std::move(described));
  }
  return program;
}

ProgramDescription describe(const CLI::App& program, std::vector<std::string> examples) {
  ProgramDescription described;
  described.name = program.get_name();
  described.description = program.get_description();
  described.examples = std::move(examples);
  described.needs_command = program.get_require_subcommand_min() > 0;
  for (const CLI::Option* option : program.get_options()) {
    if (option != program.get_help_ptr()) described.options.push_back(describe(*option));
  }
  described.options.insert(described.options.end(), general_options().begin(), general_options().end());
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    CommandDescription made{command->get_name(), command->get_description(), {}};
    for (const CLI::Option* option : command->get_options()) {
      if (option != command->get_help_ptr()) made.options.push_back(describe(*option));
    }
    made.options.insert(made.options.end(), general_options().begin(), general_options().end());
    described.commands.push_back(std::move(made));
  }
  return described;
}

std::vector<std::string> choices_of(const OptionDescription& option) {
  std::vector<std::string> choices = parts_of(option.word);
  std::erase_if(choices, [](const std::string& part) {
    return part.empty() || part.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") != std::string::npos;
  });
  choices.insert(choices.end(), option.names.begin(), option.names.end());
  return choices;
}

WordKind kind_of(const OptionDescription& option) {
  for (const std::string& part : parts_of(option.word)) {
    if (part.starts_with("FOLDER")) return WordKind::kFolder;
    if (part.starts_with("FILE") || part.starts_with("STORE")) return WordKind::kFile;
  }
  return WordKind::kOther;
}

}  // namespace alignment
