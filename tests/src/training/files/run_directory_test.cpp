// A run's folder: making it, refusing one in use, metrics as they are written and as a restart cuts them.
#include "src/training/files/run_directory.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "io/errors.hpp"
#include "src/job/terminal/log.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment {
namespace {

namespace fs = std::filesystem;

const std::string kConfig = "[train]\nlr = 0.25\n";
constexpr std::chrono::duration<double> kTimeout = std::chrono::seconds(600);
const ScoreNames kNames{
    {{"loss", "loss"}, {"top1", "top-1"}}, {{"loss", "loss"}, {"top1", "top-1"}, {"top5", "top-5"}}, "top1", "val"};

StepRecord step(std::int64_t epoch, std::int64_t step) {
  return {epoch, step, 0.5, 1e-3, 32};
}

/// Two epochs of three steps.
void record_two_epochs(RunDirectory& run) {
  for (std::int64_t epoch = 0; epoch < 2; ++epoch) {
    for (std::int64_t index = 0; index < 3; ++index) run.record(step(epoch, 3 * epoch + index), kNames);
    run.record(EpochRecord{{epoch, {0.5, 0.75}, {0.25, 0.5, 1.0}, true}, 2.0, 48.0}, kNames);
  }
}

/// "s0 s1 s2 e0 s3": the records in short.
std::string records(const fs::path& file) {
  std::istringstream lines(read_text(file));
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json record = nlohmann::json::parse(line);
    const bool is_step = record["event"] == "step";
    if (!text.empty()) text += ' ';
    text += is_step ? 's' : 'e';
    text += record[is_step ? "step" : "epoch"].dump();
  }
  return text;
}

/// With T for what the clock said.
std::string without_times(const std::string& text) {
  return std::regex_replace(text, std::regex("\"time\":[0-9]{10}\\.[0-9]{1,3}"), "\"time\":T");
}

TEST(RunDirectory, CreateMakesTheFoldersAndTheConfiguration) {
  const TemporaryFolder folder;
  const RunDirectory run = RunDirectory::create(folder / "deep/run", kConfig, kTimeout);
  EXPECT_EQ(read_text(folder / "deep/run/config.toml"), kConfig);
  EXPECT_EQ(read_text(folder / "deep/run/metrics.jsonl"), "");
  EXPECT_TRUE(fs::is_directory(folder / "deep/run/checkpoints"));
  EXPECT_TRUE(fs::is_directory(folder / "deep/run/logs"));
  run.write_environment("{}\n");
  run.write_summary("{\"a\": 1}\n");
  EXPECT_EQ(read_text(folder / "deep/run/environment.json"), "{}\n");
  EXPECT_EQ(read_text(folder / "deep/run/summary.json"), "{\"a\": 1}\n");
  EXPECT_EQ(run.model_file(), folder / "deep/run/model.h5");
  EXPECT_EQ(run.best_file(), folder / "deep/run/best.h5");
  EXPECT_EQ(run.checkpoint_file(1200), folder / "deep/run/checkpoints/step_00001200.h5");
}

TEST(RunDirectory, CreateRefusesAFolderThatHoldsARun) {
  const TemporaryFolder folder;
  for (const char* name : {"config.toml", "metrics.jsonl"}) {
    const fs::path run = folder / (std::string("run_") + name);
    fs::create_directories(run);
    write_file(run / name, "kept");
    const std::string message = message_of<io::WriteError>([&] { (void)RunDirectory::create(run, kConfig, kTimeout); });
    EXPECT_NE(message.find(name), std::string::npos) << message;
    EXPECT_NE(message.find("run.resume"), std::string::npos) << message;
    EXPECT_EQ(read_text(run / name), "kept");
    EXPECT_FALSE(fs::exists(run / "checkpoints"));
  }
  // Logs of an attempt that failed before it began are no run.
  fs::create_directories(folder / "begun/logs");
  EXPECT_NO_THROW((void)RunDirectory::create(folder / "begun", kConfig, kTimeout));
}

TEST(RunDirectory, AFolderThatCannotBeMadeIsAWriteError) {
  const TemporaryFolder folder;
  write_file(folder / "file", "");
  EXPECT_THROW((void)RunDirectory::create(folder / "file/run", kConfig, kTimeout), io::WriteError);
  EXPECT_THROW((void)RunDirectory::create(folder / "file", kConfig, kTimeout), io::WriteError);
}

