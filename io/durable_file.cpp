#include "io/durable_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "io/bytes/files_in_use.hpp"
#include "io/destination.hpp"
#include "io/errors.hpp"
#include "io/open_advice.hpp"

namespace alignment::io {
namespace {

/// A file descriptor, closed by its owner; close() tells whether that went well.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { static_cast<void>(close()); }
  [[nodiscard]] int get() const { return descriptor_; }
  bool close() {
    const int descriptor = std::exchange(descriptor_, -1);
    return descriptor < 0 || ::close(descriptor) == 0;
  }

 private:
  int descriptor_;
};

[[noreturn]] void refuse(const std::filesystem::path& path, std::string_view expected, int error) {
  throw WriteError(fmt::format("{}: found {} (errno {}); expected {}; {}", path.string(),
                               std::generic_category().message(error), error, expected,
                               open_advice(error, "check the folder, its permissions and its free space")));
}

[[noreturn]] void refuse_existing(const std::filesystem::path& file) {
  throw WriteError(
      fmt::format("{}: found an existing file; expected none; remove it or choose another name", file.string()));
}

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

void sync(const std::filesystem::path& path, int flags) {
  Descriptor descriptor(::open(path.c_str(), flags | O_CLOEXEC));  // NOLINT(cppcoreguidelines-pro-type-vararg)
  if (descriptor.get() < 0) refuse(path, "to open it for syncing", errno);
  // EINVAL: a file system that cannot sync a folder has nothing to sync.
  if (::fsync(descriptor.get()) != 0 && errno != EINVAL) refuse(path, "to sync it to disk", errno);
}

/// Makes `from` be `to`, where there is no `to` yet.
void rename_without_replacing(const std::filesystem::path& from, const std::filesystem::path& to,
                              const std::filesystem::path& name) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
  if (errno == EEXIST) refuse_existing(name);
  if (errno != EINVAL && errno != ENOSYS) refuse(name, "to rename the finished file", errno);
  // A file system (NFS) without that call: look, then rename.
  if (std::filesystem::exists(std::filesystem::symlink_status(to))) refuse_existing(name);
  if (::rename(from.c_str(), to.c_str()) != 0) refuse(name, "to rename the finished file", errno);
}

/// Gives a new file the rights of `file`, which it is to replace, where there is one; and its owner and group, where
/// this process may. Another group than that may do no more than everybody.
void keep_rights(const std::filesystem::path& file, int descriptor) {
  struct stat found = {};
  if (::stat(file.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return;
  constexpr auto kNobody = static_cast<uid_t>(-1);  // leaves the owner as it is
  const bool keeps_group =
      ::fchown(descriptor, found.st_uid, found.st_gid) == 0 || ::fchown(descriptor, kNobody, found.st_gid) == 0;
  constexpr mode_t kRights = S_IRWXU | S_IRWXG | S_IRWXO;
  mode_t rights = found.st_mode & kRights;
  if (!keeps_group) rights = (rights & (S_IRWXU | S_IRWXO)) | (rights & S_IRWXO) << 3U;
  static_cast<void>(::fchmod(descriptor, rights));
}

}  // namespace

DurableFile::DurableFile(std::filesystem::path file, Existing existing) : name_(std::move(file)), existing_(existing) {
  const FileInUse in_use(name_);
  file_ = regular_file(name_);
  std::error_code error;
  const auto status = std::filesystem::symlink_status(file_, error);
  if (existing_ == Existing::kRefuse && std::filesystem::exists(status)) refuse_existing(name_);
  constexpr int kAttempts = 100;  // names taken by another process of the same id on another host
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    temporary_ = file_;
    temporary_ += fmt::format(".{}-{}{}", ::getpid(), attempt, kUnfinished);
    Descriptor descriptor(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                                 0666));  // NOLINT(cppcoreguidelines-pro-type-vararg)
    if (descriptor.get() >= 0) {
      if (existing_ == Existing::kReplace) keep_rights(file_, descriptor.get());
      return;
    }
    if (errno != EEXIST) refuse(name_, "to make a file in its folder", errno);
  }
  refuse(name_, "a free temporary name beside it", EEXIST);
}

DurableFile::~DurableFile() {
  if (!committed_) ::unlink(temporary_.c_str());
}

void DurableFile::commit() {
  const FileInUse in_use(name_);
  sync(temporary_, O_RDONLY);
  if (existing_ == Existing::kRefuse) {
    rename_without_replacing(temporary_, file_, name_);
  } else if (::rename(temporary_.c_str(), file_.c_str()) != 0) {
    refuse(name_, "to rename the finished file", errno);
  }
  committed_ = true;
  sync(folder_of(file_), O_RDONLY | O_DIRECTORY);
}

void write_text(const std::filesystem::path& file, std::string_view text) {
  const FileInUse in_use(file);
  DurableFile durable(file, DurableFile::Existing::kReplace);
  Descriptor descriptor(
      ::open(durable.temporary().c_str(), O_WRONLY | O_CLOEXEC));  // NOLINT(cppcoreguidelines-pro-type-vararg)
  if (descriptor.get() < 0) refuse(file, "to write it", errno);
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor.get(), text.data(), text.size());
    if (written < 0 && errno != EINTR) refuse(file, "to write it", errno);
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (!descriptor.close()) refuse(file, "to write it", errno);
  durable.commit();
}

}  // namespace alignment::io
