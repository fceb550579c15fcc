// Which lines reach standard error and the rank's file.
#include "src/job/terminal/log_file.hpp"

#include <gtest/gtest.h>

#include <regex>

#include "io/errors.hpp"
#include "src/job/terminal/terminal.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment {
namespace {

dist::Topology topology_of(int rank) {
  dist::Topology topology;
  topology.rank = dist::Rank{rank};
  topology.host = "node7";
  return topology;
}

TEST(Log, RankZeroInformsTheOthersOnlyWarnAndFilesHoldEverything) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "logs");
  const std::filesystem::path root = (folder / "logs").parent_path();
  for (const int rank : {0, 3}) {
    testing::internal::CaptureStderr();
    start_log(topology_of(rank));
    log_info("before the file");
    open_log_file(root, topology_of(rank));
    log_info("information {}");  // braces are text, not a format
    log_warning("trouble");
    log_detail("detail");
    const std::string prefix = "warning: [node7:" + std::to_string(rank) + "] trouble\n";
    EXPECT_EQ(testing::internal::GetCapturedStderr(),
              rank == 0 ? "before the file\ninformation {}\n" + prefix : prefix);
    const std::string time = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z ";
    const std::string text = read_text(root / "logs" / ("rank" + std::to_string(rank) + ".log"));
    EXPECT_TRUE(std::regex_match(
        text, std::regex(time + "info information \\{\\}\n" + time + "warning trouble\n" + time + "debug detail\n")))
        << text;
  }
}

TEST(Log, AppendsToAnEarlierFile) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "logs");
  write_file(folder / "logs/rank1.log", "earlier\n");
  start_log(topology_of(1));
  open_log_file((folder / "logs").parent_path(), topology_of(1));
  log_detail("later");
  EXPECT_TRUE(read_text(folder / "logs/rank1.log").starts_with("earlier\n"));
  EXPECT_TRUE(read_text(folder / "logs/rank1.log").ends_with("later\n"));
}

TEST(Log, AFileThatCannotBeOpenedIsAWriteError) {
  const TemporaryFolder folder;
  write_file(folder / "logs", "a file where the folder should be");
  start_log(topology_of(0));
  EXPECT_THROW(open_log_file((folder / "logs").parent_path(), topology_of(0)), io::WriteError);
}

TEST(Terminal, ALineTakesThePlaceOfTheBar) {
  testing::internal::CaptureStderr();
  terminal::draw_bar("[=> ]");
  terminal::write_line("news");
  terminal::write_line("more");
  terminal::draw_bar("[==>]");
  terminal::erase_bar();
  terminal::erase_bar();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "[=> ]\r     \rnews\nmore\n[==>]\r     \r");
}

}  // namespace
}  // namespace alignment
