// A system of its own sections and three keys through the key table, the command line, TOML, the help page and the
// messages: src/config knows no system but the one that it is given.
#include <gtest/gtest.h>

#include <stdexcept>
#include <typeinfo>

#include "src/config/command_line.hpp"
#include "src/config/keys/key_rows.hpp"
#include "src/config/toml.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment {

enum class Leaf : std::uint8_t { kBlack, kGreen };
template <>
inline constexpr std::array<std::string_view, 2> kChoiceNames<Leaf>{"black", "green"};

namespace {

using Words = std::vector<std::string>;

struct BrewConfig {
  Leaf leaf = Leaf::kBlack;
  std::int64_t minutes = 4;  ///< default 2 for green leaves
};

struct WaterConfig {
  bool filtered = true;
};

struct TeaConfig : SharedConfig {
  BrewConfig brew;
  WaterConfig water;  ///< its key stands in the shared section data
};

const KeyTable& tea_keys() {
  static const SectionKeys<&TeaConfig::brew> brew("brew");
  static const SectionKeys<&TeaConfig::water> water("data");
  static const KeyTable table = KeyTable::of<TeaConfig>(
      {brew.choice<&BrewConfig::leaf>(KeyOwner::kModel, "leaf", "what is brewed"),
       water.boolean<&WaterConfig::filtered>(KeyOwner::kRun, "filtered", "soft water"),
       brew.integer<&BrewConfig::minutes>(KeyOwner::kRun, "minutes", 1, 10, "how long (green leaves: 2)")},
      [](SharedConfig& shared, const GivenKeys& given) {
        auto& config = dynamic_cast<TeaConfig&>(shared);
        if (config.brew.leaf == Leaf::kGreen && !given.contains(tea_keys().find("brew.minutes")))
          config.brew.minutes = 2;
      });
  return table;
}

const CommandTable& tea_commands() {
  static const CommandTable table{
      .keys = tea_keys(),
      .program = "tea_dist",
      .description = "Brews tea on any number of stoves.",
      .commands = {{"brew", "make a pot"}, {"pour", "fill cups"}, {"wash", "clean up", false, {"brew.leaf"}}},
      .options = {{"out", "FILE", {"pour"}, "the cup"}, {"guests", "NAME,NAME", {"pour", "wash"}, "who is there"}},
      .configs = {{"sencha", "[brew]\nleaf = 'green'\n"}, {"strong", "brew.minutes = 9"}},
      .examples = {"tea_dist brew --data.store a.h5", "tea_dist pour --data.store a.h5 --out cup.h5"},
      .exit_codes = "Exit codes: 0 done, 9 spilt.",
      .memory_advice = "use a smaller pot",
      .check =
          [](const Invocation& asked) {
            if (asked.command == "wash") return;
            require_store(asked, "brew from");
            if (asked.command == "pour") require_out(asked, "CUP.h5");
            if (asked.command == "brew") require_run_to_resume(asked);
          },
  };
  return table;
}

Invocation invocation(const Words& arguments) {
  return std::get<Invocation>(interpret(tea_commands(), arguments));
}
TeaConfig config_of(const Words& arguments) {
  return invocation(arguments).config_of<TeaConfig>();
}
std::string printout(const Words& arguments) {
  return std::get<Printout>(interpret(tea_commands(), arguments)).text;
}
std::string mistake(const Words& arguments) {
  return message_of<ConfigError>([&] { (void)interpret(tea_commands(), arguments); });
}
std::string mistake_in(const std::string& toml) {
  TeaConfig config;
  return message_of<ConfigError>([&] { from_toml(tea_keys(), toml, "a.toml", config); });
}

constexpr const char* kDefaults = R"([data]
store = []
cache = "auto"
prefetch = 2
bad_samples = "refuse"
filtered = true

[brew]
leaf = "black"
minutes = 4

[dist]
device = "auto"
backend = "auto"
timeout_s = 600.0
threads = 0

[run]
dir = ""
resume = "none"
checkpoint_every_steps = 0
checkpoint_keep = 2
keep_going = false
tensorboard = true
progress = "auto"
)";

TEST(SecondSystem, ItsKeysArePrintedAmongTheSharedOnes) {
  EXPECT_EQ(printout({"--print-config"}), kDefaults);
  EXPECT_EQ(to_toml(tea_keys(), TeaConfig{}), kDefaults);
}

