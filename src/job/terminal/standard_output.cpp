#include "src/job/terminal/standard_output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

namespace alignment {

void prepare_standard_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    if (::fcntl(stream, F_GETFD) >= 0) continue;  // NOLINT(cppcoreguidelines-pro-type-vararg)
    // The lowest free number is this one. Opened the wrong way round, so that its use fails as before.
    static_cast<void>(::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY));  // NOLINT(*-vararg)
  }
}

}  // namespace alignment
