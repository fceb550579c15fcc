#pragma once

#include <cstdint>
#include <filesystem>

namespace alignment::io {

/// What the name of an output leads to, with every link followed.
struct Destination {
  enum class Kind : std::uint8_t {
    kRegularFile,  ///< `file`, which need not exist yet
    kSpecialFile,  ///< `file` is a pipe, a device or a socket
    kOpenFile      ///< `descriptor`, which this process was started with
  };
  Kind kind = Kind::kRegularFile;
  std::filesystem::path file;
  int descriptor = -1;
  const char* what = "a file";  ///< for messages
};

/// "-" and the names of open files (/dev/stdout, /dev/fd/N, /proc/self/fd/N) lead to what is open; what a shell has
/// opened is never opened anew or replaced. Throws WriteError where the name leads to a folder, to links without an
/// end, or to an open file that is none.
[[nodiscard]] Destination destination_of(const std::filesystem::path& name);

/// The file that `name` leads to, which need not exist. Throws WriteError where that is no regular file.
[[nodiscard]] std::filesystem::path regular_file(const std::filesystem::path& name);

}  // namespace alignment::io
