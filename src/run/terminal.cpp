#include "src/run/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <string>

namespace dejavid::terminal {
namespace {

constexpr std::string_view kEraseLine = "\r\033[K";

std::mutex mutex;
bool bar_is_drawn = false;

/// One call, so that the lines of several ranks do not mix. A standard error that cannot be written has nowhere to
/// report it.
void write(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

bool is_terminal() {
  return isatty(STDERR_FILENO) == 1;
}

int width() {
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

void write_line(std::string_view line) {
  const std::lock_guard lock(mutex);
  std::string text(bar_is_drawn ? kEraseLine : "");
  bar_is_drawn = false;
  text += line;
  text += '\n';
  write(text);
}

void draw_bar(std::string_view bar) {
  const std::lock_guard lock(mutex);
  bar_is_drawn = true;
  write(std::string(kEraseLine) += bar);
}

void erase_bar() {
  const std::lock_guard lock(mutex);
  if (bar_is_drawn) write(std::string(kEraseLine));
  bar_is_drawn = false;
}

}  // namespace dejavid::terminal
