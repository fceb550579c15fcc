#include "src/encoding/job/parts_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <system_error>

#include "dist/topology.hpp"
#include "io/bytes/digest.hpp"
#include "io/bytes/files_in_use.hpp"
#include "io/destination.hpp"
#include "io/durable_file.hpp"
#include "io/errors.hpp"
#include "io/result_folder.hpp"

namespace alignment::encoding {
namespace {

namespace fs = std::filesystem;

bool is_same_file(int descriptor, const fs::path& file) {
  struct stat open_file {
  }, named_file{};
  return ::fstat(descriptor, &open_file) == 0 && ::stat(file.c_str(), &named_file) == 0 &&
         open_file.st_ino == named_file.st_ino && open_file.st_dev == named_file.st_dev;
}

/// What the holder of a lock says of itself.
std::string holder_of(int descriptor) {
  std::array<char, 256> text{};
  const ssize_t count = ::pread(descriptor, text.data(), text.size(), 0);
  return count > 0 ? std::string(text.data(), static_cast<std::size_t>(count)) : "another process";
}

}  // namespace

PartsFolder::PartsFolder(const fs::path& out, const std::string& settings)
    : settings_(settings), key_(io::digest_of(std::span<const char>(settings))) {
  above_ = above(out);
  path_ = above_ / fmt::format("{:016x}", key_);
}

fs::path PartsFolder::above(const fs::path& out) {
  fs::path folder = io::regular_file(out);
  folder += ".parts";
  return folder;
}

void PartsFolder::make() const {
  io::make_result_folder(path_);
  io::write_text(settings_file(), settings_);
}

bool PartsFolder::is_visible() const {
  std::error_code unknown;
  return fs::is_regular_file(settings_file(), unknown);
}

void PartsFolder::remove() const {
  const io::FileInUse in_use(path_);
  std::error_code error;
  fs::remove_all(path_, error);
  if (error) {
    throw io::WriteError(fmt::format("{}: found {}; expected to remove what is not needed any more; remove the folder",
                                     path_.string(), error.message()));
  }
}

OutputLock::OutputLock(const fs::path& folder) : file_(folder / "lock") {
  const io::FileInUse in_use(file_);
  constexpr int kTries = 100;
  for (int tries = 1;; ++tries) {
    io::make_result_folder(folder);
    // No link is followed: one that points nowhere would never be there.
    descriptor_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor_ < 0 && errno == ENOENT && tries < kTries) continue;  // removed again by a job that has ended
    const bool locked = descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
    const int error = errno;
    if (!locked) {
      const std::string holder = descriptor_ >= 0 && error == EWOULDBLOCK ? holder_of(descriptor_) : "";
      if (descriptor_ >= 0) ::close(descriptor_);
      throw io::WriteError(
          holder.empty()
              ? fmt::format("{}: found {} (errno {}); expected to lock it; check the folder and its permissions",
                            file_.string(), std::generic_category().message(error), error)
              : fmt::format("{}: found that {} writes to the same output; expected one job an output; wait for it, or "
                            "choose another --out",
                            file_.string(), holder));
    }
    if (is_same_file(descriptor_, file_)) break;
    ::close(descriptor_);
  }
  const std::string text = fmt::format("process {} on {}", ::getpid(), dist::host_name());
  const bool said = ::ftruncate(descriptor_, 0) == 0 &&
                    ::pwrite(descriptor_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
  static_cast<void>(said);  // a full disk: who is refused then reads less
}

OutputLock::~OutputLock() {
  std::error_code in_use;
  fs::remove(file_, in_use);
  fs::remove(file_.parent_path(), in_use);  // only where it is empty
  ::close(descriptor_);
}

}  // namespace alignment::encoding
