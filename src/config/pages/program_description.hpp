#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's
class App;
}

namespace alignment {

struct CommandTable;

/// An option of a command line, or a word that stands by itself.
struct OptionDescription {
  std::string name;                     ///< "--train.lr"; without dashes: a word by itself
  std::string word = {};                ///< what stands for its word: "FILE.h5", "auto|cpu|cuda"; empty: it takes none
  std::vector<std::string> names = {};  ///< words that it knows beside those that `word` names
  std::string default_word = {};        ///< empty: none to tell
  std::string help = {};
  std::string group = {};       ///< the heading that it stands under
  std::string short_name = {};  ///< "-h"
  bool required = false;
  bool takes_several = false;  ///< words, one after the other

  [[nodiscard]] bool is_option() const { return name.starts_with('-'); }
};

struct CommandDescription {
  std::string name, help;
  std::vector<OptionDescription> options;  ///< that it reads
};

/// What a program's command line takes: help, manual page and completion are made of it.
struct ProgramDescription {
  std::string name;         ///< "dejavid_dist"
  std::string description;  ///< a sentence
  std::vector<CommandDescription> commands;
  bool needs_command = true;               ///< or else runs without one too
  std::vector<OptionDescription> options;  ///< that the program takes without a subcommand, or with any
  std::vector<std::string> examples;       ///< command lines
  std::string notes;                       ///< on options; may be empty
  std::string exit_codes;                  ///< a sentence; may be empty

  /// The subcommand of that name, or null.
  [[nodiscard]] const CommandDescription* find(std::string_view command) const;
};

/// What every program takes: --help, --version, --completion, --man.
[[nodiscard]] const std::vector<OptionDescription>& general_options();

[[nodiscard]] ProgramDescription describe(const CommandTable& table);
/// Of a program whose options and subcommands are those of a CLI11 application.
[[nodiscard]] ProgramDescription describe(const CLI::App& program, std::vector<std::string> examples);

/// The choices that a word such as "auto|cpu|cuda" or "none|auto|FILE" names, in lower case there, and the names.
[[nodiscard]] std::vector<std::string> choices_of(const OptionDescription& option);

enum class WordKind : unsigned char { kOther, kFile, kFolder };
/// What may stand in the place of the word, beside its choices.
[[nodiscard]] WordKind kind_of(const OptionDescription& option);

}  // namespace alignment
