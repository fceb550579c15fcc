// Ranks that were told different things, of a system of its own; alone and under mpirun.
#include "src/job/same_settings.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "dist/errors.hpp"
#include "dist/mpi/session.hpp"
#include "src/config/key_rows.hpp"

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

class SameSettings : public testing::Test {
 protected:
  /// What require_same_settings() throws; empty where it throws nothing.
  std::string difference(const std::string& command) {
    try {
      require_same_settings(tea_keys(), command, config_, *communicator_);
    } catch (const dist::AgreedFailure& failure) {
      EXPECT_EQ(failure.code, 2);
      return failure.what();
    }
    return "";
  }
  [[nodiscard]] int rank() const { return communicator_->rank().value; }
  [[nodiscard]] int size() const { return communicator_->size().value; }

  TeaConfig config_;

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

}  // namespace
}  // namespace alignment
