#include <fmt/format.h>

#include <algorithm>

#include "src/config/pages/pages.hpp"

namespace alignment {
namespace {

/// As roff prints it letter by letter.
std::string plain(std::string_view text) {
  std::string escaped;
  if (text.starts_with('.') || text.starts_with('\'')) escaped = "\\&";
  for (const char character : text) {
    if (character == '\\') {
      escaped += "\\e";
    } else if (character == '-') {
      escaped += "\\-";  // or else a hyphen, which nobody can paste
    } else {
      escaped += character == '\n' ? ' ' : character;
    }
  }
  return escaped;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
  return text;
}

std::string entry(const std::string& term, const std::string& text) {
  return fmt::format(".TP\n{}\n{}\n", term, text.empty() ? "\\&" : plain(text));
}

std::string entry(const OptionDescription& option) {
  std::string term = option.is_option() ? fmt::format("\\fB{}\\fR", plain(option.name)) : "";
  if (!option.short_name.empty()) term = fmt::format("\\fB{}\\fR, {}", plain(option.short_name), term);
  const std::string word = option.is_option() || !option.word.empty() ? option.word : option.name;
  if (!word.empty()) term += fmt::format("{}\\fI{}\\fR", term.empty() ? "" : " ", plain(word));
  std::string text = option.help;
  if (option.required) text += "; required";
  if (!option.default_word.empty()) text += fmt::format(" (default {})", option.default_word);
  return entry(term, text);
}

std::string entries_in_groups(const std::vector<OptionDescription>& options) {
  std::string text, group;
  for (const OptionDescription& option : options) {
    if (option.group != group) text += fmt::format(".SS {}\n", plain(option.group));
    group = option.group;
    text += entry(option);
  }
  return text;
}

}  // namespace

std::string man_page(const ProgramDescription& program) {
  std::string text = fmt::format(".TH {} 1 \"\" \"{} {}\"\n", upper(program.name), program.name, DEJAVID_VERSION);
  text += fmt::format(".SH NAME\n{} \\- {}\n", program.name, plain(program.description));
  text += fmt::format(".SH SYNOPSIS\n.B {}\n{}\n[\\fIOPTION\\fR ...]\n", program.name,
                      program.needs_command ? "\\fISUBCOMMAND\\fR" : "[\\fISUBCOMMAND\\fR]");
  text += fmt::format(".SH DESCRIPTION\n{}\n", plain(program.description));
  text += ".SH SUBCOMMANDS\n";
  for (const CommandDescription& command : program.commands) {
    text += entry(fmt::format("\\fB{}\\fR", plain(command.name)), command.help);
  }
  text += ".SH OPTIONS\n" + entries_in_groups(program.options);
  if (!program.notes.empty()) text += fmt::format(".PP\n{}\n", plain(program.notes));
  // Which options a subcommand reads; in full where the program as a whole does not take them.
  text += ".SH OPTIONS OF EACH SUBCOMMAND\n";
  for (const CommandDescription& command : program.commands) {
    text += fmt::format(".SS {}\n", plain(command.name));
    std::string names;
    for (const OptionDescription& option : command.options) {
      const auto same = [&](const OptionDescription& one) { return one.name == option.name; };
      if (std::none_of(program.options.begin(), program.options.end(), same)) {
        text += entry(option);
      } else if (option.group.starts_with('[')) {
        names += (names.empty() ? "" : ", ") + option.name;
      }
    }
    if (!names.empty()) text += fmt::format("{}\n", plain(names));
  }
  if (!program.examples.empty()) {
    text += ".SH EXAMPLES\n.nf\n";
    for (const std::string& example : program.examples) text += plain(example) + '\n';
    text += ".fi\n";
  }
  if (!program.exit_codes.empty()) text += fmt::format(".SH EXIT STATUS\n{}\n", plain(program.exit_codes));
  return text;
}

}  // namespace alignment
