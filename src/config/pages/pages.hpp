#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/config/pages/program_description.hpp"

/// What a program tells of itself, all of it made of its description.
namespace alignment {

/// How wide a page is that nobody looks at in a terminal.
inline constexpr int kPageColumns = 100;

/// Everything that the program takes, or with `command` not null that subcommand alone. Lines are at most `columns`
/// wide but for words that are wider.
[[nodiscard]] std::string help_page(const ProgramDescription& program, const CommandDescription* command, int columns);

/// The same in about a screen: options without words about them.
[[nodiscard]] std::string first_screen(const ProgramDescription& program, const CommandDescription* command,
                                       int columns);

/// The manual page in section 1, in the macros of man(7).
[[nodiscard]] std::string man_page(const ProgramDescription& program);

/// A script that makes the shell complete the program's subcommands, options and their words: "bash", "zsh" or "fish".
/// Throws ConfigError for another.
[[nodiscard]] std::string completion_script(const ProgramDescription& program, std::string_view shell);

/// The page that the arguments (without the program's name) ask for: `help [SUBCOMMAND]`, --help, -h, --version,
/// --completion SHELL, --man; nothing where they ask for work. Throws ConfigError where they ask for one that is not
/// there.
[[nodiscard]] std::optional<std::string> asked_page(const ProgramDescription& program,
                                                    const std::vector<std::string>& arguments, int columns);

}  // namespace alignment
