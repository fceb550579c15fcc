// Ranks that were told different things, of a system of its own; alone and under mpirun.
#include "src/job/same_settings.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "dist/errors.hpp"
#include "dist/mpi/session.hpp"
#include "src/config/keys/key_rows.hpp"

namespace alignment {
namespace {

struct BrewConfig {
  std::int64_t minutes = 4;
  std::int64_t cup = 1;
};

struct TeaConfig : SharedConfig {
  BrewConfig brew;
};

const KeyTable& tea_keys() {
  static const SectionKeys<&TeaConfig::brew> brew("brew");
  static const KeyTable table = KeyTable::of<TeaConfig>({
      brew.integer<&BrewConfig::minutes>(KeyOwner::kRun, "minutes", 1, "how long"),
      brew.integer<&BrewConfig::cup>(KeyOwner::kProcess, "cup", 1, "whose cup"),
  });
  return table;
}

const CommandTable& tea_commands() {
  static const CommandTable table{
      .keys = tea_keys(),
      .program = "tea_dist",
      .description = "Brews tea.",
      .commands = {{"brew", "make a pot"}, {"pour", "fill cups"}},
      .options = {{"guests", "NAME,NAME", {"pour"}, "who is there"},
                  {"cup", "FILE", {"pour"}, "the cup", KeyOwner::kProcess}},
      .configs = {},
      .examples = {},
      .exit_codes = "",
      .memory_advice = "",
      .check = [](const Invocation&) {},
  };
  return table;
}

class SameSettings : public testing::Test {
 protected:
  /// What require_same_settings() throws; empty where it throws nothing.
  std::string difference(const std::string& command) {
    const Invocation asked{command, std::make_unique<TeaConfig>(config_), {}, false, options_};
    try {
      require_same_settings(tea_commands(), asked, *communicator_);
    } catch (const dist::AgreedFailure& failure) {
      EXPECT_EQ(failure.code, 2);
      return failure.what();
    }
    return "";
  }
  [[nodiscard]] int rank() const { return communicator_->rank().value; }
  [[nodiscard]] int size() const { return communicator_->size().value; }

  TeaConfig config_;
  std::map<std::string, std::string> options_;

 private:
  std::unique_ptr<dist::Communicator> communicator_ = dist::started_by_launcher()
                                                          ? dist::make_mpi_communicator(std::chrono::seconds(60))
                                                          : dist::make_self_communicator();
};

TEST_F(SameSettings, AProcessHasItsOwn) {
  config_.brew.cup = rank() + 1;
  config_.run.dir = std::to_string(rank());
  EXPECT_EQ(difference("brew"), "");
}

TEST_F(SameSettings, AKeyOfTheSystemThatDiffersIsNamedWithItsRanks) {
  config_.brew.minutes = rank() == 0 ? 4 : 5;
  config_.dist.timeout_s = 60;
  const std::string line = difference("brew");
  if (size() == 1) {
    EXPECT_EQ(line, "");
    return;
  }
  const std::string others = size() == 2 ? "rank 1 (" : "ranks 1, 2 (";
  EXPECT_TRUE(line.starts_with("settings: found brew.minutes = 4 on rank 0 (")) << line;
  EXPECT_NE(line.find(", brew.minutes = 5 on " + others), std::string::npos) << line;
  EXPECT_NE(line.find("; expected the same on every rank; "), std::string::npos) << line;
  EXPECT_EQ(line.find("timeout"), std::string::npos) << line;
}

TEST_F(SameSettings, SoIsTheSubcommand) {
  const std::string line = difference(rank() == 0 ? "brew" : "pour");
  EXPECT_EQ(line.starts_with("settings: found subcommand = brew on rank 0 ("), size() > 1) << line;
}

TEST_F(SameSettings, SoAreOptionsThatAreNoKeys) {
  options_["guests"] = rank() == 0 ? "ann" : "bob\n";
  const std::string line = difference("pour");
  EXPECT_EQ(line.starts_with("settings: found --guests = \"ann\" on rank 0 ("), size() > 1) << line;
  EXPECT_EQ(line.find("--guests = \"bob\\u000A\" on rank") != std::string::npos, size() > 1) << line;
  if (rank() > 0) options_.erase("guests");
  const std::string missing = difference("pour");
  EXPECT_EQ(missing.find("no --guests on rank") != std::string::npos, size() > 1) << missing;
}

TEST_F(SameSettings, AProcessHasItsOwnWordOfAnOptionThatAllAreGiven) {
  options_["cup"] = std::to_string(rank());
  EXPECT_EQ(difference("pour"), "");
  if (rank() > 0) options_.erase("cup");
  const std::string line = difference("pour");
  EXPECT_EQ(line.starts_with("settings: found --cup on rank 0 ("), size() > 1) << line;
}

}  // namespace
}  // namespace alignment
