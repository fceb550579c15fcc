#include "io/destination.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "io/errors.hpp"

namespace alignment::io {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;  // as the kernel has it

[[noreturn]] void refuse(const fs::path& name, std::string_view found, std::string_view expected) {
  throw WriteError(fmt::format("{}: found {}; expected {}; choose another name", name.string(), found, expected));
}

std::optional<int> number_in(std::string_view digits) {
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() && end == digits.data() + digits.size() ? std::optional(number) : std::nullopt;
}

/// Whether `folder` is where the kernel lists the open files of this process, of itself or of one of its threads.
bool lists_open_files(const fs::path& folder) {
  std::error_code absent;
  const std::string text = fs::canonical(folder, absent).string();
  const std::string own = fmt::format("/proc/{}/", ::getpid());
  return !absent && text.starts_with(own) && text.ends_with("/fd");
}

std::optional<int> open_file(const fs::path& name) {
  // By their text first: a container's /dev may lack them, and root would make a file of that name.
  if (name == "-" || name == "/dev/stdout") return STDOUT_FILENO;
  if (name == "/dev/stderr") return STDERR_FILENO;
  const std::optional<int> number = number_in(name.filename().string());
  if (!number || !name.has_parent_path()) return std::nullopt;
  return name.parent_path() == "/dev/fd" || lists_open_files(name.parent_path()) ? number : std::nullopt;
}

const char* what_is(mode_t mode) {
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

}  // namespace

Destination destination_of(const fs::path& name) {
  fs::path file = name;
  for (int links = 0; links <= kMostLinks; ++links) {
    if (const std::optional<int> descriptor = open_file(file)) {
      if (::fcntl(*descriptor, F_GETFD) < 0) {  // NOLINT(cppcoreguidelines-pro-type-vararg)
        refuse(name, "no open file of that number", "one that this process was started with");
      }
      const bool standard = *descriptor == STDOUT_FILENO;
      return {Destination::Kind::kOpenFile, file, *descriptor, standard ? "standard output" : "an open file"};
    }
    struct stat found {};
    // What cannot even be looked at is reported by who opens it.
    if (::lstat(file.c_str(), &found) != 0 || S_ISREG(found.st_mode)) return {Destination::Kind::kRegularFile, file};
    if (S_ISDIR(found.st_mode)) refuse(name, "a folder", "the name of a file");
    if (!S_ISLNK(found.st_mode)) return {Destination::Kind::kSpecialFile, file, -1, what_is(found.st_mode)};
    std::error_code unreadable;
    const fs::path target = fs::read_symlink(file, unreadable);
    if (unreadable) refuse(name, "a link that cannot be read: " + unreadable.message(), "the name of a file");
    file = file.parent_path() / target;  // which is `target` where that is absolute
  }
  refuse(name, "links that lead in a circle", "the name of a file");
}

fs::path regular_file(const fs::path& name) {
  const Destination destination = destination_of(name);
  if (destination.kind != Destination::Kind::kRegularFile) {
    refuse(name, destination.what, "the name of a regular file, since it is not written from front to back");
  }
  return destination.file;
}

}  // namespace alignment::io
