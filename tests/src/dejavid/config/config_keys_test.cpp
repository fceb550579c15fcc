// Every key of the table: its value by file and by command line, the types and values it refuses, printing and reading
// back.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "src/config/command_line.hpp"
#include "src/config/toml.hpp"
#include "src/dejavid/commands/command_table.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/config/config_keys.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::dejavid {
namespace {

/// What a key takes and refuses, both as TOML text. The words of the command line are the same without quotes.
struct Example {
  std::vector<std::string> accepted;  ///< each prints back as it stands; none is the default
  std::vector<std::string> refused;
};

const std::vector<std::string> kNoInteger = {"1.0", "true", "\"three\"", "[1]", "{ a = 1 }", "1979-05-27"};
const std::vector<std::string> kNoNumber = {"true", "\"fast\"", "[0.5]", "{ a = 1 }", "inf",
                                            "-inf", "nan",      "-nan",  "-0.5"};
const std::vector<std::string> kNoBoolean = {"1", "0.5", "\"true\"", "\"yes\"", "[true]"};
const std::vector<std::string> kNoText = {"1", "true", "1.5", "[\"a\"]", "07:32:00"};

std::vector<std::string> operator+(std::vector<std::string> left, const std::vector<std::string>& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

const std::map<std::string, Example> kExamples = {
    {"data.store",
     {{R"(["a.h5"])", R"(["a.h5", "b c.h5"])", R"(["x \"#y\".h5", "z\\.h5"])"},
      {"3", "true", "[1]", R"(["a", 1])", R"([""])", R"("")"}}},
    {"data.cache", {{R"("none")", R"("memory")"}, kNoText + std::vector<std::string>{R"("disk")", R"("")"}}},
    {"data.prefetch", {{"1", "7", "1024"}, kNoInteger + std::vector<std::string>{"0", "-1", "1025"}}},
    {"data.bad_samples", {{R"("skip")"}, kNoText + std::vector<std::string>{R"("drop")"}}},
    {"data.slope", {{"true"}, kNoBoolean}},
    {"data.holdout", {{"0.1", "0.2", "0.9"}, kNoNumber + std::vector<std::string>{"0.91", "1"}}},
    {"model.steps",
     {{"1", "32", "16777216", R"("auto")"},
      kNoInteger + std::vector<std::string>{"0", "-8", "16777217", "4611686018427387904", R"("Auto")"}}},
    {"model.weight_init", {{R"("random")"}, kNoText + std::vector<std::string>{R"("Random")"}}},
    {"model.learn_weights", {{"false"}, kNoBoolean}},
    {"model.learn_centroids", {{"false"}, kNoBoolean}},
    {"model.diagonal", {{"true"}, kNoBoolean}},
    {"model.init", {{R"("runs/a/best.h5")", R"("grüße.h5")"}, kNoText}},
    {"centroids.samples_per_class", {{"1", "500"}, kNoInteger + std::vector<std::string>{"0"}}},
    {"centroids.iterations", {{"1", "7"}, kNoInteger + std::vector<std::string>{"0"}}},
    {"train.epochs",
     {{"0", "1", "1000", R"("auto")"}, kNoInteger + std::vector<std::string>{"-1", "1073741825", R"("Auto")"}}},
    {"train.batch_size", {{"1", "32"}, kNoInteger + std::vector<std::string>{"0", "1073741825"}}},
    {"train.lr", {{"0.5", "1e-300", "3.0", "0.1"}, kNoNumber + std::vector<std::string>{"0.0", "0", "-0.0"}}},
    {"train.centroid_lr_ratio", {{"0.0", "1.0", "0.25"}, kNoNumber}},
    {"train.weight_decay", {{"0.01", "1e+20"}, kNoNumber}},
    {"train.refresh", {{R"("batch")"}, kNoText + std::vector<std::string>{R"("never")"}}},
    {"train.path_precision", {{R"("f16")", R"("i8")"}, kNoText + std::vector<std::string>{R"("bf16")"}}},
    {"train.gradient_precision", {{R"("f16")"}, kNoText + std::vector<std::string>{R"("i8")"}}},
    {"train.shuffle", {{"false"}, kNoBoolean}},
    {"train.seed", {{"1", "9223372036854775807"}, kNoInteger + std::vector<std::string>{"-1"}}},
    {"train.profile", {{R"("dejavid-code")"}, kNoText + std::vector<std::string>{R"("code")"}}},
    {"train.label_smoothing", {{"0.1", "0.9"}, kNoNumber + std::vector<std::string>{"0.95", "1"}}},
    {"train.logit_scale", {{"1.0", "16.0"}, kNoNumber + std::vector<std::string>{"0.0", "1e+07"}}},
    {"train.logit_norm", {{R"("none")", R"("log")"}, kNoText + std::vector<std::string>{R"("batchnorm")"}}},
    {"eval.paths", {{R"("frozen")"}, kNoText + std::vector<std::string>{R"("old")"}}},
    {"eval.split", {{R"("train")", R"("val")", R"("test")"}, kNoText + std::vector<std::string>{R"("valid")"}}},
    {"dist.device", {{R"("cpu")", R"("cuda")"}, kNoText + std::vector<std::string>{R"("gpu")"}}},
    {"dist.backend", {{R"("mpi")", R"("nccl")"}, kNoText + std::vector<std::string>{R"("gloo")"}}},
    {"dist.timeout_s",
     {{"0.1", "30.0", "100000000.0"}, kNoNumber + std::vector<std::string>{"0", "1e-9", "0.099", "1.1e8"}}},
    {"dist.threads", {{"1", "64"}, kNoInteger + std::vector<std::string>{"-1", "1000000"}}},
    {"run.dir", {{R"("runs/a")", R"("/tmp/with space")"}, kNoText}},
    {"run.resume",
     {{R"("auto")", R"("runs/a/checkpoints/step_00000100.h5")"}, kNoText + std::vector<std::string>{R"("")"}}},
    {"run.checkpoint_every_steps", {{"1", "100"}, kNoInteger + std::vector<std::string>{"-1"}}},
    {"run.checkpoint_keep", {{"1", "5"}, kNoInteger + std::vector<std::string>{"0"}}},
    {"run.keep_going", {{"true"}, kNoBoolean}},
    {"run.tensorboard", {{"false"}, kNoBoolean}},
    {"run.progress", {{R"("bar")", R"("plain")", R"("off")"}, kNoText + std::vector<std::string>{R"("yes")"}}},
};

std::string print_config(std::vector<std::string> arguments) {
  arguments.emplace_back("--print-config");
  return std::get<Printout>(interpret(command_table(), arguments)).text;
}

/// The line of a printed configuration that holds the key, without the key: "0.5".
std::string printed_value(const std::string& toml, const Key& key) {
  std::istringstream lines(toml);
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('[')) section = line;
    if (section == '[' + key.section + ']' && line.starts_with(key.name + " = "))
      return line.substr(key.name.size() + 3);
  }
  ADD_FAILURE() << key.full_name() << " is not in\n" << toml;
  return "";
}

