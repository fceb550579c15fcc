#pragma once

#include <string>

namespace alignment::io {

/// Nothing that FFmpeg logs reaches stderr from the first one on; while one lives, the errors that its thread meets
/// are kept instead. One at a time a thread.
class FfmpegLog {
 public:
  FfmpegLog();
  ~FfmpegLog();
  FfmpegLog(const FfmpegLog&) = delete;
  FfmpegLog& operator=(const FfmpegLog&) = delete;

  /// `FFmpeg says: what error code and log say`, in one line.
  [[nodiscard]] std::string reason(int error) const;

 private:
  std::string first_line_;  ///< of the errors logged, which is the cause of those that follow
};

}  // namespace alignment::io
