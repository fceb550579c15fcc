#pragma once

#include <filesystem>
#include <string>

namespace alignment::io {

/// While one lives, its thread is inside calls of the system or of HDF5 that work on `file`, which must outlive it.
class FileInUse {
 public:
  explicit FileInUse(const std::filesystem::path& file);
  explicit FileInUse(std::filesystem::path&&) = delete;
  ~FileInUse();
  FileInUse(const FileInUse&) = delete;
  FileInUse& operator=(const FileInUse&) = delete;

 private:
  const std::filesystem::path* file_;
};

/// The files in use in this process, comma-separated, the longest in use first; empty where there is none. A thread
/// that waits for its turn in HDF5 has not registered its file yet. So where a process hangs, these are the files that
/// hang, not those that wait for them.
[[nodiscard]] std::string files_in_use();

}  // namespace alignment::io
