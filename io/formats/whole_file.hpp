#pragma once

#include <filesystem>
#include <vector>

namespace dejavid::io {

/// The bytes of a file. Throws StoreError where it is missing, no regular file, or cannot be read.
[[nodiscard]] std::vector<char> read_whole_file(const std::filesystem::path& file);

}  // namespace dejavid::io
