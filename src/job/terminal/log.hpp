#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace alignment {

void log_info(const std::string& line);
void log_warning(const std::string& line);
/// To the rank's file only.
void log_detail(const std::string& line);

enum class LogLevel : std::uint8_t { kDetail, kInfo, kWarning };

/// Where lines go from now on, in place of information and warnings to stderr (log_file.hpp).
void set_log(void (*write)(LogLevel level, const std::string& line));

/// While one lives, what this thread logs goes to `write` alone.
class LogOfThread {
 public:
  explicit LogOfThread(std::function<void(LogLevel, const std::string&)> write);
  ~LogOfThread();
  LogOfThread(const LogOfThread&) = delete;
  LogOfThread& operator=(const LogOfThread&) = delete;

 private:
  std::function<void(LogLevel, const std::string&)> write_;
  LogOfThread* before_;
  friend void log_to(LogLevel level, const std::string& line);
};

}  // namespace alignment
