#include "src/run/standard_output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <system_error>

#include "io/errors.hpp"

namespace dejavid {

void prepare_standard_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    if (::fcntl(stream, F_GETFD) >= 0) continue;  // NOLINT(cppcoreguidelines-pro-type-vararg)
    // The lowest free number is this one. Opened the wrong way round, so that its use fails as before.
    static_cast<void>(::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY));  // NOLINT(*-vararg)
  }
}

void print_result(std::string_view text) {
  errno = 0;
  const bool printed = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!printed || std::ferror(stdout) != 0) {
    throw io::WriteError(fmt::format(
        "standard output: found {} (errno {}); expected to print there; check where it leads and its free space",
        std::generic_category().message(errno), errno));
  }
}

}  // namespace dejavid
