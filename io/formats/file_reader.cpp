#include "io/formats/file_reader.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "io/errors.hpp"

namespace alignment::io {

FileReader::FileReader(std::filesystem::path file) : path_(std::move(file)) {
  std::error_code refused;
  const auto facts = std::filesystem::status(path_, refused);
  if (facts.type() == std::filesystem::file_type::not_found) {
    throw StoreError(path_.string() + ": found no such file; expected a file to read; check the path");
  }
  if (facts.type() == std::filesystem::file_type::none) {
    throw StoreError(
        fmt::format("{}: found {}; expected a file to read; check the path", path_.string(), refused.message()));
  }
  if (facts.type() != std::filesystem::file_type::regular) {
    throw StoreError(path_.string() + ": found no regular file; expected a file to read; check the path");
  }
  size_ = std::filesystem::file_size(path_);
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) {
    throw StoreError(path_.string() + ": cannot be read; expected a readable file; check its permissions");
  }
}

FileReader::~FileReader() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void FileReader::read(std::uint64_t at, std::span<char> destination) const {
  while (!destination.empty()) {
    const ssize_t count = ::pread(descriptor_, destination.data(), destination.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      throw StoreError(fmt::format("{}: cannot be read at byte {} ({}); expected a readable file; copy it again",
                                   path_.string(), at, std::generic_category().message(errno)));
    }
    if (count == 0) {
      throw StoreError(fmt::format("{}: found its end at byte {}; expected {} more bytes; copy the file again",
                                   path_.string(), at, destination.size()));
    }
    at += static_cast<std::uint64_t>(count);
    destination = destination.subspan(static_cast<std::size_t>(count));
  }
}

}  // namespace alignment::io