TEST(RunDirectory, MetricsAreTheDocumentedLines) {
  const TemporaryFolder folder;
  RunDirectory run = RunDirectory::create(folder / "run", kConfig, kTimeout);
  run.record(StepRecord{0, 12, 1.93, 0.001, 384}, kNames);
  EXPECT_EQ(without_times(read_text(folder / "run/metrics.jsonl")),
            "{\"event\":\"step\",\"epoch\":0,\"step\":12,\"loss\":1.93,\"lr\":0.001,\"samples\":384,\"time\":T}\n")
      << "a record must be in the file as soon as it is made";
  run.record(EpochRecord{{1, {0.5, 0.75}, {0.25, 0.125, 1.0}, true}, 2.5, 48.0}, kNames);
  run.record(EpochRecord{{2, {0.5, 0.75}, {0, 0, 0}}, 2.5, 48.0}, kNames);
  const std::string text = without_times(read_text(folder / "run/metrics.jsonl"));
  EXPECT_NE(text.find("{\"event\":\"epoch\",\"epoch\":1,\"train_loss\":0.5,\"train_top1\":0.75,\"val_loss\":0.25,"
                      "\"val_top1\":0.125,\"val_top5\":1.0,\"seconds\":2.5,\"samples_per_s\":48.0,\"time\":T}\n"),
            std::string::npos)
      << text;
  EXPECT_NE(
      text.find(
          "\"epoch\":2,\"train_loss\":0.5,\"train_top1\":0.75,\"val_loss\":null,\"val_top1\":null,\"val_top5\":null,"),
      std::string::npos)
      << text;
}

TEST(RunDirectory, EveryLineHasItsTime) {
  const TemporaryFolder folder;
  RunDirectory run = RunDirectory::create(folder / "run", kConfig, kTimeout);
  const auto seconds = [] {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  };
  const double before = seconds();
  record_two_epochs(run);
  std::istringstream lines(read_text(folder / "run/metrics.jsonl"));
  double last = before - 0.001;  // milliseconds are cut off
  for (std::string line; std::getline(lines, line);) {
    const double time = nlohmann::json::parse(line)["time"];
    EXPECT_GE(time, last) << line;
    last = time;
  }
  EXPECT_LE(last, seconds());
}

TEST(RunDirectory, NumbersReadBackExactlyAndNanIsNull) {
  const TemporaryFolder folder;
  RunDirectory run = RunDirectory::create(folder / "run", kConfig, kTimeout);
  const std::vector<double> losses = {0.1, 1.0 / 3.0, 5e-324, 1.7976931348623157e308, 0.30000000000000004};
  for (const double loss : losses) run.record(StepRecord{0, 0, loss, 1e-3, 1}, kNames);
  run.record(StepRecord{0, 0, std::numeric_limits<double>::quiet_NaN(), 1e-3, 1}, kNames);
  std::istringstream lines(read_text(folder / "run/metrics.jsonl"));
  std::string line;
  for (const double loss : losses) {
    std::getline(lines, line);
    EXPECT_EQ(nlohmann::json::parse(line)["loss"].get<double>(), loss) << line;
  }
  std::getline(lines, line);
  EXPECT_TRUE(nlohmann::json::parse(line)["loss"].is_null()) << line;
}

TEST(RunDirectory, ReopenCutsWhatWillBeWrittenAgain) {
  const std::vector<std::pair<std::int64_t, std::string>> cases = {{0, ""},
                                                                   {1, "s0"},
                                                                   {3, "s0 s1 s2 e0"},
                                                                   {4, "s0 s1 s2 e0 s3"},
                                                                   {6, "s0 s1 s2 e0 s3 s4 s5 e1"},
                                                                   {99, "s0 s1 s2 e0 s3 s4 s5 e1"}};
  for (const auto& [from_step, kept] : cases) {
    const TemporaryFolder folder;
    {
      RunDirectory run = RunDirectory::create(folder / "run", kConfig, kTimeout);
      record_two_epochs(run);
    }
    const std::string config = "[train]\nepochs = 3\n";
    RunDirectory run = RunDirectory::reopen(folder / "run", config, kTimeout, from_step);
    EXPECT_EQ(records(folder / "run/metrics.jsonl"), kept);
    EXPECT_EQ(read_text(folder / "run/config.toml"), config);
    run.record(step(7, 70), kNames);
    EXPECT_EQ(records(folder / "run/metrics.jsonl"), kept + (kept.empty() ? "s70" : " s70"));
  }
}