/// The value as words of a command line: the strings themselves, or the text as it stands.
std::vector<std::string> words_of(const std::string& toml_value) {
  struct Reader {
    Config config;
    GivenKeys given;
  } reader;
  if (toml_value.starts_with('"')) {
    apply_toml(key_table(), "[run]\ndir = " + toml_value, "words", reader.config, reader.given);
    return {reader.config.run.dir.string()};
  }
  if (toml_value.starts_with('[')) {
    apply_toml(key_table(), "[data]\nstore = " + toml_value, "words", reader.config, reader.given);
    return {reader.config.data.store.begin(), reader.config.data.store.end()};
  }
  return {toml_value};
}

TEST(ConfigKeys, EveryKeyHasAnExampleAndEveryExampleAKey) {
  std::set<std::string> names, examples;
  for (const Key& key : keys())
    EXPECT_TRUE(names.insert(key.full_name()).second) << key.full_name() << " is there twice";
  for (const auto& [name, example] : kExamples) examples.insert(name);
  EXPECT_EQ(names, examples);
}

TEST(ConfigKeys, EveryKeyReadsItsValuesFromAFileInEverySpelling) {
  const TemporaryFolder folder;
  const std::string file = (folder / "a.toml").string();
  for (const Key& key : keys()) {
    for (const std::string& value : kExamples.at(key.full_name()).accepted) {
      EXPECT_NE(printed_value(print_config({}), key), value) << key.full_name() << ": the example is the default";
      for (const std::string& text :
           {"[" + key.section + "]\n" + key.name + " = " + value + " # comment\n",
            key.full_name() + " = " + value + "\n", key.section + " = { " + key.name + " = " + value + " }\n"}) {
        write_file(file, text);
        EXPECT_EQ(printed_value(print_config({"--config", file}), key), value) << text;
      }
    }
  }
}

TEST(ConfigKeys, EveryKeyReadsItsValuesFromTheCommandLine) {
  for (const Key& key : keys()) {
    for (const std::string& value : kExamples.at(key.full_name()).accepted) {
      std::vector<std::string> arguments = {"--" + key.full_name()};
      for (const std::string& word : words_of(value)) arguments.push_back(word);
      EXPECT_EQ(printed_value(print_config(arguments), key), value) << key.full_name();
      if (arguments.size() == 2) {
        EXPECT_EQ(printed_value(print_config({arguments[0] + "=" + arguments[1]}), key), value) << key.full_name();
      }
    }
  }
}

