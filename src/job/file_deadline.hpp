#pragma once

#include <chrono>

#include "dist/watch/watchdog.hpp"
#include "io/bytes/files_in_use.hpp"

namespace alignment {

/// While the result lives, this rank waits for a file system: where that takes longer than `timeout`, the process ends
/// with 14 and a line that says `work` (a literal) and which files were in use.
[[nodiscard]] inline dist::Deadline waiting_for_files(const char* work, std::chrono::duration<double> timeout) {
  return {dist::Awaited::kFileSystem, work, timeout, io::files_in_use};
}

}  // namespace alignment
