#include "src/report/run_record.hpp"

#include <gtest/gtest.h>

#include "io/errors.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::report {
namespace {

class RunRecordTest : public testing::Test {
 protected:
  TemporaryFolder folder_;

  RunRecord read(const std::string& metrics) {
    write_file(folder_ / "metrics.jsonl", metrics);
    return read_run(folder_.path());
  }
  void expect_refused(const std::string& line) {
    const std::string message =
        message_of<io::StoreError>([&] { static_cast<void>(read("{\"event\":\"step\",\"step\":0}\n" + line + "\n")); });
    EXPECT_NE(message.find("metrics.jsonl:2: found a line that is not a metrics record"), std::string::npos)
        << line.substr(0, 60) << ": " << message;
  }
};

TEST_F(RunRecordTest, HasTheNumbersOfStepsAndEpochs) {
  write_file(folder_ / "summary.json", R"({"exit_reason": "finished", "wall_seconds": 2.5})");
  const RunRecord run = read(
      "{\"event\":\"step\",\"step\":0,\"loss\":2}\n{\"event\":\"step\",\"step\":1,\"loss\":1.5}\n"
      "{\"event\":\"epoch\",\"epoch\":0,\"train_loss\":1.75}\n{\"event\":\"step\",\"st");
  EXPECT_EQ(run.steps_done, 2);
  EXPECT_EQ(run.epochs_done, 1);
  ASSERT_EQ(run.of_steps("loss").size(), 2U);
  EXPECT_EQ(run.of_steps("loss")[1].x, 1);
  EXPECT_EQ(run.of_steps("loss")[1].y, 1.5);
  ASSERT_EQ(run.of_epochs("train_loss").size(), 1U);
  EXPECT_EQ(run.of_epochs("train_loss")[0].x, 1);
  EXPECT_EQ(run.exit_reason, "finished");
  EXPECT_EQ(run.wall_seconds, 2.5);
}

TEST_F(RunRecordTest, RefusesPlacesThatAreNone) {
  for (const std::string place : {"9223372036854775807", "18446744073709551615", "-1", "1.5", "1e3", "null", "[0]"}) {
    expect_refused("{\"event\":\"step\",\"step\":" + place + "}");
    expect_refused("{\"event\":\"epoch\",\"epoch\":" + place + "}");
  }
}

TEST_F(RunRecordTest, RefusesLinesThatAreNoRecords) {
  constexpr std::size_t kDeep = 500'000;
  const std::string deep = std::string(kDeep, '[') + std::string(kDeep, ']');
  for (const std::string& line : {std::string("x"), std::string("[]"), std::string("{}"), std::string("{\"event\":1}"),
                                  deep, "{\"event\":" + deep + "}", "{\"event\":\"step\",\"step\":" + deep + "}"}) {
    expect_refused(line);
  }
}

TEST_F(RunRecordTest, ADeepSummarySaysNothing) {
  constexpr std::size_t kDeep = 500'000;
  write_file(folder_ / "summary.json", "{\"exit_reason\":" + std::string(kDeep, '[') + std::string(kDeep, ']') + "}");
  EXPECT_EQ(read("").exit_reason, "");
}

TEST_F(RunRecordTest, AFileThatCannotBeReadIsNamed) {
  EXPECT_EQ(message_of<io::StoreError>([&] { static_cast<void>(read_text(folder_.path(), "a file", "name another")); }),
            folder_.path().string() + ": found a folder; expected a file; name another");
  // Its first bytes are nobody's memory.
  EXPECT_EQ(
      message_of<io::StoreError>([&] { static_cast<void>(read_text("/proc/self/mem", "a file", "name another")); }),
      "/proc/self/mem: found Input/output error; expected a file; name another");
}

TEST_F(RunRecordTest, ARunHasANameInAWorkingFolderThatWasRemoved) {
  const std::filesystem::path before = std::filesystem::current_path(), gone = folder_ / "gone";
  std::filesystem::create_directory(gone);
  std::filesystem::current_path(gone);
  std::filesystem::remove(gone);
  EXPECT_EQ(name_of_run("runs/a/"), "a");
  EXPECT_EQ(name_of_run("/runs/b"), "b");
  std::filesystem::current_path(before);
}

}  // namespace
}  // namespace alignment::report
