#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace alignment {

/// The processor's name as the kernel gives it, or "unknown".
[[nodiscard]] std::string processor_model();

/// Type and mount point of the file system that holds `path` (or would, once made): "ext4 on /home".
[[nodiscard]] std::string file_system_of(const std::filesystem::path& path);

/// The folder itself, or the nearest one above it that exists; "." for one that lies in a working folder that was
/// removed.
[[nodiscard]] std::filesystem::path nearest_existing_folder(const std::filesystem::path& folder);

/// The words that this process was started with.
[[nodiscard]] std::vector<std::string> process_command_line();

}  // namespace alignment
