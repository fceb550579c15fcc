#include "src/encoding/job/parts.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/errors.hpp"
#include "src/encoding/job/parts_folder.hpp"
#include "src/encoding/job/parts_source.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::encoding {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kFeatures = 3;

class PartsTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  std::vector<Video> videos_;

  void SetUp() override {
    for (const char* id : {"a", "ä \"b\"", "c,d"}) {
      videos_.push_back({.id = id, .listed = id, .file = id, .label = 0, .bytes = 5, .modified_ns = 6});
    }
  }
  static EncodedVideo encoded(int seed, std::size_t rows = 4) {
    EncodedVideo video;
    for (std::size_t n = 0; n < rows * kFeatures; ++n)
      video.rows.push_back(static_cast<float>(seed * 100) + static_cast<float>(n) / 7);
    for (std::size_t n = 0; n < rows; ++n) video.timestamps.push_back(static_cast<double>(n) / 30);
    video.decoding = {.frames = 50, .header_frames = 51, .bad_packets = 1, .damaged_frames = 2, .steps_back = 3};
    return video;
  }
  static io::TseStoreHeader header() {
    io::TseStoreHeader header;
    header.feature_dim = kFeatures;
    return header;
  }
  /// Two videos that are encoded and one that failed.
  void write(const std::string& name = "1-rank0") {
    PartWriter writer(folder_.path(), name, kFeatures);
    writer.add(videos_[0], encoded(1), 0.5);
    writer.add_failure(videos_[1], "found \xFF; expected\nmore");
    writer.commit();
    writer.add(videos_[2], encoded(2, 2), 0.25);
    writer.commit();
  }
  std::vector<PartEntry> read(PartCheck check = PartCheck::kDigests) {
    return read_parts(folder_.path(), kFeatures, check);
  }
  static std::vector<std::string> ids(const std::vector<PartEntry>& entries) {
    std::vector<std::string> all;
    for (const PartEntry& entry : entries) all.push_back(entry.id);
    return all;
  }
};

TEST_F(PartsTest, ComeBackAsTheyWere) {
  write();
  const std::vector<PartEntry> entries = read();
  ASSERT_EQ(ids(entries), (std::vector<std::string>{"a", "ä \"b\"", "c,d"}));
  EXPECT_TRUE(entries[0].encoded);
  EXPECT_EQ(entries[0].identity, videos_[0].identity());
  EXPECT_EQ(entries[0].rows, 4);
  EXPECT_EQ(entries[0].decoding.frames, 50);
  EXPECT_EQ(entries[0].decoding.header_frames, 51);
  EXPECT_EQ(entries[0].decoding.bad_packets, 1);
  EXPECT_EQ(entries[0].decoding.damaged_frames, 2);
  EXPECT_EQ(entries[0].decoding.steps_back, 3);
  EXPECT_FALSE(entries[1].encoded);
  EXPECT_NE(entries[1].reason.find("expected\nmore"), std::string::npos);
  EXPECT_EQ(entries[2].offset, 4 * (kFeatures * 4 + 8));

  PartsSource source(header(), {{&videos_[2], &entries[2]}, {&videos_[0], &entries[0]}});
  io::SourceSample sample;
  source.next(sample);
  EXPECT_EQ(sample.id, "c,d");
  EXPECT_EQ(sample.features, encoded(2, 2).rows);
  EXPECT_EQ(sample.timestamps, encoded(2, 2).timestamps);
  source.next(sample);
  EXPECT_EQ(sample.features, encoded(1).rows);
}

TEST_F(PartsTest, MoreRowsThanBytesCanBeCountedForArePassedOver) {
  write();
  const fs::path journal = folder_ / "1-rank0.jsonl";
  const std::string text = read_text(journal);
  std::optional<PartEntry> entry = from_line(text.substr(0, text.find('\n')));
  ASSERT_TRUE(entry);
  const std::uint64_t bytes = entry->bytes(kFeatures);
  entry->rows += std::int64_t{1} << 62U;
  ASSERT_EQ(entry->bytes(kFeatures), bytes) << "as 64 bits have it";
  write_file(journal, to_line(*entry) + text.substr(text.find('\n')));
  for (const PartCheck check : {PartCheck::kSizes, PartCheck::kDigests}) {
    EXPECT_EQ(ids(read(check)), (std::vector<std::string>{"ä \"b\"", "c,d"}));
  }
}

TEST_F(PartsTest, AreSharedOutByTheirJournals) {
  for (int n = 0; n < 5; ++n) {
    PartWriter writer(folder_.path(), fmt::format("1-rank{}", n), kFeatures);
    writer.add_failure(videos_[0], fmt::format("{}", n));
    writer.commit();
  }
  std::vector<std::string> reasons;
  for (int share = 0; share < 3; ++share) {
    for (const PartEntry& entry : read_parts(folder_.path(), kFeatures, PartCheck::kDigests, share, 3))
      reasons.push_back(entry.reason);
  }
  EXPECT_EQ(reasons, (std::vector<std::string>{"0", "3", "1", "4", "2"}));
}