TEST(ConfigKeys, EveryKeyRefusesOtherTypesAndValuesInAFile) {
  for (const Key& key : keys()) {
    for (const std::string& value : kExamples.at(key.full_name()).refused) {
      const std::string text = "\n[" + key.section + "]\n  " + key.name + " = " + value + "\n";
      const std::string message = message_of<ConfigError>([&] { (void)from_toml(text, "a.toml"); });
      const std::string where = "a.toml:3:" + std::to_string(6 + key.name.size()) + ": " + key.full_name() + ": found ";
      EXPECT_EQ(message.substr(0, where.size()), where) << text;
      EXPECT_NE(message.find("; expected " + key.expected + ";"), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }
}

TEST(ConfigKeys, EveryKeyRefusesOtherValuesOnTheCommandLine) {
  for (const Key& key : keys()) {
    if (key.kind == KeyKind::kText && !key.assign) continue;
    std::vector<std::string> refused = {};
    if (key.kind == KeyKind::kInteger) refused = {"1.0", "three", "", "0x10", "1 ", "9223372036854775808"};
    if (key.kind == KeyKind::kNumber) refused = {"fast", "", "inf", "-inf", "nan", "-nan", "-0.5", "1,5", "1e999"};
    if (key.kind == KeyKind::kBoolean) refused = {"yes", "1", "True", ""};
    if (key.expected.starts_with("one of")) refused = {"neither", ""};
    if (key.kind == KeyKind::kFiles) refused = {"", "a\xff"};
    for (const std::string& word : refused) {
      const std::string message = message_of<ConfigError>([&] { (void)print_config({"--" + key.full_name(), word}); });
      const std::string where =
          "--" + key.full_name() + ": found " + toml_text(word) + "; expected " + key.expected + ";";
      EXPECT_EQ(message.substr(0, where.size()), where);
    }
  }
}

TEST(ConfigKeys, PrintedConfigurationReadsBackToTheSame) {
  const TemporaryFolder folder;
  const std::string file = (folder / "printed.toml").string();
  std::vector<std::string> arguments;
  for (const Key& key : keys()) {
    arguments.push_back("--" + key.full_name());
    for (const std::string& word : words_of(kExamples.at(key.full_name()).accepted.back())) arguments.push_back(word);
  }
  for (const std::string& printed :
       {print_config({}), print_config(arguments), print_config({"--train.profile", "dejavid-code"}),
        print_config({"--train.profile", "dejavid-code", "--train.weight_decay", "0"})}) {
    write_file(file, printed);
    EXPECT_EQ(print_config({"--config", file}), printed);
    EXPECT_EQ(to_toml(from_toml(printed, "printed")), printed);
  }
}

TEST(ConfigKeys, DoublesAndStringsSurvivePrintingExactly) {
  Config config;
  for (const double value :
       {0.1, 1.0 / 3.0, 5e-324, 1.7976931348623157e308, 8e-3, 1e22, 123456789.0, 0.30000000000000004}) {
    config.train.lr = value;
    EXPECT_EQ(from_toml(to_toml(config), "text").train.lr, value) << to_toml(config);
  }
  std::string all_characters = "ü€😀";
  for (char character = 1; character < 127; ++character) all_characters += character;
  all_characters += '\x7f';
  config.run.dir = all_characters;
  config.data.store = {all_characters, "b"};
  EXPECT_EQ(from_toml(to_toml(config), "text").run.dir, config.run.dir);
  EXPECT_EQ(from_toml(to_toml(config), "text").data.store, config.data.store);
}

TEST(ConfigKeys, EveryKeyHasOneOwner) {
  std::set<std::string> of_model, of_process;
  for (const Key& key : keys()) {
    if (key.owner == KeyOwner::kModel) of_model.insert(key.full_name());
    if (key.owner == KeyOwner::kProcess) of_process.insert(key.full_name());
    // What is learned, or chosen by, must not be left to a process.
    if (key.section == "train" || key.section == "centroids" || key.section == "eval") {
      EXPECT_TRUE(key.owner == KeyOwner::kRun || key.owner == KeyOwner::kModel) << key.full_name();
    }
  }
  EXPECT_EQ(of_model, (std::set<std::string>{"data.slope", "model.diagonal", "model.steps", "train.logit_norm",
                                             "train.logit_scale"}));
  EXPECT_EQ(of_process,
            (std::set<std::string>{"data.prefetch", "data.store", "dist.threads", "run.dir", "run.progress"}));
}

TEST(ConfigKeys, ShippedConfigurationsParseAndPrintBackToThemselves) {
  const TemporaryFolder folder;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(DEJAVID_CONFIGS))) {
    if (!entry.is_regular_file()) continue;  // those of other systems
    const std::string printed = print_config({"--config", entry.path().string()});
    write_file(folder / "printed.toml", printed);
    EXPECT_EQ(print_config({"--config", (folder / "printed.toml").string()}), printed) << entry.path();
    EXPECT_NE(printed, print_config({})) << entry.path() << " sets nothing";
    ++files;
  }
  EXPECT_EQ(files, 6);
}

}  // namespace
}  // namespace alignment::dejavid
