#include "src/config/toml.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <tuple>

#include "src/config/error.hpp"
#include "src/config/keys/suggestion.hpp"

namespace alignment {
namespace {

/// A mistake and where it stands; of several, the first in the text is reported.
struct Mistake {
  toml::source_position position;
  std::string message;
};

class TomlReader {
 public:
  TomlReader(const KeyTable& table, const std::string& file, SharedConfig& config, GivenKeys& given)
      : table_(table), file_(file), config_(config), given_(given) {}

  void read(const toml::table& root) {
    for (const auto& [section, node] : root) read_section(section, node);
    if (first_mistake_) {
      throw ConfigError(fmt::format("{}:{}:{}: {}", file_, first_mistake_->position.line,
                                    first_mistake_->position.column, first_mistake_->message));
    }
  }

 private:
  void read_section(const toml::key& section, const toml::node& node) {
    const std::string name(section.str());
    const auto in_section = [&](const Key& key) { return key.section == name; };
    if (std::none_of(table_.keys().begin(), table_.keys().end(), in_section)) {
      report_unknown(section, node, name);
    } else if (const toml::table* table = node.as_table()) {
      for (const auto& [key, value] : *table) read_key(name, key, value);
    } else {
      report(node.source().begin,
             fmt::format("{}: found {}; expected a section [{}] with keys; move the value to one of its keys", name,
                         describe_value(raw_value(node)), name));
    }
  }

  void read_key(const std::string& section, const toml::key& name, const toml::node& node) {
    const std::string full_name = section + '.' + std::string(name.str());
    const Key* key = table_.find(full_name);
    if (!key) return report_unknown(name, node, full_name);
    const RawValue raw = raw_value(node);
    if (!key->assign(config_, raw)) {
      return report(node.source().begin,
                    fmt::format("{}: found {}; expected {}; correct it or leave the key out (default {})", full_name,
                                describe_value(raw), key->expected, toml_text(table_.default_of(*key))));
    }
    given_.insert(key);
  }

  /// `word` is a section, or a key with its section. An unknown section that is a table is named with its first key.
  void report_unknown(const toml::key& where, const toml::node& node, std::string word) {
    std::vector<std::string> candidates;
    for (const Key& key : table_.keys()) candidates.push_back(key.full_name());
    std::string what = "key " + shown_name(word);
    if (const toml::table* table = node.as_table(); table && word.find('.') == std::string::npos) {
      what = "section [" + shown_name(word) + "]";
      if (!table->empty()) word += '.' + std::string(table->begin()->first.str());
    }
    report(where.source().begin, fmt::format("found unknown {}; expected a key that --help lists; did you mean {}?",
                                             what, nearest(word, candidates)));
  }

  /// Names in a message stay on one line, whatever stands between the quotes of a quoted key.
  static std::string shown_name(const std::string& name) {
    const std::string quoted = toml_text(name);
    return quoted.size() == name.size() + 2 ? name : quoted;
  }

  void report(const toml::source_position& position, std::string message) {
    if (!first_mistake_ || std::tie(position.line, position.column) <
                               std::tie(first_mistake_->position.line, first_mistake_->position.column)) {
      first_mistake_ = Mistake{position, std::move(message)};
    }
  }

  static RawValue raw_value(const toml::node& node) {
    if (const auto* value = node.as_boolean()) return value->get();
    if (const auto* value = node.as_integer()) return value->get();
    if (const auto* value = node.as_floating_point()) return value->get();
    if (const auto* value = node.as_string()) return value->get();
    if (const toml::array* array = node.as_array()) {
      std::vector<std::string> texts;
      for (const toml::node& element : *array) {
        const auto* text = element.as_string();
        if (!text) return ForeignValue{fmt::format("an array that holds {}", describe_value(raw_value(element)))};
        texts.push_back(text->get());
      }
      return texts;
    }
    return ForeignValue{node.is_table() ? "a table" : "a date or time"};
  }