TEST(RunDirectory, ReopenTellsOfStepsWithoutRecords) {
  const TemporaryFolder folder;
  {
    RunDirectory run = RunDirectory::create(folder / "run", kConfig, kTimeout);
    record_two_epochs(run);
  }
  std::vector<std::string> warnings;
  const LogOfThread log([&](LogLevel, const std::string& line) { warnings.push_back(line); });
  const auto reopen = [&](std::int64_t from_step) {
    (void)RunDirectory::reopen(folder / "run", kConfig, kTimeout, from_step);
  };
  reopen(6);
  reopen(4);
  EXPECT_TRUE(warnings.empty()) << warnings.front();
  reopen(9);
  fs::remove(folder / "run/metrics.jsonl");
  reopen(6);
  reopen(1);
  reopen(0);
  ASSERT_EQ(warnings.size(), 3U);
  EXPECT_NE(warnings[0].find("found no records of steps 4 to 8"), std::string::npos) << warnings[0];
  EXPECT_NE(warnings[1].find("found no records of steps 0 to 5"), std::string::npos) << warnings[1];
  EXPECT_NE(warnings[2].find("found no records of step 0;"), std::string::npos) << warnings[2];
}

TEST(RunDirectory, FilesThatRanOutAreSaidToBeAMatterOfTheLimit) {
  const TemporaryFolder folder;
  (void)RunDirectory::create(folder / "run", kConfig, kTimeout);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit limited{0, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &limited);
  const std::string message =
      message_of<io::WriteError>([&] { (void)RunDirectory::reopen(folder / "run", kConfig, kTimeout, 0); });
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_NE(message.find("ulimit -n"), std::string::npos) << message;
}

TEST(RunDirectory, ReopenDropsALineThatAKillCutOff) {
  const TemporaryFolder folder;
  {
    RunDirectory run = RunDirectory::create(folder / "run", kConfig, kTimeout);
    record_two_epochs(run);
  }
  const fs::path file = folder / "run/metrics.jsonl";
  const std::string whole = read_text(file);
  const std::size_t last_line = whole.rfind('\n', whole.size() - 2) + 1;
  for (std::size_t size = last_line; size < whole.size(); size += 9) {
    write_file(file, whole.substr(0, size));
    RunDirectory run = RunDirectory::reopen(folder / "run", kConfig, kTimeout, 99);
    EXPECT_EQ(read_text(file), whole.substr(0, last_line)) << "cut at " << size;
  }
}

TEST(RunDirectory, ReopenRefusesMetricsThatAreNone) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "run");
  for (const char* text : {"{\"event\":\"step\",\"step\":0}\nnonsense\n", "[1]\n", "{}\n", "{\"event\":\"step\"}\n"}) {
    write_file(folder / "run/metrics.jsonl", text);
    const std::string message =
        message_of<io::WriteError>([&] { (void)RunDirectory::reopen(folder / "run", kConfig, kTimeout, 9); });
    EXPECT_NE(message.find("metrics.jsonl:"), std::string::npos) << message;
    EXPECT_EQ(read_text(folder / "run/metrics.jsonl"), text) << "a refused file is left alone";
  }
}

