#pragma once

#include <filesystem>

namespace alignment::bench {

/// A new folder under the system's temporary one ($TMPDIR, else /tmp), removed with everything in it. Throws
/// io::WriteError.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace alignment::bench
