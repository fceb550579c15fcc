#include "src/encoding/samples/video_list.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

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

TEST_F(VideoListTest, OfAManifestNamesTheFirstProblemAndCountsAll) {
  put("a.mp4");
  put("b.mp4");
  put("m.csv",
      "id,file,label,split\na,a.mp4,x,train\nb,gone.mp4,x,train\na,b.mp4,x,train\nc,./a.mp4,x,train\n4,b.mp4,x,dev\n");
  const std::string line = refusal(folder_ / "m.csv");
  EXPECT_NE(line.find("m.csv:line 3: found no file"), std::string::npos) << line;
  EXPECT_NE(line.find("(4 problems in all, the others: line 4, line 5, line 6)"), std::string::npos) << line;
  put("two.csv", "id,file,label,split\na,a.mp4,x,train\nb,../" + folder_.path().filename().string() +
                     "/a.mp4,x,train\nc,x/../a.mp4,x,train\n");
  const std::string again = refusal(folder_ / "two.csv");
  EXPECT_NE(again.find("line 3: found the file"), std::string::npos) << again;
  EXPECT_NE(again.find("first in line 2"), std::string::npos) << again;
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
