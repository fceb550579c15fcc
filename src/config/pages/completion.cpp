#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "src/config/error.hpp"
#include "src/config/pages/pages.hpp"

namespace alignment {
namespace {

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string made;
  for (std::size_t at = 0; (at = text.find(from)) != std::string_view::npos; text.remove_prefix(at + from.size())) {
    made.append(text.substr(0, at)).append(to);
  }
  return made.append(text);
}

/// In single quotes, for bash and zsh.
std::string quoted(const std::string& text) {
  return fmt::format("'{}'", replaced(text, "'", R"('\'')"));
}

std::string option_names(const std::vector<OptionDescription>& options) {
  std::vector<std::string> names;
  for (const OptionDescription& option : options) {
    if (option.is_option()) names.push_back(option.name);
  }
  return fmt::format("{}", fmt::join(names, " "));
}

std::string command_names(const ProgramDescription& program, const char* between) {
  std::vector<std::string> names;
  for (const CommandDescription& command : program.commands) names.push_back(command.name);
  return fmt::format("{}", fmt::join(names, between));
}

bool takes_words_alone(const CommandDescription& command) {
  return std::any_of(command.options.begin(), command.options.end(), [](const auto& one) { return !one.is_option(); });
}

/// Each option once, though several subcommands have it.
std::map<std::string, OptionDescription> all_options(const ProgramDescription& program) {
  std::map<std::string, OptionDescription> all;
  for (const OptionDescription& option : program.options) all.emplace(option.name, option);
  for (const CommandDescription& command : program.commands) {
    for (const OptionDescription& option : command.options) all.emplace(option.name, option);
  }
  std::erase_if(all, [](const auto& one) { return !one.second.is_option(); });
  return all;
}

/// What completes the word of an option; empty for an option without words.
std::string bash_words(const OptionDescription& option) {
  if (option.word.empty()) return "";
  std::string line;
  const std::vector<std::string> choices = choices_of(option);
  if (!choices.empty())
    line += fmt::format("mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$word\"); ", fmt::join(choices, " "));
  if (kind_of(option) == WordKind::kFile) line += "files -f; ";
  if (kind_of(option) == WordKind::kFolder) line += "files -d; ";
  return line;
}

std::string bash_script(const ProgramDescription& program) {
  std::string commands, words, several;
  for (const CommandDescription& command : program.commands) {
    commands += fmt::format("    {}) options='{}'{} ;;\n", command.name, option_names(command.options),
                            takes_words_alone(command) ? "; alone=1" : "");
  }
  for (const auto& [name, option] : all_options(program)) {
    const std::string line = bash_words(option);
    if (!option.word.empty()) words += fmt::format("    {}) {}return ;;\n", name, line);
    if (option.takes_several) several += (several.empty() ? "" : "|") + name;
  }
  std::string goes_on;
  if (!several.empty()) {
    goes_on = fmt::format(R"(  # An option that takes several words: those after its first too.
  for ((n = COMP_CWORD - 1; n > 0; --n)); do
    [[ ${{COMP_WORDS[n]}} == --* ]] || continue
    case ${{COMP_WORDS[n]}} in {}) [[ $word == -* ]] || option=${{COMP_WORDS[n]}} ;; esac
    break
  done
)",
                          several);
  }
  const std::string function = fmt::format("_{}", program.name);
  return fmt::format(R"(# Completion of {0} for bash; made by `{0} --completion bash`.
{1}() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} option=${{COMP_WORDS[COMP_CWORD - 1]}} options command='' alone='' n
  files() {{
    compopt -o filenames 2> /dev/null  # only while readline asks
    local found
    mapfile -t found < <(compgen "$1" -- "$word")
    COMPREPLY+=("${{found[@]}}")
  }}
  COMPREPLY=()
  # readline takes "--option=word" for three words
  if [[ $word == '=' ]]; then
    word=''
  elif [[ $option == '=' ]]; then
    option=${{COMP_WORDS[COMP_CWORD - 2]}}
  fi
  for ((n = 1; n < COMP_CWORD; ++n)); do
    case ${{COMP_WORDS[n]}} in {2}) command=${{COMP_WORDS[n]}}; break ;; esac
  done
{3}  case $option in
{4}    help) mapfile -t COMPREPLY < <(compgen -W '{5}' -- "$word"); return ;;
  esac
  case $command in
{6}    *) options='{7}' ;;
  esac
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
  elif [[ -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W '{5} help' -- "$word")
  elif [[ -n $alone ]]; then
    files -f
  else
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
  fi
}}
complete -F {1} {0}
)",
                     program.name, function, command_names(program, "|"), goes_on, words, command_names(program, " "),
                     commands, option_names(program.options));
}

