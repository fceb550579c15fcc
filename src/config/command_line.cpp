#include "src/config/command_line.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "src/config/options.hpp"
#include "src/config/toml_file.hpp"

namespace alignment {
namespace {

template <typename Number>
bool parse_whole(const std::string& word, Number& number) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size();
}

/// A word of the command line as the key's type reads it; a word that it cannot read stays a string, which the key then
/// refuses.
RawValue raw_value(const Key& key, const std::string& word) {
  if (key.kind == KeyKind::kBoolean && (word == "true" || word == "false")) return word == "true";
  if (std::int64_t whole = 0; key.kind == KeyKind::kInteger && parse_whole(word, whole)) return whole;
  if (double real = 0; key.kind == KeyKind::kNumber && parse_whole(word, real)) return real;
  return word;
}

void apply_option(const Key& key, const std::vector<std::string>& words, Config& config, GivenKeys& given) {
  RawValue raw = words;
  if (key.kind != KeyKind::kFiles) {
    if (words.size() > 1) {
      throw ConfigError(fmt::format("--{}: found {} and {}; expected the option once; leave one out", key.full_name(),
                                    toml_text(words[0]), toml_text(words[1])));
    }
    raw = raw_value(key, words.front());
  }
  if (!key.assign(config, raw)) {
    const std::string found = words.size() == 1 ? toml_text(words.front()) : toml_text(raw);
    throw ConfigError(fmt::format("--{}: found {}; expected {}; correct it or leave the option out (default {})",
                                  key.full_name(), found, key.expected, toml_text(key.value(Config{}))));
  }
  given.insert(&key);
}

/// This process's rank as the nearest launcher says: mpirun inside an allocation inherits Slurm's marks.
std::string launched_rank() {
  for (const char* variable : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    if (const char* rank = std::getenv(variable)) return rank;
  }
  return "0";
}

/// What a command cannot start without, and options that do not go with it.
void check_command(const GivenOptions& options, Command command, const Config& config) {
  const std::string name = command_name(command);
  const auto refuse = [](std::string_view option, std::string_view found, std::string_view expected,
                         std::string_view advice) {
    throw ConfigError(fmt::format("{}: found {}; expected {}; {}", option, found, expected, advice));
  };
  const bool writes_out = command == Command::kPredict || command == Command::kCentroids;
  if (options.json_file && command != Command::kEval)
    refuse("--json", "it with " + name, "it with eval only", "leave it out");
  if (options.out_file && !writes_out)
    refuse("--out", "it with " + name, "it with predict or centroids only", "leave it out");
  if (command == Command::kDoctor) return;

  if (config.data.store.empty()) {
    refuse("data.store", "no file",
           fmt::format("the TSE store to {}", command == Command::kTrain ? "train on" : "read"),
           "give --data.store FILE.h5");
  }
  if ((command == Command::kEval || command == Command::kPredict) && config.model.init.empty()) {
    refuse("model.init", "no file", "the model file to " + name, "give --model.init MODEL.h5");
  }
  if (writes_out && !options.out_file) {
    refuse("--out", "no file", "the file to write",
           command == Command::kPredict ? "give --out FILE.csv" : "give --out MODEL.h5");
  }
  if (command == Command::kTrain && config.run.resume == "auto" && config.run.dir.empty()) {
    refuse("run.resume", "\"auto\" without run.dir", "the folder whose newest checkpoint to go on from",
           "give --run.dir FOLDER");
  }
}

}  // namespace

std::variant<Invocation, Printout> interpret(const std::vector<std::string>& arguments) {
  const GivenOptions options = read_options(arguments);
  if (options.help) return Printout{help_text()};
  if (options.version) return Printout{"dejavid_dist " DEJAVID_VERSION "\n"};

  Invocation invocation;
  invocation.command = options.command.value_or(Command::kTrain);
  GivenKeys& given = invocation.given;
  if (options.config_file) apply_toml_file(*options.config_file, invocation.config, given);
  for (const auto& [key, words] : options.keys) apply_option(*key, words, invocation.config, given);
  apply_profile(invocation.config, given);
  if (options.print_config) return Printout{to_toml(invocation.config)};

  check_command(options, invocation.command, invocation.config);
  invocation.json_file = options.json_file.value_or("");
  invocation.predict_file = options.out_file.value_or("");
  return invocation;
}

bool speaks_for_the_job() {
  return launched_rank() == "0";
}

void let_the_speaker_finish() {
  constexpr std::chrono::seconds kLongEnough{5};
  if (!speaks_for_the_job()) std::this_thread::sleep_for(kLongEnough);
}

std::string rank_before_mpi() {
  if (speaks_for_the_job()) return "";
  std::array<char, 256> host{};
  const bool known = gethostname(host.data(), host.size() - 1) == 0;
  return fmt::format(" (rank {} on {})", launched_rank(), known ? host.data() : "an unknown host");
}

}  // namespace alignment