TEST(SecondSystem, ReadsItsKeysAndTheSharedOnesFromAFile) {
  TeaConfig config;
  from_toml(tea_keys(), "brew.minutes = 7\n[data]\nfiltered = false\nstore = 'a.h5'\n[dist]\nthreads = 3\n", "a",
            config);
  EXPECT_EQ(config.brew.minutes, 7);
  EXPECT_FALSE(config.water.filtered);
  EXPECT_EQ(config.data.store, std::vector<std::filesystem::path>{"a.h5"});
  EXPECT_EQ(config.dist.threads, 3);

  TeaConfig again;
  from_toml(tea_keys(), to_toml(tea_keys(), config), "b", again);
  EXPECT_EQ(to_toml(tea_keys(), again), to_toml(tea_keys(), config));
  EXPECT_EQ(again.brew.minutes, 7);
}

TEST(SecondSystem, ReadsItsKeysFromTheCommandLineOverAFile) {
  const TemporaryFolder folder;
  const std::string file = (folder / "a.toml").string();
  write_file(file, "[brew]\nleaf = 'green'\nminutes = 3\n[run]\ndir = 'pots'\n");
  const TeaConfig config =
      config_of({"brew", "--data.store", "a", "--config", file, "--brew.minutes", "5", "--data.filtered=false"});
  EXPECT_EQ(config.brew.leaf, Leaf::kGreen);
  EXPECT_EQ(config.brew.minutes, 5);
  EXPECT_EQ(config.run.dir, "pots");
  EXPECT_FALSE(config.water.filtered);
}

TEST(SecondSystem, ItsConfigurationsAreTakenByName) {
  const Invocation asked = invocation({"wash", "--config", "sencha"});
  EXPECT_EQ(asked.config_of<TeaConfig>().brew.leaf, Leaf::kGreen);
  EXPECT_EQ(asked.config_of<TeaConfig>().brew.minutes, 2) << "its profile too";
  EXPECT_TRUE(asked.has_configuration);
  EXPECT_FALSE(invocation({"wash"}).has_configuration);
  EXPECT_EQ(config_of({"wash", "--brew.minutes", "3", "--config", "strong"}).brew.minutes, 3);
  EXPECT_EQ(mistake({"wash", "--config", "strongg"}),
            "strongg: found no such file; expected a TOML file, or one that is built in (sencha, strong); did you mean "
            "strong?");
  EXPECT_NE(printout({"--help"}).find("sencha, strong;"), std::string::npos);
}

TEST(SecondSystem, ItsProfileLeavesGivenKeysAlone) {
  EXPECT_EQ(config_of({"wash", "--brew.leaf", "green"}).brew.minutes, 2);
  EXPECT_EQ(config_of({"wash", "--brew.leaf", "green", "--brew.minutes", "4"}).brew.minutes, 4);
  EXPECT_EQ(config_of({"wash"}).brew.minutes, 4);
}

TEST(SecondSystem, ItsCommandsAndTheirOptions) {
  EXPECT_EQ(invocation({"--data.store", "a"}).command, "brew");
  const Invocation pour = invocation({"pour", "--data.store", "a", "--out", "cup.h5", "--guests", "ann,bob"});
  EXPECT_EQ(pour.command, "pour");
  EXPECT_EQ(pour.option("out"), "cup.h5");
  EXPECT_EQ(pour.option("guests"), "ann,bob");
  EXPECT_EQ(invocation({"wash"}).option("guests"), "");
  EXPECT_EQ(mistake({"brew", "--data.store", "a", "--out", "cup.h5"}),
            "--out: found it with brew; expected it with pour only; leave it out");
  EXPECT_EQ(mistake({"brew", "--data.store", "a", "--guests", "ann"}),
            "--guests: found it with brew; expected it with pour or wash only; leave it out");
  EXPECT_EQ(invocation({"wash", "--brew.leaf", "green", "--brew.minutes", "4"}).warnings,
            std::vector<std::string>{"--brew.minutes changes nothing: wash does not read it, but brew or pour does"});
  EXPECT_EQ(mistake({"wash", "--guests", ""}), "--guests: found an empty name; expected NAME,NAME; name one");
  EXPECT_EQ(mistake({"brew"}),
            "data.store: found no file; expected the TSE store to brew from; give --data.store FILE.h5");
  EXPECT_EQ(mistake({"pour", "--data.store", "a"}),
            "--out: found no file; expected the file to write; give --out CUP.h5");
  EXPECT_EQ(mistake({"train"}),
            "\"train\": found an unexpected word; expected one subcommand (brew, pour, wash) and options; did you mean "
            "brew?");
}