  const KeyTable& table_;
  const std::string& file_;
  SharedConfig& config_;
  GivenKeys& given_;
  std::optional<Mistake> first_mistake_;
};

/// Devices and pipes may not end.
constexpr std::size_t kMostConfigBytes = std::size_t{1} << 20U;

/// The parser quotes what it found, line breaks and all.
std::string on_one_line(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char letter) { return static_cast<unsigned char>(letter) < 0x20; }, '?');
  return line;
}

/// The text behind the string that begins at `at`; an unfinished one goes on to the end. The parser refuses what this
/// takes for a string and it does not.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  constexpr std::size_t kOfSeveralLines = 3;
  const std::string whole(kOfSeveralLines, quote);
  const std::string_view mark = std::string_view(whole).substr(0, text.substr(at).starts_with(whole) ? 3 : 1);
  for (at += mark.size(); at < text.size(); ++at) {
    if (text[at] == '\\' && quote == '"') {
      ++at;
    } else if (text.substr(at).starts_with(mark)) {
      at += mark.size();
      // """a""""": the last three of several end it.
      for (std::size_t more = 0; mark.size() > 1 && more < 2 && at < text.size() && text[at] == quote; ++more) ++at;
      return at;
    }
  }
  return text.size();
}

/// Refuses keys of very many parts: the parser makes a table of each, and frees them one within the other.
void refuse_deep_keys(std::string_view text, const std::string& file) {
  constexpr int kMostDots = 16;
  int dots = 0;  // since the last letter that is not of a key
  std::size_t line = 1, line_begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char letter = text[at];
    std::size_t next = at + 1;
    if (letter == '"' || letter == '\'') {
      next = end_of_string(text, at);
    } else if (letter == '#') {
      next = std::min(text.find('\n', at), text.size());
    } else if (letter == '.') {
      if (++dots > kMostDots) {
        throw ConfigError(
            fmt::format("{}:{}:{}: found a key of more than {} parts; expected section.name = value; "
                        "correct the line",
                        file, line, at - line_begin + 1, kMostDots + 1));
      }
    } else if (std::string_view("=,[]{}\n").find(letter) != std::string_view::npos) {
      dots = 0;
    }
    for (; at < next; ++at) {
      if (text[at] != '\n') continue;
      ++line;
      line_begin = at + 1;
    }
  }
}

}  // namespace

void apply_toml(const KeyTable& table, std::string_view text, const std::string& file, SharedConfig& config,
                GivenKeys& given) {
  refuse_deep_keys(text, file);
  toml::table root;
  try {
    root = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    throw ConfigError(fmt::format(
        "{}:{}:{}: found text that does not parse ({}); expected TOML with every key once; correct the line", file,
        error.source().begin.line, error.source().begin.column, on_one_line(error.description())));
  }
  TomlReader(table, file, config, given).read(root);
}

void apply_toml_file(const KeyTable& table, const std::string& file, SharedConfig& config, GivenKeys& given) {
  const auto refuse = [&](std::string_view found) {
    throw ConfigError(fmt::format("{}: found {}; expected a readable TOML file; check --config", file, found));
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) refuse("a folder");
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) refuse(std::strerror(errno));
  std::string text(kMostConfigBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) refuse(std::strerror(errno));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kMostConfigBytes) refuse(fmt::format("more than {} MiB", kMostConfigBytes >> 20U));
  apply_toml(table, text, file, config, given);
}

std::string to_toml(const KeyTable& table, const SharedConfig& config) {
  std::string text;
  const std::string* section = nullptr;
  for (const Key& key : table.keys()) {
    if (!section || *section != key.section) {
      text += fmt::format("{}[{}]\n", section ? "\n" : "", key.section);
      section = &key.section;
    }
    text += fmt::format("{} = {}\n", key.name, toml_text(key.value(config)));
  }
  return text;
}

void from_toml(const KeyTable& table, std::string_view text, const std::string& name, SharedConfig& config) {
  GivenKeys given;
  apply_toml(table, text, name, config, given);
  table.apply_profile(config, given);
}

}  // namespace alignment
