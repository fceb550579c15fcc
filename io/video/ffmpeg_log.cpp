#include "io/video/ffmpeg_log.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <mutex>

#include "io/video/ffmpeg.hpp"

namespace alignment::io {
namespace {

constexpr std::size_t kLongestLine = 300;

thread_local std::string* kept_line = nullptr;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

void keep(void* /*context*/, int level, const char* format, std::va_list arguments) {
  if (level > AV_LOG_ERROR || kept_line == nullptr || !kept_line->empty()) return;
  std::array<char, kLongestLine> text{};
  if (std::vsnprintf(text.data(), text.size(), format, arguments) < 0) return;
  for (const char* character = text.data(); *character != '\0'; ++character) {
    kept_line->push_back(*character >= ' ' && *character <= '~' ? *character : ' ');  // bytes of the file among them
  }
  while (!kept_line->empty() && (kept_line->back() == ' ' || kept_line->back() == '.')) kept_line->pop_back();
}

}  // namespace

FfmpegLog::FfmpegLog() {
  static std::once_flag once;
  std::call_once(once, [] { av_log_set_callback(keep); });
  first_line_.reserve(kLongestLine);  // nothing may be thrown through FFmpeg, which calls back
  kept_line = &first_line_;
}

FfmpegLog::~FfmpegLog() {
  kept_line = nullptr;
}

std::string FfmpegLog::reason(int error) const {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(error, text.data(), text.size());
  return fmt::format("FFmpeg says: {}{}{}", text.data(), first_line_.empty() ? "" : ", ", first_line_);
}

}  // namespace alignment::io
