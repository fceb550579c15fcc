#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace alignment::io {

/// How the name of a file ends whose writer has not finished it.
inline constexpr const char* kUnfinished = ".partial";

/// A regular file written under a temporary name beside its own, and renamed when it is whole. A link stays: what it
/// leads to is the file.
///
/// The constructor makes the temporary file, empty, so that a folder that cannot be written is met before any work is
/// done. commit(): fsync of the file, rename, fsync of the folder, in that order; without it the destructor removes the
/// temporary. A file that is replaced hands on its rights, and its owner where this process may. The writer itself
/// (HDF5, a stream) writes to temporary() and closes it before commit(). With Existing::kRefuse a file that has
/// appeared meanwhile is not replaced either. Throws WriteError.
class DurableFile {
 public:
  enum class Existing { kRefuse, kReplace };
  DurableFile(std::filesystem::path file, Existing existing);
  ~DurableFile();
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;

  [[nodiscard]] const std::filesystem::path& temporary() const { return temporary_; }
  void commit();

 private:
  std::filesystem::path name_, file_, temporary_;  ///< as given; with links followed; beside that
  Existing existing_;
  bool committed_ = false;
};

/// Writes `text` to `file` durably, replacing what was there. Throws WriteError.
void write_text(const std::filesystem::path& file, std::string_view text);

}  // namespace alignment::io
