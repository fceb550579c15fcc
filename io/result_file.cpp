#include "io/result_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "io/bytes/utf8.hpp"
#include "io/durable_file.hpp"
#include "io/errors.hpp"

namespace alignment::io {
namespace {

/// 0, or the errno of the write that failed.
int write_all(int descriptor, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written > 0) content.remove_prefix(static_cast<std::size_t>(written));
    if (written >= 0 || errno == EINTR) continue;
    if (errno != EAGAIN) return errno;
    pollfd room{descriptor, POLLOUT, 0};  // whoever opened it does not wait; we do
    static_cast<void>(::poll(&room, 1, -1));
  }
  return 0;
}

[[noreturn]] void refuse(const std::string& name, int error, std::string_view expected) {
  throw WriteError(fmt::format("{}: found {} (errno {}); expected {}; check where it leads and its free space", name,
                               std::generic_category().message(error), error, expected));
}

void write_special_file(const std::filesystem::path& file, const std::string& name, std::string_view content) {
  int descriptor = -1;
  do {
    descriptor = ::open(file.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC);  // NOLINT(cppcoreguidelines-pro-type-vararg)
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) refuse(name, errno, "to open it for writing");
  const int error = write_all(descriptor, content);
  const int closing_error = ::close(descriptor) == 0 ? 0 : errno;
  if (error != 0 || closing_error != 0) refuse(name, error != 0 ? error : closing_error, "to write it");
}

}  // namespace

ResultFile::ResultFile(std::filesystem::path name, const std::vector<std::filesystem::path>& inputs)
    : name_(std::move(name)), destination_(destination_of(name_)) {
  for (const std::filesystem::path& input : inputs) {
    std::error_code absent;  // what does not exist is not replaced
    if (std::filesystem::equivalent(name_, input, absent)) {
      throw WriteError(
          fmt::format("{}: found an input of this command; expected a file of its own for the output; "
                      "choose another name",
                      name_.string()));
    }
  }
  if (is_regular()) DurableFile(name_, DurableFile::Existing::kReplace);  // made and removed again
}

std::string ResultFile::text() const {
  return is_standard_output() ? "standard output" : printable(name_.string());
}

bool ResultFile::is_standard_output() const {
  return destination_.kind == Destination::Kind::kOpenFile && destination_.descriptor == STDOUT_FILENO;
}

void ResultFile::write(std::string_view content) const {
  if (is_standard_output()) return write_standard_output(content);
  switch (destination_.kind) {
    case Destination::Kind::kRegularFile:
      return write_text(name_, content);
    case Destination::Kind::kSpecialFile:
      return write_special_file(destination_.file, text(), content);
    case Destination::Kind::kOpenFile:
      if (const int error = write_all(destination_.descriptor, content)) refuse(text(), error, "to write it");
  }
}

void write_standard_output(std::string_view text) {
  const int error = write_all(STDOUT_FILENO, text);
  if (error != 0 && error != EPIPE) refuse("standard output", error, "to print there");
}

}  // namespace alignment::io