TEST(RunDirectory, AFullDiskIsAWriteError) {
  const TemporaryFolder folder;
  auto made =
      std::make_unique<RunDirectory>(RunDirectory::create(folder / "run", kConfig, kTimeout, TensorBoard::kLeftOut));
  RunDirectory& run = *made;
  // A limit on the size of files stands for a full disk: the write comes back short, then fails.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limited{150, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limited);
  run.record(step(0, 0), kNames);
  const std::string message = message_of<io::WriteError>([&] { run.record(step(0, 1), kNames); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_NE(message.find((folder / "run/metrics.jsonl").string()), std::string::npos) << message;
  EXPECT_NE(message.find("File too large"), std::string::npos) << message;
  made.reset();
  (void)RunDirectory::reopen(folder / "run", kConfig, kTimeout, 9);
  EXPECT_EQ(records(folder / "run/metrics.jsonl"), "s0") << "the torn record goes when the run goes on";
}

TEST(RunDirectory, IsWrittenByOneAtATime) {
  const TemporaryFolder folder;
  const auto reopen = [&] { (void)RunDirectory::reopen(folder / "run", kConfig, kTimeout, 0); };
  {
    const RunDirectory run = RunDirectory::create(folder / "run", kConfig, kTimeout);
    const std::string message = message_of<io::WriteError>(reopen);
    EXPECT_NE(message.find("found another process"), std::string::npos) << message;
  }
  EXPECT_NO_THROW(reopen());
}

TEST(RunDirectory, GoingOnRemovesWhatAKilledWriterLeft) {
  const TemporaryFolder folder;
  (void)RunDirectory::create(folder / "run", kConfig, kTimeout);
  const std::array<std::filesystem::path, 2> left{folder / "run/summary.json.77-0.partial",
                                                  folder / "run/checkpoints/step_00000004.h5.77-0.partial"};
  for (const auto& file : left) std::ofstream(file) << "half";
  std::ofstream(folder / "run/checkpoints/step_00000002.h5") << "whole";
  EXPECT_EQ(checkpoints_of(folder / "run").size(), 1U);
  (void)RunDirectory::reopen(folder / "run", kConfig, kTimeout, 2);
  for (const auto& file : left) EXPECT_FALSE(std::filesystem::exists(file)) << file;
  EXPECT_TRUE(std::filesystem::exists(folder / "run/checkpoints/step_00000002.h5"));
}

TEST(RunDirectory, TheWallTimeIsThatOfTheLastSummary) {
  const TemporaryFolder folder;
  const RunDirectory run = RunDirectory::create(folder / "run", kConfig, kTimeout);
  EXPECT_EQ(time_spent(folder / "run").wall_seconds, 0);
  run.write_summary(
      R"({"exit_reason":"running","wall_seconds":12.5,"phase_seconds_of_rank_0":{"read":2.5,"paths":"x"}})");
  EXPECT_EQ(time_spent(folder / "run").wall_seconds, 12.5);
  EXPECT_EQ(time_spent(folder / "run").phase_seconds, (std::map<std::string, double>{{"read", 2.5}}));
  run.write_summary("[]");
  EXPECT_EQ(time_spent(folder / "run").wall_seconds, 0);
  EXPECT_EQ(time_spent(run_of(run.checkpoint_file(3))).wall_seconds, 0);
}

TEST(RunDirectory, CheckpointsNewestFirstAndPruned) {
  const TemporaryFolder folder;
  const RunDirectory run = RunDirectory::create(folder / "run", kConfig, kTimeout);
  EXPECT_TRUE(checkpoints_of(folder / "run").empty());
  EXPECT_TRUE(checkpoints_of(folder / "nowhere").empty());
  for (const std::int64_t at : {900, 100, 123456789, 1000}) write_file(run.checkpoint_file(at), "");
  for (const char* other : {"step_00000001.h5.tmp", "step_.h5", "step_x.h5", "note.txt"}) {
    write_file(folder / (std::string("run/checkpoints/") + other), "");
  }
  EXPECT_EQ(checkpoints_of(folder / "run"),
            (std::vector<fs::path>{run.checkpoint_file(123456789), run.checkpoint_file(1000), run.checkpoint_file(900),
                                   run.checkpoint_file(100)}));
  run.prune_checkpoints(2, 123456789);
  EXPECT_EQ(checkpoints_of(folder / "run"),
            (std::vector<fs::path>{run.checkpoint_file(123456789), run.checkpoint_file(1000)}));
  run.prune_checkpoints(1, 1000);  // the one just written stays, not the one of a course that was left
  EXPECT_EQ(checkpoints_of(folder / "run"), (std::vector<fs::path>{run.checkpoint_file(1000)}));
  EXPECT_TRUE(fs::exists(folder / "run/checkpoints/note.txt"));
}

TEST(RunDirectory, DefaultFolderIsNamedAfterTheStoreAndTheTimeAndIsNobodyElses) {
  const TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder / "");
  DataConfig config;
  config.store = {"data/hmdb51.h5", "b.h5"};
  std::set<fs::path> made;
  for (int n = 0; n < 5; ++n) made.insert(make_default_run_folder(config));
  EXPECT_EQ(made.size(), 5U);
  for (const fs::path& each : made) {
    EXPECT_TRUE(fs::is_directory(each));
    EXPECT_TRUE(std::regex_match(each.string(), std::regex("runs/hmdb51-[0-9]{8}-[0-9]{6}(-[2-5])?"))) << each;
  }
  fs::current_path(before);
}

}  // namespace
}  // namespace alignment
