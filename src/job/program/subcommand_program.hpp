#pragma once

#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace alignment {

/// For main() of a program whose subcommands are those of a CLI11 application, which has its name and description:
/// parses the command line, or prints the page that it asks for (pages.hpp; `examples` are for these), or complains
/// about a mistake. The exit code where nothing is left to do but to leave with it; nothing where a subcommand was
/// parsed and its callback has run. Throws what callbacks throw.
[[nodiscard]] std::optional<int> parse_subcommand(CLI::App& program, const std::vector<std::string>& examples,
                                                  int argument_count, char** arguments);

}  // namespace alignment
