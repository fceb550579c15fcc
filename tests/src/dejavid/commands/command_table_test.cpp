// Subcommands, precedence, profile defaults, unknown keys and the mistakes a command line or a file can hold.
#include "src/dejavid/commands/command_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "src/config/command_line.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/config/config_keys.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::dejavid {
namespace {

using Words = std::vector<std::string>;

Invocation invocation(const Words& arguments) {
  return std::get<Invocation>(interpret(command_table(), arguments));
}
Config config_of(const Words& arguments) {
  return invocation(arguments).config_of<Config>();
}
std::string printout(const Words& arguments) {
  return std::get<Printout>(interpret(command_table(), arguments)).text;
}
std::string mistake(const Words& arguments) {
  return message_of<ConfigError>([&] { (void)interpret(command_table(), arguments); });
}
std::string mistake_in(const std::string& toml) {
  return message_of<ConfigError>([&] { (void)from_toml(toml, "a.toml"); });
}
void expect_in(const std::string& part, const std::string& whole) {
  EXPECT_NE(whole.find(part), std::string::npos) << "\"" << part << "\" is not in: " << whole;
  EXPECT_EQ(whole.find('\n'), std::string::npos) << "more than one line: " << whole;
}

TEST(CommandLine, SubcommandsAndTheirFiles) {
  EXPECT_EQ(invocation({"--data.store", "a"}).command, "train");
  EXPECT_EQ(invocation({"train", "--data.store", "a"}).command, "train");
  EXPECT_EQ(invocation({"doctor"}).command, "doctor");
  const Invocation eval = invocation({"eval", "--data.store", "a", "--model.init", "m", "--json", "e.json"});
  EXPECT_EQ(eval.command, "eval");
  EXPECT_EQ(eval.option("json"), "e.json");
  const Invocation neighbours = invocation({"neighbours", "--data.store", "a", "--json", "n.json"});  // needs no model
  EXPECT_EQ(neighbours.command, "neighbours");
  EXPECT_EQ(neighbours.option("json"), "n.json");
  const Invocation predict = invocation({"--out", "p.csv", "predict", "--data.store", "a", "--model.init", "m"});
  EXPECT_EQ(predict.command, "predict");
  EXPECT_EQ(predict.option("out"), "p.csv");
  const Invocation centroids = invocation({"centroids", "--data.store", "a", "--out", "c.h5"});
  EXPECT_EQ(centroids.command, "centroids");
  EXPECT_EQ(centroids.option("out"), "c.h5");
}

TEST(CommandLine, KeysStandBeforeOrAfterTheSubcommand) {
  for (const Words& arguments : {Words{"--data.store", "a", "b", "--train.lr", "0.5", "train"},
                                 Words{"train", "--data.store", "a", "b", "--train.lr", "0.5"},
                                 Words{"--train.lr=0.5", "train", "--data.store=a", "--data.store=b"}}) {
    const Config config = config_of(arguments);
    EXPECT_EQ(config.train.lr, 0.5);
    EXPECT_EQ(config.data.store, (std::vector<std::filesystem::path>{"a", "b"}));
  }
}

TEST(CommandLine, BooleansTakeAWordOrNone) {
  const auto with = [](Words words) {
    words.insert(words.end(), {"--data.store", "a"});
    return config_of(words).model;
  };
  EXPECT_TRUE(with({"train", "--model.diagonal"}).diagonal);
  EXPECT_TRUE(with({"--model.diagonal", "train"}).diagonal);
  EXPECT_TRUE(with({"--model.diagonal", "--train.lr", "1", "train"}).diagonal);
  EXPECT_TRUE(with({"--model.diagonal", "true", "train"}).diagonal);
  EXPECT_FALSE(with({"train", "--model.learn_weights", "false"}).learn_weights);
  EXPECT_FALSE(with({"train", "--model.learn_weights=false"}).learn_weights);
  expect_in("expected one subcommand", mistake({"doctor", "--model.diagonal", "true", "false"}));
}

TEST(CommandLine, CommandLineBeatsFileBeatsDefault) {
  const TemporaryFolder folder;
  const std::string file = (folder / "a.toml").string();
  write_file(file, "data.store = [\"f1\", \"f2\"]\n[train]\nlr = 0.25\nepochs = 5\n[model]\ndiagonal = true\n");
  const Config from_file = config_of({"--config", file});
  EXPECT_EQ(from_file.train.lr, 0.25);
  EXPECT_EQ(from_file.train.epochs, 5);
  EXPECT_EQ(from_file.train.batch_size, Config{}.train.batch_size);
  EXPECT_EQ(from_file.data.store.size(), 2U);
  const Config both =
      config_of({"--train.epochs", "7", "--config", file, "--data.store", "c1", "--model.diagonal", "false"});
  EXPECT_EQ(both.train.lr, 0.25);
  EXPECT_EQ(both.train.epochs, 7);
  EXPECT_FALSE(both.model.diagonal);
  EXPECT_EQ(both.data.store, std::vector<std::filesystem::path>{"c1"});
}

TEST(CommandLine, AFileMayNameOneStoreAsAString) {
  EXPECT_EQ(from_toml("data.store = 'one.h5'", "a").data.store, std::vector<std::filesystem::path>{"one.h5"});
  EXPECT_TRUE(from_toml("data.store = []", "a").data.store.empty());
  EXPECT_EQ(from_toml("[data]\nstore = [\n  'a', # first\n  'b',\n]", "a").data.store.size(), 2U);
}

TEST(CommandLine, ProfileChangesDefaultsButNothingThatWasGiven) {
  const Config code = from_toml("train.profile = 'dejavid-code'", "a");
  EXPECT_EQ(code.train.weight_decay, 0.01);
  EXPECT_EQ(code.eval.paths, EvalPaths::kFrozen);
  const Config paper = from_toml("train.profile = 'paper'", "a");
  EXPECT_EQ(paper.train.weight_decay, 0);
  EXPECT_EQ(paper.eval.paths, EvalPaths::kCurrent);
  const Config given = from_toml("train.profile = 'dejavid-code'\ntrain.weight_decay = 0\neval.paths = 'current'", "a");
  EXPECT_EQ(given.train.weight_decay, 0);
  EXPECT_EQ(given.eval.paths, EvalPaths::kCurrent);
  const Config on_command_line =
      config_of({"--data.store", "a", "--train.profile", "dejavid-code", "--train.weight_decay", "0"});
  EXPECT_EQ(on_command_line.train.weight_decay, 0);
  EXPECT_EQ(on_command_line.eval.paths, EvalPaths::kFrozen);
}

TEST(CommandLine, UnknownOptionsNameTheNearest) {
  expect_in("\"--train.lrr\": found an unknown option", mistake({"train", "--train.lrr", "1"}));
  expect_in("did you mean --train.lr?", mistake({"--train.lrr", "1"}));
  expect_in("did you mean --train.lr?", mistake({"--train.lrr=1"}));
  expect_in("did you mean --train.lr?", mistake({"eval", "--lr", "1"}));
  expect_in("did you mean --train.lr?", mistake({"--model.lr", "1"}));
  expect_in("did you mean --train.batch_size?", mistake({"--train.batchsize", "1"}));
  expect_in("did you mean --train.batch_size?", mistake({"--train.batch-size", "1"}));
  expect_in("did you mean --config?", mistake({"--confg", "a.toml"}));
  expect_in("did you mean --train.lr?", mistake({"--train.learning_rate", "1"}));
  expect_in("did you mean --train.batch_size?", mistake({"--batch", "1"}));
  expect_in("did you mean --dist.threads?", mistake({"--workers", "1"}));
  expect_in("did you mean --dist.device?", mistake({"--gpus", "1"}));
  expect_in("did you mean --out?", mistake({"--output", "a"}));
  expect_in("did you mean --train.epochs?", mistake({"-train.epochs", "1"}));
  expect_in("did you mean train?", mistake({"trian"}));
  expect_in("found a second subcommand", mistake({"train", "eval", "--data.store", "a"}));
}

TEST(CommandLine, MistakesOnTheCommandLine) {
  expect_in("--train.lr: found no value", mistake({"--train.lr"}));
  expect_in("--train.lr: found no value", mistake({"--train.lr", "--train.epochs", "3"}));
  expect_in("--train.lr: found \"1\" and \"2\"; expected the option once",
            mistake({"--train.lr", "1", "--train.lr", "2"}));
  expect_in("--config: found \"a\" and \"b\"", mistake({"--config", "a", "--config", "b"}));
  expect_in("/tmp: found a folder", mistake({"--config", "/tmp"}));
  expect_in("/dev/zero: found more than 1 MiB", mistake({"--config", "/dev/zero"}));
}

TEST(CommandLine, ConfigurationsHaveNames) {
  const Config series = config_of({"--config", "series", "--data.store", "a"});
  EXPECT_TRUE(series.samples.slope);
  EXPECT_EQ(series.model.steps, ModelConfig::kStepsOfData);
  EXPECT_EQ(config_of({"--config", "series", "--data.store", "a", "--model.steps", "3"}).model.steps, 3);

  const TemporaryFolder folder;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  std::filesystem::create_directory("series");
  EXPECT_TRUE(config_of({"--config", "series", "--data.store", "a"}).samples.slope) << "a folder is no configuration";
  std::filesystem::remove("series");
  write_file("series", "model.steps = 7");
  EXPECT_EQ(config_of({"--config", "series", "--data.store", "a"}).model.steps, 7) << "a file counts before a name";

  const std::string expected =
      "expected a TOML file, or one that is built in (hmdb51, k400, order, series-2025, series, ssv2); ";
  EXPECT_EQ(mistake({"--config", "seriez"}), "seriez: found no such file; " + expected + "did you mean series?");
  EXPECT_EQ(mistake({"--config", "configs/ssv2.toml"}),
            "configs/ssv2.toml: found no such file; " + expected + "did you mean ssv2?");
  EXPECT_EQ(mistake({"--config", "/nonexistent/a.toml"}),
            "/nonexistent/a.toml: found no such file; " + expected + "check the path");
  std::filesystem::current_path(before);
}

TEST(CommandLine, WhatACommandNeeds) {
  expect_in("data.store", mistake({}));
  for (const char* command : {"train", "centroids", "eval", "neighbours", "predict", "align"}) {
    expect_in("data.store: found no file", mistake({command, "--data.bad_samples=skip", "--dist.threads", "1"}));
  }
  expect_in("model.init: found no file", mistake({"eval", "--data.store", "a"}));
  expect_in("model.init: found no file", mistake({"predict", "--data.store", "a", "--out", "p"}));
  expect_in("--out: found no file", mistake({"predict", "--data.store", "a", "--model.init", "m"}));
  expect_in("--out: found no file", mistake({"centroids", "--data.store", "a"}));
  expect_in("--out: found it with train", mistake({"train", "--data.store", "a", "--out", "p"}));
  expect_in("--json: found it with predict", mistake({"predict", "--data.store", "a", "--json", "p"}));
  expect_in("run.resume: found \"auto\" without run.dir", mistake({"--data.store", "a", "--run.resume", "auto"}));
  EXPECT_EQ(config_of({"--data.store", "a", "--run.resume", "auto", "--run.dir", "r"}).run.resume, "auto");
  EXPECT_EQ(config_of({"--data.store", "a", "--run.resume", "c.h5"}).run.resume, "c.h5");
}

TEST(CommandLine, UnknownKeysAndSectionsInAFile) {
  EXPECT_EQ(mistake_in("[train]\n\nlrr = 1"),
            "a.toml:3:1: found unknown key train.lrr; expected a key that --help lists; did you mean train.lr?");
  expect_in("a.toml:1:2: found unknown section [trian]", mistake_in("[trian]\nlr = 1"));
  expect_in("did you mean train.lr?", mistake_in("[trian]\nlr = 1"));
  expect_in("a.toml:1:1: found unknown key lr", mistake_in("lr = 1"));
  expect_in("did you mean train.lr?", mistake_in("[model]\nlr = 1"));
  expect_in("a.toml:1:11: found unknown key train.epoch;", mistake_in("train = { epoch = 1 }"));
  expect_in("did you mean train.epochs?", mistake_in("train.epoch = 1"));
}

TEST(CommandLine, ValuesWhereSectionsBelongAndTheOtherWayRound) {
  expect_in("a.toml:1:9: train: found 3 (an integer); expected a section [train]", mistake_in("train = 3"));
  expect_in("expected a section [train]", mistake_in("[[train]]\nlr = 1"));
  expect_in("train.lr: found a table", mistake_in("[train.lr]\nx = 1"));
}

TEST(CommandLine, DuplicatesAndSyntaxErrorsNameTheLine) {
  expect_in("a.toml:3:", mistake_in("[train]\nlr = 1\nlr = 2"));
  expect_in("'lr'", mistake_in("[train]\nlr = 1\nlr = 2"));
  expect_in("a.toml:4:", mistake_in("[train]\nlr = 1\n[model]\n[train]\nepochs = 3"));
  expect_in("a.toml:2:", mistake_in("train.lr = 1\n[train]\nlr = 2"));
  expect_in("a.toml:1:", mistake_in("train.lr ="));
  expect_in("a.toml:1:", mistake_in("[train"));
  expect_in("a.toml:2:", mistake_in("train.lr = 1\ntrain.epochs = 3 4"));
  expect_in("a.toml:1:", mistake_in("train.seed = 99999999999999999999"));
  expect_in("a.toml:1:", mistake_in("\xff"));
}

TEST(CommandLine, TheFirstMistakeOfAFileIsReported) {
  expect_in("a.toml:2:9: model.steps", mistake_in("[model]\nsteps = 0\n[data]\nfoo = 1\n[train]\nlr = 0"));
}

TEST(CommandLine, PrintoutsComeBeforeWhatACommandNeeds) {
  EXPECT_TRUE(printout({"--version"}).starts_with("dejavid_dist "));
  EXPECT_EQ(printout({"predict", "--print-config"}), to_toml(Config{}));
  for (const Words& arguments :
       {Words{"--help"}, Words{"help"}, Words{"--help", "--train.lr", "x"}, Words{"--no-such", "--help"}}) {
    const std::string help = printout(arguments);
    for (const char* part : {"--train.lr NUMBER [0.001]", "--data.store FILE ...", "[model]",
                             "--eval.split auto|train|val|test [auto]", "predict", "--config FILE|NAME", "mpirun"}) {
      EXPECT_NE(help.find(part), std::string::npos) << part;
    }
  }
}

/// Full names of the keys that a page lists.
std::set<std::string> keys_in(const std::string& page) {
  std::set<std::string> names;
  for (const Key& key : keys()) {
    if (page.find("\n  --" + key.full_name() + ' ') != std::string::npos) names.insert(key.full_name());
  }
  return names;
}

TEST(CommandLine, HelpOfASubcommandListsTheKeysThatItReads) {
  EXPECT_EQ(keys_in(printout({"--help"})).size(), keys().size());
  EXPECT_EQ(keys_in(printout({"train", "--help"})).size(), keys().size());
  EXPECT_EQ(keys_in(printout({"doctor", "--help"})),
            (std::set<std::string>{"dist.backend", "dist.device", "dist.threads", "dist.timeout_s", "run.dir"}));
  EXPECT_EQ(keys_in(printout({"neighbours", "--help"})),
            (std::set<std::string>{"data.bad_samples", "data.holdout", "data.store", "dist.backend", "dist.device",
                                   "dist.threads", "dist.timeout_s", "eval.split", "run.progress", "train.seed"}));
  for (const Command& command : command_table().commands) {
    EXPECT_EQ(printout({command.name, "--help"}), printout({"help", command.name}));
    for (const std::string& name : command.keys) {
      const auto is_named = [&](const Key& key) { return key.section == name || key.full_name() == name; };
      EXPECT_TRUE(std::any_of(keys().begin(), keys().end(), is_named)) << command.name << " reads " << name;
    }
  }
}

TEST(CommandLine, AKeyThatASubcommandDoesNotReadIsToldButInAFile) {
  const TemporaryFolder folder;
  for (const Command& command : command_table().commands) {
    Words words{command.name, "--data.store", "a", "--model.init", "m", "--out", "o", "--sample", "s"};
    if (command.name == "doctor") words.resize(1);
    if (command.name == "neighbours") words.resize(3);
    if (command.name == "train" || command.name == "eval") words.resize(5);
    if (command.name == "centroids") words = {"centroids", "--data.store", "a", "--out", "o"};
    if (command.name == "predict") words.resize(7);
    if (command.name == "report") words = {"report", "--run.dir", "r", "--out", "o"};
    for (const Key& key : keys()) {
      if (key.full_name() == "data.store" || key.full_name() == "model.init" || key.full_name() == "run.resume")
        continue;
      if (command.name == "report" && key.full_name() == "run.dir") continue;  // is given already
      const std::string value = toml_text(key_table().default_of(key));
      const std::string word = value.front() == '"' ? value.substr(1, value.size() - 2) : value;
      Words given = words;
      given.insert(given.end(), {"--" + key.full_name(), word});
      std::string told;
      for (const std::string& warning : invocation(given).warnings) told += warning;
      if (reads(command, key)) {
        EXPECT_EQ(told, "") << command.name << ' ' << key.full_name();
      } else {
        expect_in("--" + key.full_name() + " changes nothing: " + command.name + " does not read it, but train", told);
      }
      const std::string file = (folder / "a.toml").string();
      write_file(file, key.full_name() + " = " + value + "\n");
      Words in_file = words;
      in_file.insert(in_file.end(), {"--config", file});
      EXPECT_EQ(invocation(in_file).warnings, Words{}) << command.name << ' ' << key.full_name();
    }
  }
}

}  // namespace
}  // namespace alignment::dejavid