/// An argument of zsh's _arguments: --dist.device=[where to compute]:auto|cpu|cuda:(auto cpu cuda)
std::string zsh_option(const OptionDescription& option) {
  const std::string help = replaced(replaced(replaced(option.help, "\\", "\\\\"), "[", "\\["), "]", "\\]");
  std::string spec = fmt::format("{}{}{}[{}]", option.takes_several ? "*" : "", option.name,
                                 option.word.empty() ? "" : "=", replaced(help, ":", "\\:"));
  if (option.word.empty()) return quoted(spec);
  const std::vector<std::string> choices = choices_of(option);
  spec += fmt::format(":{}:", replaced(option.word, ":", "\\:"));
  const WordKind kind = kind_of(option);
  const std::string files = kind == WordKind::kFolder ? "_files -/" : kind == WordKind::kFile ? "_files" : "";
  if (choices.empty()) {
    spec += files.empty() ? " " : files;
  } else if (files.empty()) {
    spec += fmt::format("({})", fmt::join(choices, " "));
  } else {
    spec += fmt::format("{{compadd {}; {}}}", fmt::join(choices, " "), files);
  }
  return quoted(spec);
}

std::string zsh_options(const std::vector<OptionDescription>& options) {
  std::string lines;
  for (const OptionDescription& option : options) {
    if (option.is_option()) lines += fmt::format("      {}\n", zsh_option(option));
  }
  return lines;
}

std::string zsh_script(const ProgramDescription& program) {
  std::string commands, options;
  for (const CommandDescription& command : program.commands) {
    commands += fmt::format("    {}\n", quoted(fmt::format("{}:{}", command.name, command.help)));
    options += fmt::format("    {})\n      options=(\n{}      ) ;;\n", command.name, zsh_options(command.options));
  }
  return fmt::format(R"(#compdef {0}
# Completion of {0} for zsh; made by `{0} --completion zsh`.
_{0}() {{
  local word command
  local -a commands options
  commands=(
{1}    'help:what a subcommand reads'
  )
  for word in ${{words[2,CURRENT-1]}}; do
    case $word in {2}) command=$word; break ;; esac
  done
  if [[ -z $command && $words[CURRENT] != -* && $words[CURRENT-1] != --* ]]; then
    _describe subcommand commands
    return
  fi
  case $command in
{3}    *)
      options=(
{4}      ) ;;
  esac
  _arguments $options '*:file:_files'
}}
if [[ $funcstack[1] == _{0} ]]; then
  _{0} "$@"
else
  compdef _{0} {0}
fi
)",
                     program.name, commands, command_names(program, "|"), options, zsh_options(program.options));
}

/// In single quotes, for fish.
std::string fish_quoted(const std::string& text) {
  return fmt::format("'{}'", replaced(replaced(text, "\\", "\\\\"), "'", "\\'"));
}

std::string fish_option(const std::string& program, const std::string& condition, const OptionDescription& option) {
  std::string line = fmt::format("complete -c {} -n {} -l {}", program, fish_quoted(condition), option.name.substr(2));
  if (!option.short_name.empty()) line += " -s " + option.short_name.substr(1);
  if (!option.word.empty()) {
    std::vector<std::string> choices = choices_of(option);
    if (kind_of(option) == WordKind::kFolder) choices.emplace_back("(__fish_complete_directories)");
    line += kind_of(option) == WordKind::kFile ? " -r -F" : " -x";
    if (!choices.empty()) line += fmt::format(" -a '{}'", fmt::join(choices, " "));
  }
  line += fmt::format(" -d {}\n", fish_quoted(option.help));
  if (option.takes_several) {  // those after its first word too
    const std::string last = R"((commandline -opc | string match -- "--*")[-1])";
    const std::string goes_on =
        fmt::format("{}; and string match -qr -- '^{}(=|$)' {}", condition, replaced(option.name, ".", "\\."), last);
    line += fmt::format("complete -c {} -n {} -F\n", program, fish_quoted(goes_on));
  }
  return line;
}

std::string fish_script(const ProgramDescription& program) {
  std::string text = fmt::format(
      "# Completion of {0} for fish; made by `{0} --completion fish`.\ncomplete -c {0} -e\ncomplete -c {0} -f\n",
      program.name);
  const std::string none = fmt::format("not __fish_seen_subcommand_from {}", command_names(program, " "));
  for (const CommandDescription& command : program.commands) {
    text += fmt::format("complete -c {} -n {} -a {} -d {}\n", program.name, fish_quoted(none), command.name,
                        fish_quoted(command.help));
  }
  text += fmt::format("complete -c {} -n {} -a help -d 'what a subcommand reads'\n", program.name, fish_quoted(none));
  for (const OptionDescription& option : program.options) text += fish_option(program.name, none, option);
  for (const CommandDescription& command : program.commands) {
    const std::string condition = fmt::format("__fish_seen_subcommand_from {}", command.name);
    for (const OptionDescription& option : command.options) {
      if (option.is_option()) text += fish_option(program.name, condition, option);
    }
    if (takes_words_alone(command)) {
      text += fmt::format("complete -c {} -n {} -F\n", program.name, fish_quoted(condition));
    }
  }
  return text;
}

}  // namespace

std::string completion_script(const ProgramDescription& program, std::string_view shell) {
  if (shell == "bash") return bash_script(program);
  if (shell == "zsh") return zsh_script(program);
  if (shell == "fish") return fish_script(program);
  throw ConfigError(fmt::format("--completion: found {}; expected bash, zsh or fish; name one of them",
                                shell.empty() ? "no shell" : fmt::format("\"{}\"", shell)));
}

}  // namespace alignment
