#include "io/video/video_input.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "io/bytes/files_in_use.hpp"
#include "io/bytes/utf8.hpp"
#include "io/video/video_error.hpp"

namespace alignment::io {
namespace {

constexpr int kBufferBytes = 1 << 16;
constexpr const char* kExpected = "expected a video file; check the path";

/// Text that is a picture or a list to FFmpeg, but no video: formats that draw characters, and those that name files.
constexpr std::array<std::string_view, 11> kNoVideos{"tty", "bin",  "xbin",   "adf", "idf", "concat",
                                                     "hls", "dash", "image2", "imf", "sdp"};

/// Nothing but the file itself is ever opened.
int refuse_to_open(AVFormatContext* /*format*/, AVIOContext** /*bytes*/, const char* /*url*/, int /*flags*/,
                   AVDictionary** /*options*/) {
  return AVERROR(EACCES);
}

std::string_view what_is(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

}  // namespace

VideoInput::VideoInput(std::filesystem::path file, const FfmpegLog& log, EditList edit_list) : file_(std::move(file)) {
  try {
    const FileInUse in_use(file_);
    open_file();
    open_container(log, edit_list);
  } catch (...) {
    close();
    throw;
  }
}

VideoInput::~VideoInput() {
  close();
}

void VideoInput::close() noexcept {
  if (format_ != nullptr) avformat_close_input(&format_);
  if (bytes_ != nullptr) {
    av_freep(&bytes_->buffer);
    avio_context_free(&bytes_);
  }
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void VideoInput::open_file() {
  // Not waited for: the open of a pipe without a writer would be.
  descriptor_ = ::open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);  // NOLINT(*-vararg)
  if (descriptor_ < 0) {
    if (errno == ENXIO) throw VideoError(fmt::format("found a socket; {}", kExpected));
    const int error = errno;
    std::error_code no_link;
    const std::filesystem::path target = std::filesystem::read_symlink(file_, no_link);
    const std::string found = error != ENOENT ? std::generic_category().message(error)
                              : no_link       ? "no such file"
                                              : fmt::format("a link to nothing, {}", printable(target.string()));
    throw UnreadableVideo(fmt::format("found {}; {} and its permissions", found, kExpected));
  }
  struct stat facts {};
  if (::fstat(descriptor_, &facts) != 0) {
    throw UnreadableVideo(fmt::format("found {}; {}", std::generic_category().message(errno), kExpected));
  }
  if (!S_ISREG(facts.st_mode)) throw VideoError(fmt::format("found {}; {}", what_is(facts.st_mode), kExpected));
  if (facts.st_size == 0) throw VideoError("found an empty file; expected a video; copy it again");
  size_ = facts.st_size;
}

void VideoInput::open_container(const FfmpegLog& log, EditList edit_list) {
  auto* buffer = static_cast<unsigned char*>(allocated(av_malloc(kBufferBytes)));
  bytes_ = avio_alloc_context(buffer, kBufferBytes, 0, this, read, nullptr, seek);
  if (bytes_ == nullptr) av_free(buffer);
  allocated(bytes_);

  const AVInputFormat* kind = nullptr;
  const int probed = av_probe_input_buffer2(bytes_, &kind, "", nullptr, 0, 0);
  require_readable();
  require_memory(probed);
  if (probed < 0 || kind == nullptr) {
    throw VideoError(
        fmt::format("found no video ({}); expected a video file; check that it is one and whole", log.reason(probed)));
  }
  const std::string_view name = kind->name;
  if (std::find(kNoVideos.begin(), kNoVideos.end(), name.substr(0, name.find(','))) != kNoVideos.end()) {
    throw VideoError(
        fmt::format("found text or a list of files (FFmpeg's format {}); expected a video file; "
                    "name the video itself",
                    name));
  }

  format_ = allocated(avformat_alloc_context());
  format_->pb = bytes_;
  format_->io_open = refuse_to_open;
  // The demuxers of playlists that go round io_open ask this list.
  format_->protocol_whitelist = allocated(av_strdup("none"));
  AVDictionary* options = nullptr;
  if (edit_list == EditList::kIgnored) av_dict_set_int(&options, "ignore_editlist", 1, 0);
  const int opened = avformat_open_input(&format_, "", kind, &options);  // frees format_ where it fails
  av_dict_free(&options);
  require_readable();
  require_memory(opened);
  if (opened < 0) {
    throw VideoError(fmt::format("found a damaged or cut {} file ({}); expected a whole one; copy it again", name,
                                 log.reason(opened)));
  }
}

void VideoInput::require_readable() const {
  if (error_ == 0) return;
  throw UnreadableVideo(fmt::format("found {} (errno {}); expected a readable file; copy it again",
                                    std::generic_category().message(error_), error_));
}

void VideoInput::require_memory(int result) {
  if (result != AVERROR(ENOMEM)) return;
  throw UnreadableVideo(
      "found no memory for what the file says it holds; expected enough; run fewer threads a host, or, if it is alone "
      "with that, leave the video out");
}

int VideoInput::read(void* input, std::uint8_t* bytes, int count) {
  auto& self = *static_cast<VideoInput*>(input);
  const FileInUse in_use(self.file_);
  for (;;) {
    const ssize_t got = ::read(self.descriptor_, bytes, static_cast<std::size_t>(count));
    if (got > 0) return static_cast<int>(got);
    if (got == 0) return AVERROR_EOF;
    if (errno == EINTR) continue;
    self.error_ = errno;
    return AVERROR(errno);
  }
}

std::int64_t VideoInput::seek(void* input, std::int64_t offset, int origin) {
  const auto& self = *static_cast<VideoInput*>(input);
  if ((origin & AVSEEK_SIZE) != 0) return self.size_;
  const off_t at = ::lseek(self.descriptor_, offset, origin & ~AVSEEK_FORCE);
  return at < 0 ? AVERROR(errno) : at;
}

}  // namespace alignment::io