TEST(SecondSystem, RefusalsNameItsKeysAndDefaults) {
  EXPECT_EQ(
      mistake({"--brew.minutes", "11"}),
      "--brew.minutes: found \"11\"; expected an integer from 1 to 10; correct it or leave the option out (default "
      "4)");
  EXPECT_EQ(
      mistake_in("[brew]\nleaf = 'white'"),
      "a.toml:2:8: brew.leaf: found \"white\" (a string); expected one of \"black\", \"green\"; correct it or leave "
      "the key out (default \"black\")");
  EXPECT_EQ(mistake_in("brew = 3"),
            "a.toml:1:8: brew: found 3 (an integer); expected a section [brew] with keys; move the value to one of its "
            "keys");
}

TEST(SecondSystem, AKeyOfVeryManyPartsIsRefusedAndOtherDotsAreNot) {
  const auto parts = [](const std::string& part, int count) {
    std::string key = part;
    for (int n = 1; n < count; ++n) key += '.' + part;
    return key;
  };
  const std::string refused = ": found a key of more than 17 parts; expected section.name = value; correct the line";
  EXPECT_EQ(mistake_in(parts("a", 40000) + " = 1"), "a.toml:1:34" + refused);
  EXPECT_EQ(mistake_in("# a.b\n[" + parts("a", 50000) + "]"), "a.toml:2:35" + refused);
  EXPECT_EQ(mistake_in("brew = {" + parts("\"a\"", 50000) + " = 1}"), "a.toml:1:76" + refused);
  EXPECT_EQ(mistake_in("a = '''\n.''''\n" + parts("'a'", 50000) + " = 1"), "a.toml:3:68" + refused);
  EXPECT_EQ(mistake_in("a = \"\\\"\\\\\"\n" + parts("a", 50000) + " = 1"), "a.toml:2:34" + refused);
  const std::string dots(50, '.');
  for (const std::string& value :
       {'"' + dots + "\\\"" + dots + '"', '\'' + dots + '\'', "\"\"\"" + dots + "\n\"" + dots + "\"\"\"\"",
        "'''" + dots + "\n'" + dots + "'''''", "3 # " + dots}) {
    const std::string message = mistake_in("[brew]\nleaf = " + value + "\n");
    EXPECT_TRUE(message.starts_with("a.toml:2:8: brew.leaf: found ")) << message;
  }
}

TEST(SecondSystem, SuggestionsComeFromItsKeysOnly) {
  EXPECT_EQ(mistake({"--brew.minute", "3"}),
            "\"--brew.minute\": found an unknown option; expected one that --help lists; did you mean --brew.minutes?");
  EXPECT_EQ(mistake_in("[train]\nleaf = 'green'"),
            "a.toml:1:2: found unknown section [train]; expected a key that --help lists; did you mean brew.leaf?");
  EXPECT_EQ(mistake_in("[brew]\nminute = 8"),
            "a.toml:2:1: found unknown key brew.minute; expected a key that --help lists; did you mean brew.minutes?");
}

TEST(SecondSystem, ItsHelpPageKnowsNoOther) {
  const std::string help = printout({"--help"});
  for (const char* part :
       {"Brews tea on any number of stoves.", "Usage: tea_dist", "make a pot", "[brew]",
        "--brew.leaf black|green [black]", "--brew.minutes INTEGER [4]", "--data.filtered true|false [true]",
        "--run.dir FOLDER", "--guests NAME,NAME", "pour, wash: who is there",
        "  tea_dist pour --data.store a.h5 --out cup.h5\n\nExit codes: 0 done, 9 spilt."}) {
    EXPECT_NE(help.find(part), std::string::npos) << part << " is not in\n" << help;
  }
  for (const char* other : {"dejavid", "model.", "train.", "centroids", "--json"}) {
    EXPECT_EQ(help.find(other), std::string::npos) << other << " is in\n" << help;
  }
  EXPECT_TRUE(printout({"--version"}).starts_with("tea_dist "));
}

TEST(SecondSystem, AConfigurationOfAnotherSystemIsNotTaken) {
  SharedConfig other;
  EXPECT_THROW(tea_keys().find("brew.minutes")->assign(other, RawValue(std::int64_t{3})), std::bad_cast);
  EXPECT_THROW((void)to_toml(tea_keys(), other), std::bad_cast);
  EXPECT_TRUE(tea_keys().find("dist.threads")->assign(other, RawValue(std::int64_t{3})))
      << "shared keys fit every system";
}

TEST(SecondSystem, TwoKeysOfOneNameAreAMistakeOfTheProgram) {
  const SectionKeys<&TeaConfig::brew> data("data");
  EXPECT_THROW(
      (void)KeyTable::of<TeaConfig>({data.integer<&BrewConfig::minutes>(KeyOwner::kRun, "prefetch", 1, "again")}),
      std::logic_error);
}

}  // namespace
}  // namespace alignment
