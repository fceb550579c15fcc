#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace alignment::io {

/// A file open for reading at any place.
class FileReader {
 public:
  /// Throws StoreError where it is missing, no regular file, or cannot be opened.
  explicit FileReader(std::filesystem::path file);
  ~FileReader();
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Bytes in the file when it was opened.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Fills `destination` with the bytes from `at` on. Throws StoreError where the file ends before, or cannot be read.
  void read(std::uint64_t at, std::span<char> destination) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace alignment::io
