#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "io/bytes/content_kind.hpp"
#include "io/hdf5/input.hpp"

namespace alignment::io::hdf5 {
namespace {

std::string describe(int error) {
  return fmt::format("{} (errno {})", std::generic_category().message(error), error);
}

/// What the file system itself has against the file.
void require_readable(const std::filesystem::path& file, std::string_view kind) {
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0) {
    const int error = errno;
    if (error == ENOENT) throw Refusal(fmt::format(": found no such file; expected a {}; check the path", kind));
    throw Refusal(fmt::format(": found {}; expected a {}; check the path", describe(error), kind));
  }
  if (S_ISDIR(facts.st_mode)) throw Refusal(fmt::format(": found a folder; expected a {}; name the file in it", kind));
  if (!S_ISREG(facts.st_mode))
    throw Refusal(fmt::format(": found no regular file; expected a {}; check the path", kind));
  if (facts.st_size == 0)
    throw Refusal(fmt::format(": found 0 bytes; expected a {}; copy it again or make it again", kind));
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    throw Refusal(fmt::format(": found {}; expected to read it; check its permissions", describe(errno)));
  }
  ::close(descriptor);
}

[[noreturn]] void refuse_unopened(std::string_view kind) {
  const std::string reason = innermost_message();
  if (reason.find("lock") != std::string::npos && reason.find("errno") != std::string::npos) {
    throw Refusal(
        fmt::format(": found {}; expected to lock it for reading; wait until no program writes it, or where its file "
                    "system has no locks set HDF5_USE_FILE_LOCKING=FALSE",
                    reason));
  }
  if (reason.find("already open for write") != std::string::npos) {
    throw Refusal(
        fmt::format(": found a {} that its writer never closed; expected a finished one; make it again (its content "
                    "cannot be trusted, whatever tool reopens it)",
                    kind));
  }
  unsigned long long bytes = 0, expected = 0;
  const auto at = reason.find("eof = ");
  const auto stored = reason.find("stored_eof = ");
  if (at != std::string::npos && stored != std::string::npos &&
      std::sscanf(reason.c_str() + at, "eof = %llu", &bytes) == 1 &&
      std::sscanf(reason.c_str() + stored, "stored_eof = %llu", &expected) == 1) {
    throw Refusal(
        fmt::format(": found {} bytes; expected {} (cut short); copy it again or make it again", bytes, expected));
  }
  throw Refusal(fmt::format(": found damaged HDF5 ({}); expected a {}; copy it again or make it again", reason, kind));
}

[[noreturn]] void refuse_other_format(const std::filesystem::path& file, std::string_view kind,
                                      OtherFormatAdvice advice_on) {
  const Content content = content_of_file(file);
  const bool named = content.kind != ContentKind::kOther && content.kind != ContentKind::kHdf5;
  const std::string advice = advice_on == nullptr ? std::string() : advice_on(file, content.kind);
  throw Refusal(fmt::format(": found no HDF5 file{}{}; expected a {}; check the path, {}", named ? " but " : "",
                            named ? content.name : "", kind, advice.empty() ? "or copy it again" : advice));
}

}  // namespace

Handle open_for_reading(const std::filesystem::path& file, std::string_view kind, OtherFormatAdvice advice) {
  require_readable(file, kind);
  const htri_t is_hdf5 = H5Fis_hdf5(file.c_str());
  if (is_hdf5 < 0) refuse_unopened(kind);
  if (is_hdf5 == 0) refuse_other_format(file, kind, advice);
  const hid_t id = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (id < 0) refuse_unopened(kind);
  return {id, H5Fclose};
}

}  // namespace alignment::io::hdf5
