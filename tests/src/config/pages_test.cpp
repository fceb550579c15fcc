// Help, first screen, manual page and completion of a program with CLI11's subcommands.
#include "src/config/pages/pages.hpp"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <set>
#include <sstream>

#include "src/config/error.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment {
namespace {

using Words = std::vector<std::string>;

const ProgramDescription& kettle() {
  static const ProgramDescription description = [] {
    CLI::App program("Boils water, and what is in it.", "kettle");
    program.require_subcommand(1);
    CLI::App* boil = program.add_subcommand("boil", "heat water to its boiling point, which takes some time up here");
    boil->add_option("--out", "where to pour")->required()->type_name("FILE.h5");
    boil->add_option("--lid", "whether [it] is shut: it's quicker so")->type_name("open|shut");
    static bool whistle = false;
    boil->add_flag("--whistle", whistle, "say when");
    CLI::App* pour = program.add_subcommand("pour", "fill cups");
    static std::vector<std::string> cups;
    pour->add_option("cups", cups, "in this order")->required()->type_name("CUP");
    pour->add_option("--tray", "what to put them on")->type_name("FOLDER");
    return describe(program, {"kettle boil --out a.h5", "kettle pour left right", "kettle boil --out b.h5 --lid shut"});
  }();
  return description;
}

std::string page(const Words& arguments, int columns = kPageColumns) {
  return asked_page(kettle(), arguments, columns).value_or("nothing");
}
std::string mistake(const Words& arguments) {
  return message_of<ConfigError>([&] { (void)page(arguments); });
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Pages, HelpOfTheProgramAndOfASubcommand) {
  const std::string all = page({"--help"});
  for (const char* part : {"Boils water", "Usage: kettle SUBCOMMAND [OPTION...]", "\n  boil  heat water", "--version",
                           "Examples:\n  kettle boil --out a.h5\n", "kettle help SUBCOMMAND"}) {
    EXPECT_TRUE(has(all, part)) << part << " is not in\n" << all;
  }
  EXPECT_FALSE(has(all, "--whistle"));
  EXPECT_EQ(page({"help"}), all);
  const std::string boil = page({"boil", "--help"});
  for (const char* part :
       {"Usage: kettle boil --out FILE.h5 [OPTION...]", "\n  --out FILE.h5 (required)    where to pour\n",
        "\n  --whistle                   say when\n", "  kettle boil --out b.h5 --lid shut\n"}) {
    EXPECT_TRUE(has(boil, part)) << part << " is not in\n" << boil;
  }
  EXPECT_FALSE(has(boil, "kettle pour"));
  EXPECT_FALSE(has(boil, "--tray"));
  for (const Words& others : {Words{"help", "boil"}, Words{"--help", "boil"}, Words{"boil", "--whistle", "--help"}}) {
    EXPECT_EQ(page(others), boil);
  }
  EXPECT_TRUE(has(page({"help", "pour"}), "Usage: kettle pour CUP... [OPTION...]"));
}

TEST(Pages, LinesFitAndLoseNoWord) {
  const auto words_of = [](const std::string& text) {
    std::istringstream stream(text);
    std::multiset<std::string> words;
    for (std::string word; stream >> word;) {
      if (word != "\\") words.insert(word);
    }
    return words;
  };
  for (const Words& arguments : {Words{"--help"}, Words{"boil", "--help"}, Words{"-h"}, Words{"boil", "-h"}}) {
    const std::string wide = page(arguments, 1000);
    for (const int columns : {40, 60, 80, 100}) {
      const std::string text = page(arguments, columns);
      EXPECT_EQ(words_of(text), words_of(wide)) << text;
      std::istringstream lines(text);
      for (std::string line; std::getline(lines, line);) {
        EXPECT_LE(line.size(), static_cast<std::size_t>(columns)) << line;
        EXPECT_FALSE(line.ends_with(' ')) << '"' << line << '"';
      }
    }
  }
}

TEST(Pages, TheFirstScreenIsShort) {
  const std::string screen = page({"boil", "-h"});
  EXPECT_TRUE(has(screen, "--out --lid --whistle --help"));
  EXPECT_FALSE(has(screen, "say when"));
  EXPECT_TRUE(has(page({"-h"}), "heat water"));
}

TEST(Pages, MistakesAndWork) {
  EXPECT_EQ(page({"--version"}), std::string("kettle ") + DEJAVID_VERSION + "\n");
  EXPECT_FALSE(asked_page(kettle(), {"boil", "--out", "a"}, 80));
  EXPECT_FALSE(asked_page(kettle(), {}, 80));
  EXPECT_EQ(mistake({"help", "bail"}),
            "help: found \"bail\"; expected one subcommand (boil, pour) or nothing more; did you mean boil?");
  EXPECT_EQ(mistake({"help", "boil", "pour"}), "help: found two words; expected one subcommand; leave one out");
  EXPECT_EQ(mistake({"--completion", "csh"}),
            "--completion: found \"csh\"; expected bash, zsh or fish; name one of them");
  EXPECT_EQ(mistake({"--completion"}), "--completion: found no shell; expected bash, zsh or fish; name one of them");
  EXPECT_EQ(page({"--completion=fish"}), page({"--completion", "fish"}));
}

TEST(Pages, WordsThatCanBeCompleted) {
  const auto choices = [](const char* word) { return choices_of({"--x", word}); };
  EXPECT_EQ(choices("auto|cpu|cuda"), (Words{"auto", "cpu", "cuda"}));
  EXPECT_EQ(choices("none|auto|FILE"), (Words{"none", "auto"}));
  EXPECT_EQ(choices("f32|f16"), (Words{"f32", "f16"}));
  EXPECT_TRUE(choices("NUMBER").empty());
  EXPECT_EQ(kind_of({"--x", "none|auto|FILE"}), WordKind::kFile);
  EXPECT_EQ(kind_of({"--x", "FILE.csv"}), WordKind::kFile);
  EXPECT_EQ(kind_of({"--x", "FOLDER"}), WordKind::kFolder);
  EXPECT_EQ(kind_of({"--x", "auto|cpu"}), WordKind::kOther);
}

TEST(Pages, TheManualPageHasEveryOption) {
  const std::string man = page({"--man"});
  EXPECT_TRUE(man.starts_with(".TH KETTLE 1 ")) << man;
  for (const char* part : {"\\fB\\-\\-out\\fR \\fIFILE.h5\\fR\nwhere to pour; required\n", "\\fB\\-\\-whistle\\fR\n",
                           ".SS boil", "\\fICUP\\fR\n", "kettle boil \\-\\-out a.h5\n"}) {
    EXPECT_TRUE(has(man, part)) << part << " is not in\n" << man;
  }
}

}  // namespace
}  // namespace alignment
