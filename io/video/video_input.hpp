#pragma once

#include <cstdint>
#include <filesystem>

#include "io/video/ffmpeg.hpp"
#include "io/video/ffmpeg_log.hpp"

namespace alignment::io {

/// A video file opened for FFmpeg, which gets its bytes and never its name: so no name is taken for a pattern or an
/// address, what a file is is told by its content, and a playlist cannot make FFmpeg open anything else.
class VideoInput {
 public:
  /// Of an MP4 or MOV: its edit list says which of the coded frames are seen.
  enum class EditList : std::uint8_t { kFollowed, kIgnored };

  /// Throws VideoError where there is no regular file, or one that holds no container that FFmpeg knows;
  /// UnreadableVideo where it cannot be opened or read.
  VideoInput(std::filesystem::path file, const FfmpegLog& log, EditList edit_list = EditList::kFollowed);
  ~VideoInput();
  VideoInput(const VideoInput&) = delete;
  VideoInput& operator=(const VideoInput&) = delete;

  [[nodiscard]] AVFormatContext& format() const { return *format_; }

  /// Throws UnreadableVideo where the disk failed so far, which FFmpeg takes for the file's end in places.
  void require_readable() const;

  /// Throws UnreadableVideo where `result`, one of FFmpeg's, says that memory was short.
  static void require_memory(int result);

 private:
  void open_file();
  void open_container(const FfmpegLog& log, EditList edit_list);
  void close() noexcept;
  static int read(void* input, std::uint8_t* bytes, int count);
  static std::int64_t seek(void* input, std::int64_t offset, int origin);

  std::filesystem::path file_;
  int descriptor_ = -1;
  int error_ = 0;  ///< errno of the read that failed
  std::int64_t size_ = 0;
  AVIOContext* bytes_ = nullptr;
  AVFormatContext* format_ = nullptr;
};

}  // namespace alignment::io
