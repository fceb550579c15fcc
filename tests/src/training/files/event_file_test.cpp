// The event files of a run: frames, checksums and fields by a reader of its own, against metrics.jsonl.
#include "src/training/files/event_file.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <variant>

#include "io/errors.hpp"
#include "src/training/files/run_directory.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment {
namespace {

namespace fs = std::filesystem;

const fs::path kFile = "tensorboard/events.out.tfevents.metrics";
constexpr std::chrono::duration<double> kTimeout = std::chrono::seconds(600);
const ScoreNames kNames{{{"loss", "loss"}, {"top1", "top-1"}, {"cosine", "cosine", true}},
                        {{"loss", "loss"}, {"top1", "top-1"}},
                        "top1",
                        "val",
                        "pairs"};

template <typename Number>
Number number_at(std::string_view bytes, std::size_t at) {
  Number number{};
  std::memcpy(&number, bytes.substr(at, sizeof number).data(), sizeof number);
  return number;
}

/// Bit by bit, as its definition has it.
std::uint32_t masked_checksum(std::string_view bytes) {
  std::uint32_t checksum = 0xFFFFFFFF;
  for (const char byte : bytes) {
    checksum ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) checksum = (checksum >> 1) ^ (checksum & 1 ? 0x82F63B78 : 0);
  }
  checksum = ~checksum;
  return (checksum >> 15 | checksum << 17) + 0xA282EAD8;
}

/// The messages of the records.
std::vector<std::string_view> messages(std::string_view file) {
  std::vector<std::string_view> found;
  while (!file.empty()) {
    const auto length = number_at<std::uint64_t>(file, 0);
    EXPECT_EQ(number_at<std::uint32_t>(file, 8), masked_checksum(file.substr(0, 8)));
    EXPECT_EQ(number_at<std::uint32_t>(file, 12 + length), masked_checksum(file.substr(12, length)));
    found.push_back(file.substr(12, length));
    file.remove_prefix(16 + length);
  }
  return found;
}

using Field = std::variant<std::uint64_t, double, float, std::string_view>;

std::multimap<unsigned, Field> fields(std::string_view message) {
  std::size_t at = 0;
  const auto variable_length = [&] {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(message[at++]);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
  };
  std::multimap<unsigned, Field> found;
  while (at < message.size()) {
    const std::uint64_t key = variable_length();
    const auto number = static_cast<unsigned>(key >> 3);
    if ((key & 7) == 0) {
      found.emplace(number, variable_length());
    } else if ((key & 7) == 1) {
      found.emplace(number, number_at<double>(message, at));
      at += 8;
    } else if ((key & 7) == 5) {
      found.emplace(number, number_at<float>(message, at));
      at += 4;
    } else {
      const std::size_t length = variable_length();
      found.emplace(number, message.substr(at, length));
      at += length;
    }
  }
  return found;
}

template <typename Value>
Value field(std::string_view message, unsigned number) {
  return std::get<Value>(fields(message).find(number)->second);
}

struct Point {
  double time = 0;
  std::uint64_t step = 0;
  std::map<std::string, float> scalars;
  bool operator==(const Point&) const = default;
};

/// All but the first record, which is the version.
std::vector<Point> points_of(const fs::path& file) {
  const std::string bytes = read_text(file);
  std::vector<Point> points;
  for (const std::string_view message : messages(bytes)) {
    if (fields(message).contains(3)) continue;
    Point point{field<double>(message, 1), field<std::uint64_t>(message, 2), {}};
    for (const auto& [number, value] : fields(field<std::string_view>(message, 5))) {
      const auto one = std::get<std::string_view>(value);
      if (fields(one).contains(2)) point.scalars.emplace(field<std::string_view>(one, 1), field<float>(one, 2));
    }
    points.push_back(point);
  }
  return points;
}

