#pragma once

#include <optional>
#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's
class App;
class ParseError;
}  // namespace CLI

namespace alignment {

/// Makes `program.parse()` refuse an option or a word of `program` and of its subcommands that is empty, as of a shell
/// variable that is not set, before any callback; free text (TEXT, PREFIX) may be empty.
void refuse_empty_values(CLI::App& program);

/// What `program.parse()` threw, in one line: an unknown option or subcommand with the nearest that there is, what is
/// missing by its name, anything else in CLI11's words.
[[nodiscard]] std::string usage_mistake(const CLI::App& program, const CLI::ParseError& error);

/// For main() of a program whose subcommands are those of a CLI11 application, which has its name and description:
/// parses the command line, or prints the page that it asks for (pages.hpp; `examples` are for these), or complains
/// about a mistake, an empty value among them. The exit code where nothing is left to do but to leave with it; nothing
/// where a subcommand was parsed and its callback has run. Throws what callbacks throw.
[[nodiscard]] std::optional<int> parse_subcommand(CLI::App& program, const std::vector<std::string>& examples,
                                                  int argument_count, char** arguments);

}  // namespace alignment
