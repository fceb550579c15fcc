// Files that are no videos, not whole, not what they say, or that want something of their reader.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "io/video/video_reader.hpp"
#include "tests/src/temporary_folder.hpp"
#include "tests/video/clip_writer.hpp"

namespace alignment::io {
namespace {

using testing::Clip;

struct Counts {
  std::int64_t frames = 0, bad_packets = 0, damaged_frames = 0;
  std::optional<std::int64_t> header_frames;
};

Counts read(const std::filesystem::path& file) {
  VideoReader reader(file);
  RgbImage image;
  while (reader.next()) reader.convert(image);
  return {reader.frames(), reader.bad_packets(), reader.damaged_frames(), reader.properties().header_frames};
}

class HostileVideos : public ::testing::Test {
 protected:
  void SetUp() override { ::testing::internal::CaptureStderr(); }
  void TearDown() override { EXPECT_EQ(::testing::internal::GetCapturedStderr(), "") << "FFmpeg's own words"; }

  std::filesystem::path clip(const std::string& name, const Clip& made = {}) {
    testing::write_clip(folder / name, made);
    return folder / name;
  }
  std::string bytes_of(const std::string& name, const Clip& made) { return read_text(clip(name, made)); }
  std::filesystem::path file_of(const std::string& name, const std::string& bytes) {
    write_file(folder / name, bytes);
    return folder / name;
  }
  static std::string refusal(const std::filesystem::path& file) {
    const std::string message = message_of<VideoError>([&] { VideoReader reader(file); });
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_EQ(std::count(message.begin(), message.end(), ';'), 2) << message;
    return message;
  }
  TemporaryFolder folder;
};

TEST_F(HostileVideos, WhatIsNoRegularFileIsRefusedWithoutWaiting) {
  std::filesystem::create_directory(folder / "folder.mp4");
  ASSERT_EQ(::mkfifo((folder / "pipe.mp4").c_str(), 0600), 0);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = (folder / "socket.mp4").string();
  ASSERT_LT(name.size(), sizeof address.sun_path);
  std::strcpy(address.sun_path, name.c_str());
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(socket);
  EXPECT_EQ(refusal(folder / "absent.mp4"),
            "found no such file; expected a video file; check the path and its permissions");
  std::filesystem::create_symlink("gone.mp4", folder / "link.mp4");
  EXPECT_EQ(refusal(folder / "link.mp4"),
            "found a link to nothing, gone.mp4; expected a video file; check the path and its permissions");
  EXPECT_EQ(refusal(folder / "folder.mp4"), "found a folder; expected a video file; check the path");
  EXPECT_EQ(refusal(folder / "pipe.mp4"), "found a pipe; expected a video file; check the path");
  EXPECT_EQ(refusal(folder / "socket.mp4"), "found a socket; expected a video file; check the path");
  EXPECT_EQ(refusal("/dev/zero"), "found a device; expected a video file; check the path");
}

TEST_F(HostileVideos, WhatThisHostCannotOpenIsToldFromWhatIsBad) {
  EXPECT_THROW(VideoReader(folder / "absent.mp4"), UnreadableVideo);
  const auto refused_as_unreadable = [](const std::filesystem::path& file) {
    try {
      VideoReader reader(file);
    } catch (const UnreadableVideo&) {
      return true;
    } catch (const VideoError&) {
    }
    return false;
  };
  const std::filesystem::path text = file_of("text.mp4", "no video");
  EXPECT_FALSE(refused_as_unreadable(text));
  EXPECT_FALSE(refused_as_unreadable(folder.path()));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool unreadable = refused_as_unreadable(text);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(unreadable);
}

TEST_F(HostileVideos, WhatIsNoVideoIsRefused) {
  EXPECT_EQ(refusal(file_of("empty.mp4", "")), "found an empty file; expected a video; copy it again");
  std::string text;
  for (int i = 0; i < 500; ++i) text += "a line \x1b[31m in red\n";
  for (const std::string name : {"text.mp4", "text.txt", "text.asc", "text.nfo"}) {
    EXPECT_TRUE(refusal(file_of(name, text)).starts_with("found no video (FFmpeg says: Invalid data")) << name;
  }
  EXPECT_EQ(refusal(clip("audio.mp4", {.audio = true, .video = false})),
            "found one stream, which is no video; expected a video; leave the file out");
  const Clip music{.codec = "mjpeg", .pixels = "yuvj420p", .frames = 1, .audio = true, .cover = true};
  EXPECT_EQ(refusal(clip("music.mp4", music)),
            "found 2 streams and no video among them; expected a video; leave the file out");
}

TEST_F(HostileVideos, TimesMayLieAsFarApartAsTheyCan) {
  const std::string cluster("\x1f\x43\xb6\x75", 4), any_size("\x01\xff\xff\xff\xff\xff\xff\xff", 8),
      time_of_eight_bytes("\xe7\x88");
  const std::string made = bytes_of("near.mkv", {.frames = 3, .muxer_options = "live=1,cluster_time_limit=1"});
  std::string far;  // with other times of its clusters, of which every frame is one
  std::size_t begin = made.find(cluster);
  far = made.substr(0, begin);
  for (const std::int64_t milliseconds :
       {std::int64_t{-5'000'000'000'000'000'000}, std::int64_t{5'000'000'000'000'000'000},
        std::int64_t{5'100'000'000'000'000'000}}) {
    ASSERT_NE(begin, std::string::npos);
    const std::size_t time = made.find('\xe7', begin), end = made.find(cluster, begin + 1);
    const auto length = static_cast<std::size_t>(static_cast<unsigned char>(made[time + 1]) & 0x7FU);
    far += cluster + any_size + time_of_eight_bytes;
    for (unsigned shift = 64; shift > 0; shift -= 8) {
      far += static_cast<char>(static_cast<std::uint64_t>(milliseconds) >> (shift - 8) & 0xFFU);
    }
    far += made.substr(time + 2 + length, end == std::string::npos ? end : end - (time + 2 + length));
    begin = end;
  }
  VideoReader reader(file_of("far.mkv", far));
  std::vector<double> times;
  while (reader.next()) times.push_back(reader.time());
  EXPECT_EQ(times, (std::vector<double>{0, 1e16, 1.01e16}));
  EXPECT_EQ(reader.steps_back(), 0);
}

TEST_F(HostileVideos, AListOfOtherFilesOpensNone) {
  static_cast<void>(clip("other.mp4"));
  static_cast<void>(clip("other.ts", {.codec = "mpeg2video"}));
  const std::string other = (folder / "other.mp4").string();
  for (const std::string list : {"ffconcat version 1.0\nfile other.mp4\n", "ffconcat version 1.0\nfile /dev/zero\n",
                                 "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n"}) {
    EXPECT_TRUE(refusal(file_of("list.mp4", list)).starts_with("found text or a list of files (FFmpeg's format"))
        << list;
  }
  EXPECT_THROW(VideoReader("concat:" + other), VideoError);
  EXPECT_THROW(VideoReader("file:" + other), VideoError);
  EXPECT_THROW(VideoReader("http://127.0.0.1:9/other.mp4"), VideoError);
  EXPECT_THROW(VideoReader("-"), VideoError);
  EXPECT_THROW(VideoReader("pipe:0"), VideoError);
}

TEST_F(HostileVideos, NamesAreTakenAsTheyStand) {
  for (const std::string name : {"a b.mp4", "Übung ß 視頻.mp4", "frame%03d.mp4", "a:b.mp4", "http:x.mp4", "*?[x].mp4",
                                 "- .mp4", "no ending", "picture.jpg", "list.m3u8"}) {
    std::filesystem::rename(clip("made.mp4"), folder / name);
    EXPECT_EQ(read(folder / name).frames, 10) << name;
  }
  // A relative name that could be an option or an address.
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  EXPECT_EQ(read("http:x.mp4").frames, 10);
  EXPECT_EQ(read("- .mp4").frames, 10);
  std::filesystem::current_path(before);
}

TEST_F(HostileVideos, CutFilesGiveWhatIsLeftOrAreRefused) {
  const Clip clip_of_fifty{.frames = 50, .muxer_options = "movflags=+faststart"};
  const std::string faststart = bytes_of("whole.mp4", clip_of_fifty);
  const Counts counts = read(file_of("cut.mp4", faststart.substr(0, faststart.size() * 6 / 10)));
  EXPECT_GT(counts.frames, 10);
  EXPECT_LT(counts.frames, 45);
  EXPECT_EQ(counts.header_frames, 50);  // which tells of the loss

  const std::string moov_last = bytes_of("last.mp4", {.frames = 50});
  EXPECT_TRUE(refusal(file_of("cut.mp4", moov_last.substr(0, moov_last.size() * 6 / 10)))
                  .starts_with("found a damaged or cut mov,mp4"));

  for (const std::string ending : {".avi", ".mkv", ".ts"}) {
    const std::string whole = bytes_of("whole" + ending, {.codec = "mpeg2video", .frames = 50});
    const Counts left = read(file_of("cut" + ending, whole.substr(0, whole.size() / 2)));
    EXPECT_GT(left.frames, 10) << ending;
    EXPECT_LT(left.frames, 45) << ending;
  }
}

TEST_F(HostileVideos, FilesCutAnywhereNeverDoMoreThanRefuse) {
  for (const std::string ending : {".mp4", ".avi", ".mkv", ".gif"}) {
    const bool gif = ending == ".gif";
    const std::string whole = bytes_of(
        "whole" + ending,
        {.codec = gif ? "gif" : "mpeg4", .pixels = gif ? "rgb8" : "yuv420p", .width = 32, .height = 32, .frames = 5});
    for (std::size_t length = 1; length < whole.size(); length += whole.size() / 60 + 1) {
      try {
        EXPECT_LE(read(file_of("cut" + ending, whole.substr(0, length))).frames, 5) << ending << " at " << length;
      } catch (const VideoError&) {
      }
    }
  }
}

TEST_F(HostileVideos, FlippedBytesAreCountedNotHidden) {
  const std::string whole = bytes_of("whole.mp4", {.frames = 50});
  const std::size_t data = whole.find("mdat");
  ASSERT_NE(data, std::string::npos);
  std::string flipped = whole;
  for (std::size_t at = data + 2'000; at < data + 20'000; at += 97) flipped.at(at) = static_cast<char>(~flipped.at(at));
  const Counts counts = read(file_of("flipped.mp4", flipped));
  EXPECT_GT(counts.bad_packets + counts.damaged_frames, 0);
  EXPECT_LE(counts.frames, 50);
  EXPECT_EQ(counts.header_frames, 50);
}

TEST_F(HostileVideos, FramesMadeUpInPartAreKeptAndCounted) {
  std::string bytes = bytes_of("whole.mp4", {.codec = "mpeg2video", .width = 192, .height = 128});
  const std::size_t data = bytes.find("mdat");
  ASSERT_NE(data, std::string::npos);
  // Into the slices of the first picture, whose header stays.
  for (std::size_t at = data + 600; at < data + 620; ++at) bytes.at(at) = static_cast<char>(~bytes.at(at));
  const Counts counts = read(file_of("damaged.mp4", bytes));
  EXPECT_EQ(counts.frames, 10);
  EXPECT_EQ(counts.bad_packets, 0);
  EXPECT_GE(counts.damaged_frames, 1);
}

TEST_F(HostileVideos, NoiseInAnyPlaceNeverDoesMoreThanRefuse) {
  std::mt19937 random(7);
  for (const std::string ending : {".mp4", ".avi", ".mkv", ".ts", ".gif"}) {
    const bool gif = ending == ".gif";
    const std::string whole = bytes_of("whole" + ending, {.codec = gif ? "gif" : "mpeg2video",
                                                          .pixels = gif ? "rgb8" : "yuv420p",
                                                          .width = 32,
                                                          .height = 32,
                                                          .frames = 5});
    for (int round = 0; round < 60; ++round) {
      std::string noisy = whole;
      for (int flips = 0; flips < 8; ++flips) noisy.at(random() % noisy.size()) = static_cast<char>(random());
      try {
        EXPECT_LE(read(file_of("noisy" + ending, noisy)).frames, 50);
      } catch (const VideoError&) {
      }
    }
  }
}

TEST_F(HostileVideos, APacketThatDoesNotDecodeIsPassedOver) {
  // Every frame is a picture of its own; the header of one is destroyed.
  std::string bytes = bytes_of("whole.avi", {.codec = "mjpeg", .pixels = "yuvj420p"});
  std::size_t picture = bytes.find("00dc");
  for (int i = 0; i < 4; ++i) picture = bytes.find("00dc", picture + 4);
  ASSERT_NE(picture, std::string::npos);
  const std::size_t next = bytes.find("00dc", picture + 4);
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(picture) + 8, bytes.begin() + static_cast<std::ptrdiff_t>(next),
            '\x55');
  const Counts counts = read(file_of("bad.avi", bytes));
  EXPECT_EQ(counts.frames, 9);
  EXPECT_EQ(counts.bad_packets, 1);
  EXPECT_EQ(counts.header_frames, 10);
}

TEST_F(HostileVideos, WhatTheHeaderCountsIsAHint) {
  std::string bytes = bytes_of("whole.avi", {.frames = 10});
  const std::size_t stream = bytes.find("strh");
  ASSERT_NE(stream, std::string::npos);
  constexpr std::size_t kLength = 8 + 32;  // chunk's name and size, then dwLength
  ASSERT_EQ(bytes.at(stream + kLength), 10);
  bytes.at(stream + kLength) = 11;
  const Counts counts = read(file_of("more.avi", bytes));
  EXPECT_EQ(counts.frames, 10);
  EXPECT_EQ(counts.header_frames, 11);
}

TEST_F(HostileVideos, FramesThatFillMemoryAreRefusedByTheirSize) {
  std::string bytes =
      bytes_of("whole.avi", {.codec = "rawvideo", .pixels = "bgr24", .width = 32, .height = 32, .frames = 2});
  const std::size_t format = bytes.find("strf");
  ASSERT_NE(format, std::string::npos);
  const std::int32_t width = 60'000, height = 50'000;
  std::memcpy(bytes.data() + format + 12, &width, sizeof width);
  std::memcpy(bytes.data() + format + 16, &height, sizeof height);
  EXPECT_EQ(
      refusal(file_of("large.avi", bytes)),
      "found frames of 60000 x 50000; expected at most 268435456 pixels; encode the video again in a size that it "
      "needs, or mend its header");
}

TEST_F(HostileVideos, LargePicturesAreRead) {
  VideoReader reader(
      clip("large.mkv", {.codec = "mjpeg", .pixels = "yuvj420p", .width = 8000, .height = 4500, .frames = 1}));
  ASSERT_TRUE(reader.next());
  RgbImage image;
  reader.convert(image);
  ASSERT_EQ(image.pixels.size(), 108'000'000U);
  for (const auto& [x, y] : {std::pair(7999, 4499), std::pair(4000, 100), std::pair(7000, 4000)}) {
    const auto scene = testing::scene(0, x, y, 8000, 4500);
    for (std::size_t colour = 0; colour < 3; ++colour) {
      const auto at = 3 * (static_cast<std::size_t>(y) * 8000 + static_cast<std::size_t>(x)) + colour;
      EXPECT_NEAR(image.pixels[at], scene[colour], 8);
    }
  }
  EXPECT_FALSE(reader.next());
}

TEST_F(HostileVideos, AFileThatShrinksMeanwhileEnds) {
  const std::string whole = bytes_of("whole.mkv", {.codec = "ffv1", .frames = 60});
  const auto file = file_of("shrinks.mkv", whole);
  VideoReader reader(file);
  ASSERT_TRUE(reader.next());
  std::filesystem::resize_file(file, whole.size() / 2);
  while (reader.next()) {
  }
  EXPECT_GT(reader.frames(), 10);
  EXPECT_LT(reader.frames(), 60);
}

}  // namespace
}  // namespace alignment::io
