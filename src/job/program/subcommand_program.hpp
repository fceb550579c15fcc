#pragma once

#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace alignment {

/// What `program.parse()` threw, in one line: an unknown option with the nearest that there is, what is missing by its
/// name, anything else in CLI11's words.
[[nodiscard]] std::string usage_mistake(const CLI::App& program, const CLI::ParseError& error);

/// For main() of a program whose subcommands are those of a CLI11 application, which has its name and description:
/// parses the command line, or prints the page that it asks for (pages.hpp; `examples` are for these), or complains
/// about a mistake. The exit code where nothing is left to do but to leave with it; nothing where a subcommand was
/// parsed and its callback has run. Throws what callbacks throw.
[[nodiscard]] std::optional<int> parse_subcommand(CLI::App& program, const std::vector<std::string>& examples,
                                                  int argument_count, char** arguments);

}  // namespace alignment