TEST_F(PartsTest, CutAnywhereKeepWhatIsWhole) {
  write();
  const std::string rows = read_text(folder_ / "1-rank0.rows"), journal = read_text(folder_ / "1-rank0.jsonl");
  const std::size_t first = journal.find('\n') + 1, second = journal.find('\n', first) + 1;
  for (std::size_t length = 0; length <= journal.size(); ++length) {
    write_file(folder_ / "1-rank0.jsonl", journal.substr(0, length));
    const std::size_t whole = length < first ? 0 : length < second ? 1 : length < journal.size() ? 2 : 3;
    ASSERT_EQ(read().size(), whole) << length;
  }
  write_file(folder_ / "1-rank0.jsonl", journal);
  const std::size_t first_bytes = 4 * (kFeatures * 4 + 8);
  for (std::size_t length = 0; length <= rows.size(); ++length) {
    write_file(folder_ / "1-rank0.rows", rows.substr(0, length));
    const std::size_t whole = length < first_bytes ? 1 : length < rows.size() ? 2 : 3;
    ASSERT_EQ(read().size(), whole) << length;
    ASSERT_EQ(read(PartCheck::kSizes).size(), whole) << length;
  }
  fs::remove(folder_ / "1-rank0.rows");
  EXPECT_TRUE(read().empty());
}

TEST_F(PartsTest, WithAFlippedBitLoseThatVideoAlone) {
  write();
  const std::string rows = read_text(folder_ / "1-rank0.rows"), journal = read_text(folder_ / "1-rank0.jsonl");
  const std::size_t first_bytes = 4 * (kFeatures * 4 + 8);
  for (std::size_t place = 0; place < rows.size(); ++place) {
    std::string damaged = rows;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x10);
    write_file(folder_ / "1-rank0.rows", damaged);
    ASSERT_EQ(ids(read()), (std::vector<std::string>{place < first_bytes ? "ä \"b\"" : "a",
                                                     place < first_bytes ? "c,d" : "ä \"b\""}));
  }
  write_file(folder_ / "1-rank0.rows", rows);
  const std::vector<std::string> all = ids(read());
  for (std::size_t place = 0; place < journal.size(); place += journal[place + 1] == '\n' ? 1U : 2U) {
    std::string damaged = journal;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x10);
    write_file(folder_ / "1-rank0.jsonl", damaged);
    const std::vector<std::string> left = ids(read());
    // An end of a line that is none any more takes two lines with it.
    ASSERT_EQ(left.size(), journal[place] == '\n' ? (place + 1 == journal.size() ? 2U : 1U) : 2U) << place;
    for (const std::string& id : left) ASSERT_NE(std::find(all.begin(), all.end(), id), all.end());
  }
}

TEST_F(PartsTest, ThatChangedAfterwardsAreRefusedByTheMerge) {
  write();
  const std::vector<PartEntry> entries = read();
  std::string rows = read_text(folder_ / "1-rank0.rows");
  rows[3] = static_cast<char>(rows[3] ^ 1);
  write_file(folder_ / "1-rank0.rows", rows);
  PartsSource source(header(), {{&videos_[0], &entries[0]}});
  io::SourceSample sample;
  EXPECT_NE(message_of<io::StoreError>([&] { source.next(sample); }).find("found other rows than were written"),
            std::string::npos);
}

TEST_F(PartsTest, OfOneStartAreNeverWrittenTo) {
  write();
  EXPECT_THROW(write(), io::WriteError);
}

TEST_F(PartsTest, OfOtherSettingsLieApart) {
  const PartsFolder one(folder_ / "a.h5", "windows fraction\n"), other(folder_ / "a.h5", "windows multi\n");
  EXPECT_NE(one.path(), other.path());
  EXPECT_EQ(one.above(), folder_ / "a.h5.parts");
  EXPECT_FALSE(one.is_visible());
  one.make();
  other.make();
  EXPECT_TRUE(one.is_visible());
  one.remove();
  EXPECT_FALSE(one.is_visible());
  EXPECT_TRUE(other.is_visible());
}

TEST_F(PartsTest, AreOfOneJobAtATime) {
  const fs::path parts = folder_ / "a.h5.parts";
  {
    const OutputLock lock(parts);
    const pid_t child = fork();
    if (child == 0) {
      try {
        const OutputLock second(parts);
        _exit(1);
      } catch (const io::WriteError& error) {
        _exit(std::string(error.what()).find(fmt::format("found that process {}", getppid())) != std::string::npos ? 0
                                                                                                                   : 2);
      }
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_FALSE(fs::exists(parts));
  const OutputLock again(parts);
}

TEST_F(PartsTest, AreNotLockedByALink) {
  const fs::path parts = folder_ / "a.h5.parts";
  fs::create_directories(parts);
  fs::create_symlink(folder_ / "nowhere", parts / "lock");
  const std::string line = message_of<io::WriteError>([&] { const OutputLock lock(parts); });
  EXPECT_NE(line.find("a.h5.parts/lock: found "), std::string::npos) << line;
  EXPECT_FALSE(fs::exists(folder_ / "nowhere"));
}

}  // namespace
}  // namespace alignment::encoding