void record_epoch(RunDirectory& run, std::int64_t epoch, std::int64_t first_step, bool validated = true) {
  for (std::int64_t step = first_step; step < first_step + 3; ++step) {
    run.record(StepRecord{epoch, step, 1.0 / static_cast<double>(step + 1), 1e-3, 32, {0.1, 0.2, 0.3}}, kNames);
  }
  run.record(EpochRecord{{epoch, {0.1, 0.75, 0.25}, {0.2, 0.5}, validated}, 2.0, 48.0}, kNames);
}

/// Times as metrics.jsonl has them.
std::vector<double> times_of(const fs::path& run) {
  std::istringstream lines(read_text(run / "metrics.jsonl"));
  std::vector<double> times;
  for (std::string line; std::getline(lines, line);) times.push_back(nlohmann::json::parse(line).at("time"));
  return times;
}

TEST(EventFile, FirstRecordsAreTheVersionAndSettingsHaveAFileOfTheirOwn) {
  const TemporaryFolder folder;
  (void)RunDirectory::create(folder / "run", "[train]\nlr = 0.25\n", kTimeout);
  const std::string bytes = read_text(folder / "run/tensorboard/events.out.tfevents.config");
  const std::string metrics = read_text(folder / "run" / kFile);
  const std::vector<std::string_view> found = messages(bytes);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(messages(metrics), (std::vector<std::string_view>{found[0]}));
  EXPECT_EQ(field<std::string_view>(found[0], 3), "brain.Event:2");
  EXPECT_GT(field<double>(found[0], 1), 1.7e9);
  const auto value = field<std::string_view>(field<std::string_view>(found[1], 5), 1);
  EXPECT_EQ(field<std::string_view>(value, 1), "config");
  EXPECT_EQ(field<std::string_view>(field<std::string_view>(field<std::string_view>(value, 9), 1), 1), "text");
  EXPECT_EQ(field<std::string_view>(field<std::string_view>(value, 8), 8), "    [train]\n    lr = 0.25\n    ");
}

TEST(EventFile, EveryLineOfTheMetricsIsARecord) {
  const TemporaryFolder folder;
  RunDirectory run = RunDirectory::create(folder / "run", "", kTimeout);
  record_epoch(run, 0, 0, /*validated=*/false);
  record_epoch(run, 1, 3);
  const std::vector<Point> points = points_of(folder / "run" / kFile);
  const std::vector<double> times = times_of(folder / "run");
  ASSERT_EQ(points.size(), 8U);
  EXPECT_EQ(
      points[1],
      (Point{times[1], 1, {{"train/loss", 0.5F}, {"train/cosine", 0.3F}, {"train/lr", 1e-3F}, {"train/pairs", 32}}}));
  EXPECT_EQ(points[3], (Point{times[3],
                              2,
                              {{"train/epoch_loss", 0.1F},
                               {"train/top1", 0.75F},
                               {"train/epoch_cosine", 0.25F},
                               {"speed/epoch_seconds", 2},
                               {"speed/pairs_per_s", 48}}}))
      << "an epoch stands at its last step; what is null has no point";
  EXPECT_EQ(points[7].step, 5U);
  EXPECT_EQ(points[7].scalars.at("val/loss"), 0.2F);
  EXPECT_EQ(points[7].scalars.at("val/top1"), 0.5F);
}

TEST(EventFile, GoingOnLeavesNoStepTwice) {
  const TemporaryFolder folder;
  const auto steps = [&] {
    std::string text;
    for (const Point& point : points_of(folder / "run" / kFile)) {
      text += (point.scalars.contains("train/loss") ? " s" : " e") + std::to_string(point.step);
    }
    return text;
  };
  {
    RunDirectory run = RunDirectory::create(folder / "run", "", kTimeout);
    record_epoch(run, 0, 0);
    record_epoch(run, 1, 3);
  }
  const std::vector<Point> before = points_of(folder / "run" / kFile);
  {
    RunDirectory run = RunDirectory::reopen(folder / "run", "", kTimeout, 4);
    EXPECT_EQ(steps(), " s0 s1 s2 e2 s3");
    run.record(StepRecord{1, 4, 0.5, 1e-3, 32, {0, 0, 0}}, kNames);
  }
  RunDirectory run = RunDirectory::reopen(folder / "run", "", kTimeout, 5);
  record_epoch(run, 1, 5);
  EXPECT_EQ(steps(), " s0 s1 s2 e2 s3 s4 s5 s6 s7 e7");
  const std::vector<Point> after = points_of(folder / "run" / kFile);
  EXPECT_TRUE(std::equal(before.begin(), before.begin() + 5, after.begin())) << "with the times that they had";
}

