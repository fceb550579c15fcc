#include "src/job/terminal/log.hpp"

#include <utility>

#include "src/job/terminal/terminal.hpp"

namespace alignment {
namespace {

void write_to_terminal(LogLevel level, const std::string& line) {
  if (level != LogLevel::kDetail) terminal::write_line(line);
}

using Write = void (*)(LogLevel level, const std::string& line);
constinit Write write_line = write_to_terminal;
constinit thread_local LogOfThread* of_thread = nullptr;

}  // namespace

void log_to(LogLevel level, const std::string& line) {
  if (of_thread != nullptr) {
    of_thread->write_(level, line);
  } else {
    write_line(level, line);
  }
}

void set_log(void (*write)(LogLevel level, const std::string& line)) {
  write_line = write;
}

LogOfThread::LogOfThread(std::function<void(LogLevel, const std::string&)> write)
    : write_(std::move(write)), before_(std::exchange(of_thread, this)) {}

LogOfThread::~LogOfThread() {
  of_thread = before_;
}

void log_info(const std::string& line) {
  log_to(LogLevel::kInfo, line);
}
void log_warning(const std::string& line) {
  log_to(LogLevel::kWarning, line);
}
void log_detail(const std::string& line) {
  log_to(LogLevel::kDetail, line);
}

}  // namespace alignment
