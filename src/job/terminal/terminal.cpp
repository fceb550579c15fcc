#include "src/job/terminal/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>

namespace alignment::terminal {
namespace {

std::mutex mutex;
std::size_t columns_drawn = 0;  ///< of the bar; 0 where there is none

/// One call, so that the lines of several ranks do not mix. A standard error that cannot be written has nowhere to
/// report it.
void write(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

/// What takes the bar away, if there is one: an escape, or spaces over it.
std::string erasing() {
  if (columns_drawn == 0) return "";
  return takes_escapes() ? "\r\033[K" : '\r' + std::string(columns_drawn, ' ') + '\r';
}

}  // namespace

bool is_terminal() {
  return isatty(STDERR_FILENO) == 1;
}

bool takes_escapes() {
  const char* term = std::getenv("TERM");
  const char* no_color = std::getenv("NO_COLOR");
  const bool plain = no_color != nullptr && *no_color != '\0';
  return is_terminal() && term != nullptr && *term != '\0' && std::string_view(term) != "dumb" && !plain;
}

int width() {
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

int page_columns() {
  constexpr int kLeast = 40, kOtherwise = 100;
  const char* wanted = std::getenv("COLUMNS");
  if (const int columns = wanted ? std::atoi(wanted) : 0; columns > 0) return std::max(columns, kLeast);
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? std::max(static_cast<int>(size.ws_col), kLeast) : kOtherwise;
}

void write_line(std::string_view line) {
  const std::lock_guard lock(mutex);
  std::string text = erasing();
  columns_drawn = 0;
  text += line;
  text += '\n';
  write(text);
}

void draw_bar(std::string_view bar) {
  const std::lock_guard lock(mutex);
  const std::string text = erasing() += bar;
  columns_drawn = bar.size();
  write(text);
}

void erase_bar() {
  const std::lock_guard lock(mutex);
  if (columns_drawn > 0) write(erasing());
  columns_drawn = 0;
}

}  // namespace alignment::terminal
