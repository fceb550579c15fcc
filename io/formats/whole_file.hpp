#pragma once

#include <filesystem>
#include <vector>

namespace alignment::io {

/// The bytes of a file. Throws StoreError where it is missing, no regular file, or cannot be read.
[[nodiscard]] std::vector<char> read_whole_file(const std::filesystem::path& file);

/// False also for a path that the system refuses to look up (too long, not permitted).
[[nodiscard]] bool names_a_file(const std::filesystem::path& file);

}  // namespace alignment::io
