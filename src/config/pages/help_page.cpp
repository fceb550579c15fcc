#include <fmt/format.h>

#include <algorithm>

#include "src/config/pages/pages.hpp"

namespace alignment {
namespace {

/// The text in lines of at most `columns`, broken between words; all but the first are indented by `indent`, and the
/// first begins behind `begun` columns. Each but the last ends with `end`.
std::string wrapped(std::string_view text, std::size_t begun, std::size_t indent, int columns,
                    std::string_view end = "") {
  std::string lines;
  std::size_t column = begun;
  bool is_first = true;
  while (true) {
    const std::size_t from = text.find_first_not_of(" \n");
    if (from == std::string_view::npos) return lines;
    text.remove_prefix(from);
    const std::string_view word = text.substr(0, text.find_first_of(" \n"));
    text.remove_prefix(word.size());
    const std::size_t space = is_first ? 0 : 1;
    const bool is_last = text.find_first_not_of(" \n") == std::string_view::npos;
    const std::size_t width = static_cast<std::size_t>(columns) - (is_last ? 0 : end.size());
    if (!is_first && column + space + word.size() > width) {
      lines += fmt::format("{}\n{:{}}", end, "", indent);
      column = indent;
    } else {
      lines.append(space, ' ');
      column += space;
    }
    lines += word;
    column += word.size();
    is_first = false;
  }
}

struct Row {
  std::string left, right;
};

std::string left_of(const OptionDescription& option) {
  std::string left = option.short_name.empty() ? option.name : option.short_name + ", " + option.name;
  if (!option.is_option()) left = option.word.empty() ? option.name : option.word;
  if (option.is_option() && !option.word.empty()) left += ' ' + option.word;
  if (!option.default_word.empty()) left += " [" + option.default_word + ']';
  if (option.takes_several && left.find("...") == std::string::npos) left += " ...";
  if (option.required) left += " (required)";
  return left;
}

/// Rows with their right sides below each other; a wide left side has a line of its own.
std::string table_of(const std::vector<Row>& rows, std::size_t left_width, int columns) {
  constexpr std::size_t kMargin = 2;
  const std::size_t indent = left_width + 2 * kMargin;
  std::string text;
  for (const auto& [left, right] : rows) {
    text += fmt::format("{:{}}{}", "", kMargin, left);
    if (!right.empty()) {
      text += left.size() <= left_width ? fmt::format("{:{}}", "", left_width - left.size() + kMargin)
                                        : fmt::format("\n{:{}}", "", indent);
      text += wrapped(right, indent, indent, columns);
    }
    text += '\n';
  }
  return text;
}

/// Wide enough for the widest left side of all rows that leave the better part of a line to the right.
std::size_t left_width_of(const std::vector<Row>& rows, int columns) {
  const auto most = static_cast<std::size_t>(columns) * 2 / 5;
  std::size_t width = 0;
  for (const Row& row : rows) {
    if (row.left.size() <= most) width = std::max(width, row.left.size());
  }
  return width;
}

std::vector<Row> rows_of(const std::vector<CommandDescription>& commands) {
  std::vector<Row> rows;
  rows.reserve(commands.size());
  for (const CommandDescription& command : commands) rows.push_back({command.name, command.help});
  return rows;
}

std::string options_table(const std::vector<OptionDescription>& options, int columns) {
  std::vector<Row> all;
  all.reserve(options.size());
  for (const OptionDescription& option : options) all.push_back({left_of(option), option.help});
  const std::size_t width = left_width_of(all, columns);
  std::string text;
  for (std::size_t n = 0; n < options.size();) {
    text += fmt::format("\n{}:\n", options[n].group);
    std::vector<Row> rows;
    for (const std::string group = options[n].group; n < options.size() && options[n].group == group; ++n) {
      rows.push_back(all[n]);
    }
    text += table_of(rows, width, columns);
  }
  return text;
}

std::string usage(const ProgramDescription& program, const CommandDescription* command, int columns) {
  std::string line = fmt::format("Usage: {}", program.name);
  if (command == nullptr)
    return line + (program.needs_command ? " SUBCOMMAND [OPTION...]\n" : " [SUBCOMMAND] [OPTION...]\n");
  line += ' ' + command->name;
  for (const OptionDescription& option : command->options) {
    const std::string word = option.takes_several ? option.word + "..." : option.word;
    if (!option.is_option()) line += ' ' + word;
    if (option.is_option() && option.required) line += fmt::format(" {} {}", option.name, word);
  }
  return wrapped(line + " [OPTION...]", 0, std::string_view("Usage: ").size(), columns) + '\n';
}

/// Those of the command alone, or all.
std::vector<std::string> examples_of(const ProgramDescription& program, const CommandDescription* command) {
  std::vector<std::string> examples = program.examples;
  if (command == nullptr) return examples;
  const std::string call = program.name + ' ' + command->name + ' ';
  std::erase_if(examples, [&](const std::string& one) { return (one + ' ').find(call) == std::string::npos; });
  return examples;
}

std::string examples_text(const std::vector<std::string>& examples, int columns) {
  if (examples.empty()) return "";
  std::string text = examples.size() == 1 ? "\nExample:\n" : "\nExamples:\n";
  for (const std::string& example : examples) text += "  " + wrapped(example, 2, 4, columns, " \\") + '\n';
  return text;
}

std::string paragraph(std::string_view text, int columns) {
  return text.empty() ? "" : '\n' + wrapped(text, 0, 0, columns) + '\n';
}

std::string beginning(const ProgramDescription& program, const CommandDescription* command, int columns) {
  const std::string about =
      command ? fmt::format("{} {}: {}.", program.name, command->name, command->help) : program.description;
  return wrapped(about, 0, 0, columns) + "\n\n" + usage(program, command, columns);
}

}  // namespace

std::string help_page(const ProgramDescription& program, const CommandDescription* command, int columns) {
  std::string text = beginning(program, command, columns);
  if (command == nullptr) {
    const std::vector<Row> rows = rows_of(program.commands);
    text += "\nSubcommands:\n" + table_of(rows, left_width_of(rows, columns), columns);
  }
  text += options_table(command ? command->options : program.options, columns);
  text += paragraph(program.notes, columns);
  text += examples_text(examples_of(program, command), columns);
  text += paragraph(program.exit_codes, columns);
  if (command == nullptr) {
    text += paragraph(fmt::format("`{} help SUBCOMMAND` tells what one of them reads.", program.name), columns);
  }
  return text;
}

std::string first_screen(const ProgramDescription& program, const CommandDescription* command, int columns) {
  std::string text = beginning(program, command, columns);
  if (command == nullptr) {
    const std::vector<Row> rows = rows_of(program.commands);
    text += "\nSubcommands:\n" + table_of(rows, left_width_of(rows, columns), columns);
  } else {
    std::string names;
    for (const OptionDescription& option : command->options) {
      if (option.is_option()) names += ' ' + option.name;
    }
    text += "\nOptions:\n  " + wrapped(names, 2, 2, columns) + '\n';
  }
  constexpr std::size_t kMost = 2;
  std::vector<std::string> examples = examples_of(program, command);
  examples.resize(std::min(examples.size(), kMost));
  text += examples_text(examples, columns);
  text += paragraph(command ? fmt::format("`{} {} --help` says what each option means.", program.name, command->name)
                            : fmt::format("`{} help SUBCOMMAND` tells the options of one{}.", program.name,
                                          program.needs_command ? "" : ", --help all"),
                    columns);
  return text;
}

}  // namespace alignment