TEST(EventFile, AReaderThatHasItOpenGoesOnWithTheNextRecord) {
  const TemporaryFolder folder;
  const fs::path file = folder / "run" / kFile;
  {
    RunDirectory run = RunDirectory::create(folder / "run", "[a]", kTimeout);
    record_epoch(run, 0, 0);
    record_epoch(run, 1, 3);
  }
  const auto read_so_far = static_cast<std::ptrdiff_t>(fs::file_size(file));
  std::ifstream reader(file, std::ios::binary);
  reader.seekg(read_so_far);
  RunDirectory run = RunDirectory::reopen(folder / "run", "[another]", kTimeout, 4);
  EXPECT_LT(fs::file_size(file), read_so_far);
  for (const std::int64_t step : {4, 5}) run.record(StepRecord{1, step, 0.5, 1e-3, 32, {0, 0, 0}}, kNames);
  run.record(EpochRecord{{1, {0.1, 0.75, 0.25}, {0.2, 0.5}, true}, 2.0, 48.0}, kNames);
  run.record(StepRecord{2, 6, 0.5, 1e-3, 32, {0, 0, 0}}, kNames);
  const std::string more{std::istreambuf_iterator<char>(reader), {}};
  const std::vector<std::string_view> found = messages(more);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(field<std::uint64_t>(found[0], 2), 6U);
}

TEST(EventFile, LinesWithoutATimeStandAtNone) {
  const TemporaryFolder folder;
  const std::string line = R"({"event":"step","epoch":0,"step":7,"loss":0.5,"lr":null})";
  { EventFile file(folder / "", "", line + "\n" + R"({"event":"epoch","epoch":0,"time":"x"})" + "\n", 1e9); }
  EXPECT_EQ(points_of(folder / "events.out.tfevents.metrics"),
            (std::vector<Point>{{0, 7, {{"train/loss", 0.5F}}}, {0, 7, {}}}));
}

TEST(EventFile, CanBeLeftOut) {
  const TemporaryFolder folder;
  RunDirectory run = RunDirectory::create(folder / "run", "", kTimeout, TensorBoard::kLeftOut);
  record_epoch(run, 0, 0);
  EXPECT_FALSE(fs::exists(folder / "run/tensorboard"));
}

TEST(EventFile, AFileThatCannotBeWrittenIsAWriteErrorAndLeavesNoRun) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "run" / kFile);  // a folder in its place
  const std::string message =
      message_of<io::WriteError>([&] { (void)RunDirectory::create(folder / "run", "", kTimeout); });
  EXPECT_NE(message.find(kFile.string()), std::string::npos) << message;
  EXPECT_NE(message.find("run.tensorboard"), std::string::npos) << message;
  EXPECT_FALSE(fs::exists(folder / "run/metrics.jsonl"));
  EXPECT_NO_THROW((void)RunDirectory::create(folder / "run", "", kTimeout, TensorBoard::kLeftOut));
}

TEST(EventFile, ARunThatNeverBeganLeavesNothing) {
  const TemporaryFolder folder;
  RunDirectory run = RunDirectory::create(folder / "run", "", kTimeout);
  run.abandon();
  EXPECT_FALSE(fs::exists(folder / "run"));
}

}  // namespace
}  // namespace alignment
