#include "src/encoding/samples/video_list.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <chrono>

#include "io/errors.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::encoding {
namespace {

namespace fs = std::filesystem;

class VideoListTest : public testing::Test {
 protected:
  TemporaryFolder folder_;

  void put(const std::string& name, const std::string& text = "video") {
    const fs::path file = folder_ / name;
    fs::create_directories(file.parent_path());
    write_file(file, text);
  }
  std::string refusal(const fs::path& list) {
    return message_of<io::StoreError>([&] { static_cast<void>(read_video_list(list)); });
  }
  static std::vector<std::string> ids(const VideoList& list) {
    std::vector<std::string> all;
    for (const Video& video : list.videos) all.push_back(video.id);
    return all;
  }
};

TEST_F(VideoListTest, OfAManifestKeepsItsOrder) {
  put("a b.mp4", "12345");
  put("über/clip.avi");
  put("m.csv", "id,file,label,split\nzwei,über/clip.avi,10,train\neins,a b.mp4,9,val\ndrei,x.mp4,,test\n");
  put("x.mp4");
  const VideoList list = read_video_list(folder_ / "m.csv");
  EXPECT_EQ(ids(list), (std::vector<std::string>{"zwei", "eins", "drei"}));
  EXPECT_EQ(list.class_names, (std::vector<std::string>{"9", "10"}));
  EXPECT_EQ(list.source, "m.csv");
  EXPECT_EQ(list.videos[0].label, 1);
  EXPECT_EQ(list.videos[1].split, io::Split::kValidation);
  EXPECT_EQ(list.videos[1].bytes, 5);
  EXPECT_EQ(list.videos[1].file, folder_ / "a b.mp4");
  EXPECT_EQ(list.videos[2].label, io::kNoLabel);
  EXPECT_TRUE(list.has_unlabelled());
  EXPECT_TRUE(list.notes.empty());
}

TEST_F(VideoListTest, FilesMayBeOfAnyTime) {
  put("far.mp4");
  Video video;
  video.file = folder_ / "far.mp4";
  std::array<timespec, 2> times{timespec{10'000'000'000, 1}, timespec{10'000'000'000, 1}};  // the year 2286
  ASSERT_EQ(::utimensat(AT_FDCWD, video.file.c_str(), times.data(), 0), 0);
  look_at_file(video);
  const std::int64_t far = video.modified_ns;
  times[1].tv_nsec = 2;
  ASSERT_EQ(::utimensat(AT_FDCWD, video.file.c_str(), times.data(), 0), 0);
  look_at_file(video);
  EXPECT_EQ(video.modified_ns - far, 1);
}

TEST_F(VideoListTest, OfAManifestNamesTheFirstProblemAndCountsAll) {
  put("a.mp4");
  put("b.mp4");
  put("m.csv",
      "id,file,label,split\na,a.mp4,x,train\nb,c.mp4,,train\na,b.mp4,x,train\nc,./a.mp4,x,train\n4,b.mp4,x,dev\n");
  const std::string line = refusal(folder_ / "m.csv");
  EXPECT_NE(line.find("m.csv:line 3: found an empty label"), std::string::npos) << line;
  EXPECT_NE(line.find("(4 problems in all, the others: line 4, line 5, line 6)"), std::string::npos) << line;
  put("two.csv", "id,file,label,split\na,a.mp4,x,train\nb,../" + folder_.path().filename().string() +
                     "/a.mp4,x,train\nc,x/../a.mp4,x,train\n");
  const std::string again = refusal(folder_ / "two.csv");
  EXPECT_NE(again.find("line 3: found the file"), std::string::npos) << again;
  EXPECT_NE(again.find("first in line 2"), std::string::npos) << again;
}

TEST_F(VideoListTest, SaysWhatStandsInThePlaceOfAFile) {
  put("a.mp4");
  fs::create_directories(folder_ / "b.mp4");
  fs::create_symlink("elsewhere/x.mp4", folder_ / "c.mp4");
  const std::vector<std::string> absent{"", "a folder", "a link to nothing, elsewhere/x.mp4", "no such file"};
  put("m.csv", "file,label,split\na.mp4,x,train\nb.mp4,x,train\nc.mp4,x,train\nd.mp4,x,train\n");
  const VideoList list = read_video_list(folder_ / "m.csv");
  ASSERT_EQ(list.videos.size(), 4U);
  for (std::size_t n = 0; n < absent.size(); ++n) EXPECT_EQ(list.videos[n].absent, absent[n]);
  put("set/x/a.mp4");
  fs::create_symlink("gone", folder_ / "set/x/b.mp4");
  const VideoList set = read_video_list(folder_ / "set");
  ASSERT_EQ(set.videos.size(), 2U);
  EXPECT_EQ(set.videos[0].absent, "");
  EXPECT_EQ(set.videos[1].absent, "a link to nothing, gone");
}

TEST_F(VideoListTest, OfNewVideosNeedsNoMoreThanTheirFiles) {
  put("b.mp4");
  put("x/a.mp4");
  for (const char* text : {"file\nb.mp4\nx/a.mp4\n", "id,file\nb.mp4,b.mp4\nx/a.mp4,x/a.mp4\n"}) {
    put("m.csv", text);
    const VideoList list = read_video_list(folder_ / "m.csv");
    EXPECT_EQ(ids(list), (std::vector<std::string>{"b.mp4", "x/a.mp4"}));
    EXPECT_TRUE(list.class_names.empty());
    for (const Video& video : list.videos) {
      EXPECT_EQ(video.label, io::kNoLabel);
      EXPECT_EQ(video.split, io::Split::kTest);
    }
    ASSERT_EQ(list.notes.size(), 1U);
    EXPECT_NE(list.notes[0].find("m.csv: has neither labels nor splits: all videos are unlabelled"), std::string::npos);
  }
  put("m.csv", "file,label\nb.mp4,x\n");
  EXPECT_NE(refusal(folder_ / "m.csv").find("found no column 'split'"), std::string::npos);
}

TEST_F(VideoListTest, OfNewVideosMayBeAFolderOfThem) {
  put("set/b.mp4");
  put("set/a.mp4");
  put("set/notes.txt");
  put("set/more/readme");
  const VideoList list = read_video_list(folder_ / "set");
  EXPECT_EQ(ids(list), (std::vector<std::string>{"a.mp4", "b.mp4"}));
  EXPECT_TRUE(list.class_names.empty());
  EXPECT_EQ(list.videos[0].label, io::kNoLabel);
  EXPECT_EQ(list.videos[0].split, io::Split::kTest);
  ASSERT_EQ(list.notes.size(), 2U);
  EXPECT_NE(list.notes[0].find("lie in no folders of classes: all are unlabelled, of the test split"),
            std::string::npos);
  EXPECT_NE(list.notes[1].find("passed over 2 files that are not named as videos: notes.txt, more/readme"),
            std::string::npos)
      << list.notes[1];
  put("split/train/x/a.mp4");
  put("split/test/b.mp4");
  const VideoList split = read_video_list(folder_ / "split");
  EXPECT_EQ(ids(split), (std::vector<std::string>{"test/b.mp4", "train/x/a.mp4"}));
  EXPECT_EQ(split.videos[0].label, io::kNoLabel);
  EXPECT_EQ(split.videos[1].label, 0);
  put("split/train/c.mp4");
  EXPECT_NE(refusal(folder_ / "split").find("c.mp4: found a video outside of any class"), std::string::npos);
}

TEST_F(VideoListTest, DoesNotListWhatTheProgramWrites) {
  put("set/x/a.mp4");
  put("set/out.h5.parts/0/rank0.rows");
  put("set/out.h5.failed.csv");
  put("set/other.h5");
  const fs::path out = folder_ / "set" / "." / "out.h5";
  const VideoList list =
      read_video_list(folder_ / "set", {out, folder_ / "set/out.h5.parts", folder_ / "set/out.h5.failed.csv"});
  ASSERT_EQ(list.notes.size(), 2U);
  EXPECT_TRUE(list.notes[1].ends_with("passed over 1 files that are not named as videos: other.h5")) << list.notes[1];
}

TEST_F(VideoListTest, OfSomethingElseSaysWhatItIs) {
  put("one.MP4");
  EXPECT_NE(refusal(folder_ / "one.MP4").find("one.MP4: found a video; expected a CSV list or a folder of videos"),
            std::string::npos);
  put("m.csv", "id;file;label;split\na;a.mp4;x;train\n");
  EXPECT_NE(
      refusal(folder_ / "m.csv").find("m.csv:line 1: found columns with semicolons between them; expected commas"),
      std::string::npos);
  put("m.csv", "id\tfile\na\ta.mp4\n");
  EXPECT_NE(refusal(folder_ / "m.csv").find("found columns with tabs between them"), std::string::npos);
  put("set/test/a.mp4");
  put("set/jump/b.mp4");
  EXPECT_NE(refusal(folder_ / "set").find("rename classes that are called as splits"), std::string::npos);
}

TEST_F(VideoListTest, OfAManifestRefusesAFileWithANul) {
  put("a.mp4");
  put("m.csv", std::string("id,file,label,split\na,a.mp4\0b,x,train\n", 38));
  const std::string line = refusal(folder_ / "m.csv");
  EXPECT_NE(line.find("m.csv:line 2: found a NUL in the file; expected a path"), std::string::npos) << line;
}

TEST_F(VideoListTest, OfFiftyThousandLinesWithDuplicatesIsReadAtOnce) {
  put("a.mp4");
  std::string text = "id,file,label,split\n";
  for (int n = 0; n < 50'000; ++n) text += fmt::format("id{},a.mp4,class{},train\n", n / 2, n % 400);
  put("m.csv", text);
  const std::string line = refusal(folder_ / "m.csv");
  EXPECT_NE(line.find("m.csv:line 3: found the id 'id0' again, first in line 2"), std::string::npos) << line;
  EXPECT_NE(line.find("(74999 problems in all"), std::string::npos) << line;  // 25,000 ids and 49,999 files
}

TEST_F(VideoListTest, OfAFolderTakesItsFoldersForClasses) {
  put("jump/b.MP4");
  put("jump/deep/er/a.avi");
  put("run away/c.webm");
  put("run away/notes.txt");
  put("jump/.hidden.mp4");
  put("empty/readme");
  const VideoList list = read_video_list(folder_.path());
  EXPECT_EQ(ids(list), (std::vector<std::string>{"jump/b.MP4", "jump/deep/er/a.avi", "run away/c.webm"}));
  EXPECT_EQ(list.class_names, (std::vector<std::string>{"jump", "run away"}));
  EXPECT_EQ(list.videos[2].label, 1);
  EXPECT_EQ(list.videos[0].split, io::Split::kTrain);
  ASSERT_EQ(list.notes.size(), 2U);
  EXPECT_NE(list.notes[0].find("all videos are of the train split"), std::string::npos);
  EXPECT_NE(list.notes[1].find("passed over 2 files that are not named as videos: empty/readme, run away/notes.txt"),
            std::string::npos)
      << list.notes[1];
}

TEST_F(VideoListTest, OfAFolderTakesSplitsWhereAllFoldersAreNamedSo) {
  put("train/x/a.mp4");
  put("validation/x/b.mp4");
  put("test/y/c.mp4");
  const VideoList list = read_video_list(folder_.path());
  EXPECT_EQ(ids(list), (std::vector<std::string>{"test/y/c.mp4", "train/x/a.mp4", "validation/x/b.mp4"}));
  EXPECT_EQ(list.videos[0].split, io::Split::kTest);
  EXPECT_EQ(list.videos[1].split, io::Split::kTrain);
  EXPECT_EQ(list.videos[2].split, io::Split::kValidation);
  EXPECT_EQ(list.class_names, (std::vector<std::string>{"x", "y"}));
}

TEST_F(VideoListTest, OfAFolderRefusesSplitsBesideClasses) {
  put("Train/x/a.mp4");
  put("VAL/x/b.mp4");
  put("annotations/deep/readme.txt");
  fs::create_directories(folder_ / "empty");
  const VideoList list = read_video_list(folder_.path());
  EXPECT_EQ(list.class_names, (std::vector<std::string>{"x"}));
  EXPECT_EQ(list.videos[0].split, io::Split::kTrain);
  EXPECT_EQ(list.videos[1].split, io::Split::kValidation);
  ASSERT_EQ(list.notes.size(), 1U);
  EXPECT_NE(list.notes[0].find("passed over 1 files that are not named as videos: annotations/deep/readme.txt"),
            std::string::npos)
      << list.notes[0];
  put("annotations/deep/c.mp4");
  const std::string line = refusal(folder_.path());
  EXPECT_NE(line.find("found the folders Train, VAL beside annotations; expected only splits"), std::string::npos)
      << line;
}

TEST_F(VideoListTest, OfAFolderRefusesWhatHasNoClass) {
  put("a.mp4");
  put("x/b.mp4");
  put("c.mp4");
  const std::string line = refusal(folder_.path());
  EXPECT_NE(line.find("a.mp4: found a video outside of any class"), std::string::npos) << line;
  EXPECT_NE(line.find("(2 problems in all, the others: c.mp4)"), std::string::npos) << line;
}

TEST_F(VideoListTest, OfAFolderRefusesCirclesNamesAndNothing) {
  fs::create_directories(folder_ / "x");
  EXPECT_NE(refusal(folder_.path()).find("found no video in it"), std::string::npos);
  put("x/a.mp4");
  fs::create_directory_symlink(folder_.path(), folder_ / "x/up");
  fs::create_directory_symlink(folder_ / "x", folder_ / "x/self");
  EXPECT_NE(refusal(folder_.path()).find("found a link to a folder above it"), std::string::npos);
  fs::remove(folder_ / "x/up");
  fs::remove(folder_ / "x/self");
  put("x/\xE9.mp4");
  EXPECT_NE(refusal(folder_.path()).find("found a name that is not UTF-8"), std::string::npos);
  EXPECT_NE(refusal(folder_ / "gone").find("found no such file"), std::string::npos);
}

TEST_F(VideoListTest, KnowsAVideoByIdFileSizeAndTime) {
  Video video{.id = "a", .listed = "a.mp4", .file = "/x/a.mp4", .bytes = 5, .modified_ns = 7};
  Video moved = video;
  moved.file = "/y/a.mp4";  // the list has moved with its videos
  EXPECT_EQ(moved.identity(), video.identity());
  for (auto change : {+[](Video& one) { one.id = "b"; }, +[](Video& one) { one.listed = "b.mp4"; },
                      +[](Video& one) { one.bytes = 6; }, +[](Video& one) { one.modified_ns = 8; }}) {
    Video other = video;
    change(other);
    EXPECT_NE(other.identity(), video.identity());
  }
}

}  // namespace
}  // namespace alignment::encoding
