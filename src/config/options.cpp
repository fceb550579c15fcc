#include "src/config/options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "src/config/suggestion.hpp"

namespace alignment {
namespace {

struct CommandEntry {
  Command command;
  const char* name;
  const char* help;
};

constexpr std::array kCommands{
    CommandEntry{Command::kTrain, "train", "learn centroids and weights (also what runs without a subcommand)"},
    CommandEntry{Command::kCentroids, "centroids", "only the centroids before training, to --out MODEL.h5"},
    CommandEntry{Command::kEval, "eval", "loss and accuracies of model.init on a split of data.store"},
    CommandEntry{Command::kPredict, "predict", "one line per sample, to --out FILE.csv"},
    CommandEntry{Command::kDoctor, "doctor", "check this installation: versions, ranks, collectives, folders"},
};

constexpr const char* kFooter = R"(
Order: default < --config FILE < command line. Booleans take true or false; alone, an option means true.
Examples:
  dejavid_dist train --config configs/hmdb51.toml --data.store hmdb51.h5 --run.dir runs/hmdb51
  mpirun -np 4 dejavid_dist train --config configs/series.toml --data.store a.h5 b.h5 --train.lr 0.01
  dejavid_dist centroids --data.store a.h5 --out centroids.h5
  dejavid_dist eval --model.init runs/a/best.h5 --data.store a.h5 --json eval.json
  dejavid_dist predict --model.init runs/a/best.h5 --data.store a.h5 --out predictions.csv
  mpirun -np 4 dejavid_dist doctor
Exit codes: 0 done, 2 usage or configuration, 10 store, 11 model, 12 not finite, 13 cannot write, 14 timeout, 15 rank lost,
75 stopped with a checkpoint: start again; 1 anything else.)";

/// Shows `--train.lr NUMBER [0.001]`.
struct HelpFormatter : CLI::Formatter {
  std::string make_option_opts(const CLI::Option* option) const override {
    std::string text = option->get_type_name().empty() ? "" : ' ' + option->get_type_name();
    const Key* key = find_key(option->get_lnames().front());
    if (const std::string default_value = key ? default_text(*key) : ""; !default_value.empty()) {
      text += " [" + default_value + "]";
    }
    return text;
  }

 private:
  static std::string default_text(const Key& key) {
    const RawValue value = key.value(Config{});
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    return key.kind == KeyKind::kFiles ? "" : toml_text(value);
  }
};

/// The CLI11 application and the options made from the table of keys.
struct Application {
  CLI::App app{"Distributed training of DejaVid: temporal alignment of videos with learned centroids and weights.",
               "dejavid_dist"};
  std::vector<CLI::Option*> key_options;  ///< one for every entry of keys(), in its order
  CLI::Option *config, *json, *out, *help, *version, *print_config;

  Application() {
    app.set_help_flag();
    app.require_subcommand(0, 1);
    app.allow_extras();
    auto formatter = std::make_shared<HelpFormatter>();
    formatter->column_width(58);
    app.formatter(formatter);
    app.footer(kFooter);
    for (const CommandEntry& entry : kCommands) {
      CLI::App* command = app.add_subcommand(entry.name, entry.help);
      command->set_help_flag();
      command->fallthrough();
    }
    config = add("--config", "FILE", "TOML file with any of the keys below", "General");
    json = add("--json", "FILE", "eval: also write the numbers there; - is standard output", "General");
    out = add("--out", "FILE", "predict, centroids: the file to write; - is standard output", "General");
    help = add_flag("-h,--help", "print this page");
    version = add_flag("--version", "print the version");
    print_config = add_flag("--print-config", "print the resolved configuration as TOML");
    for (const Key& key : keys()) {
      CLI::Option* option = add("--" + key.full_name(), key.placeholder, key.help, '[' + key.section + ']');
      if (key.kind == KeyKind::kBoolean) option->expected(0, 1)->default_str("true");  // what it means alone
      if (key.kind == KeyKind::kFiles) option->expected(-1);
      key_options.push_back(option);
    }
  }

 private:
  /// An option that collects words; what they mean is decided by the table of keys.
  CLI::Option* add(const std::string& name, const std::string& placeholder, const std::string& description,
                   const std::string& group) {
    CLI::Option* option = app.add_option(
        name, [](const CLI::results_t&) { return true; }, description);
    return option->type_name(placeholder)->group(group)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }

  CLI::Option* add_flag(const std::string& name, const std::string& description) {
    return app.add_flag(name)->description(description)->group("General");
  }
};

/// The option that a word such as `--train.lr=1` names, or null where it names none.
const CLI::Option* named_option(const CLI::App& app, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  return name == "--help" || name == "-h" ? app.get_option("--help") : app.get_option_no_throw(name);
}

bool is_option(const std::string& word) {
  return word.size() > 2 && word.starts_with("--");
}

[[noreturn]] void refuse_option(const CLI::App& app, const std::string& word) {
  std::vector<std::string> candidates;
  for (const CLI::Option* known : app.get_options()) candidates.push_back(known->get_lnames().front());
  const std::string option = word.substr(0, word.find('='));
  const std::string name = option.substr(std::min(option.find_first_not_of('-'), option.size()));
  throw ConfigError(fmt::format("{}: found an unknown option; expected one that --help lists; did you mean --{}?",
                                toml_text(option), nearest(name, candidates)));
}

/// CLI11 takes `--train.x` for option `--x` of subcommand `train`, and `--a --b` for the value `--b`; so what begins
/// with two dashes is checked here first. `--key=` becomes the option followed by an empty word.
std::vector<std::string> checked_words(const CLI::App& app, const std::vector<std::string>& arguments) {
  std::vector<std::string> words;
  for (std::size_t index = 0; index < arguments.size(); ++index) {
    const std::string& word = arguments[index];
    words.push_back(word);
    if (!is_option(word)) continue;
    const CLI::Option* option = named_option(app, word);
    if (!option) refuse_option(app, word);
    if (word.find('=') == word.size() - 1) {
      words.back().pop_back();
      words.emplace_back();
    } else if (word.find('=') == std::string::npos && option->get_items_expected_min() > 0 &&
               (index + 1 == arguments.size() || is_option(arguments[index + 1]))) {
      throw ConfigError(
          fmt::format("{}: found no value; expected {}; give one after the option", word, option->get_type_name()));
    }
  }
  return words;
}

std::optional<std::string> single_word(const CLI::Option* option) {
  if (option->count() == 0) return std::nullopt;
  const std::vector<std::string>& words = option->results();
  const std::string name = option->get_name();
  if (words.size() > 1) {
    throw ConfigError(fmt::format("{}: found {} and {}; expected the option once; leave one out", name,
                                  toml_text(words[0]), toml_text(words[1])));
  }
  if (words[0].empty()) throw ConfigError(fmt::format("{}: found an empty name; expected a file; name one", name));
  return words[0];
}

[[noreturn]] void refuse_word(const std::string& word) {
  std::vector<std::string> names;
  names.reserve(std::size(kCommands));
  for (const CommandEntry& entry : kCommands) names.emplace_back(entry.name);
  const bool is_command = std::find(names.begin(), names.end(), word) != names.end();
  throw ConfigError(fmt::format("{}: found {}; expected one subcommand ({}) and options; {}", toml_text(word),
                                is_command ? "a second subcommand" : "an unexpected word", fmt::join(names, ", "),
                                is_command ? "leave one out" : fmt::format("did you mean {}?", nearest(word, names))));
}

}  // namespace

GivenOptions read_options(const std::vector<std::string>& arguments) {
  Application application;
  std::vector<std::string> words = checked_words(application.app, arguments);
  std::reverse(words.begin(), words.end());  // CLI11 reads from the back
  try {
    application.app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    throw ConfigError(
        fmt::format("command line: found a mistake ({}); expected what --help lists; correct it", error.what()));
  }
  if (const std::vector<std::string> extra = application.app.remaining(true); !extra.empty()) {
    if (extra.front().starts_with('-')) refuse_option(application.app, extra.front());
    refuse_word(extra.front());
  }
  GivenOptions given;
  for (const CommandEntry& entry : kCommands) {
    if (application.app.got_subcommand(entry.name)) given.command = entry.command;
  }
  given.config_file = single_word(application.config);
  given.json_file = single_word(application.json);
  given.out_file = single_word(application.out);
  given.help = application.help->count() > 0;
  given.version = application.version->count() > 0;
  given.print_config = application.print_config->count() > 0;
  for (std::size_t index = 0; index < keys().size(); ++index) {
    const CLI::Option* option = application.key_options[index];
    if (option->count() > 0) given.keys.emplace_back(&keys()[index], option->results());
  }
  return given;
}

std::string help_text() {
  const Application application;
  return application.app.get_formatter()->make_help(&application.app, "dejavid_dist", CLI::AppFormatMode::Normal);
}

std::string command_name(Command command) {
  const auto found = std::find_if(kCommands.begin(), kCommands.end(),
                                  [&](const CommandEntry& entry) { return entry.command == command; });
  return found->name;
}

}  // namespace alignment
