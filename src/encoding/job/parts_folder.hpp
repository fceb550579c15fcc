#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace alignment::encoding {

/// Where a job keeps its parts: OUT.parts, in it a folder for each way to encode, so that no other's rows get in.
class PartsFolder {
 public:
  /// `settings`: all that rows depend on beside the video, in a few lines.
  PartsFolder(const std::filesystem::path& out, const std::string& settings);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// XXH64 of the settings, which is the folder's name.
  [[nodiscard]] std::uint64_t key() const { return key_; }
  /// OUT.parts
  [[nodiscard]] static std::filesystem::path above(const std::filesystem::path& out);
  [[nodiscard]] const std::filesystem::path& above() const { return above_; }
  /// Makes the folder, with a file that holds the settings. Throws io::WriteError.
  void make() const;
  /// Whether this process sees what rank 0 has made.
  [[nodiscard]] bool is_visible() const;
  /// Removes the folder with all parts. Throws io::WriteError.
  void remove() const;

 private:
  [[nodiscard]] std::filesystem::path settings_file() const { return path_ / "settings.txt"; }

  std::filesystem::path above_, path_;
  std::string settings_;
  std::uint64_t key_;
};

/// While it lives, no other job writes to the same output; it ends with the process.
class OutputLock {
 public:
  /// Makes `folder`/lock. Throws io::WriteError where another process holds it.
  explicit OutputLock(const std::filesystem::path& folder);
  /// Removes the file, and the folder where nothing else is in it.
  ~OutputLock();
  OutputLock(const OutputLock&) = delete;
  OutputLock& operator=(const OutputLock&) = delete;

 private:
  std::filesystem::path file_;
  int descriptor_ = -1;
};

}  // namespace alignment::encoding
