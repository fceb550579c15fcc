#include "io/formats/whole_file.hpp"

#include <fmt/format.h>

#include <fstream>
#include <system_error>

#include "io/errors.hpp"

namespace dejavid::io {

bool names_a_file(const std::filesystem::path& file) {
  std::error_code refused;
  return std::filesystem::is_regular_file(file, refused);
}

std::vector<char> read_whole_file(const std::filesystem::path& file) {
  std::error_code refused;
  const auto facts = std::filesystem::status(file, refused);
  if (facts.type() == std::filesystem::file_type::not_found) {
    throw StoreError(file.string() + ": found no such file; expected a file to read; check the path");
  }
  if (facts.type() == std::filesystem::file_type::none) {
    throw StoreError(
        fmt::format("{}: found {}; expected a file to read; check the path", file.string(), refused.message()));
  }
  if (facts.type() != std::filesystem::file_type::regular) {
    throw StoreError(file.string() + ": found no regular file; expected a file to read; check the path");
  }
  std::ifstream stream(file, std::ios::binary);
  std::vector<char> bytes(std::filesystem::file_size(file));
  if (!stream || !stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
    throw StoreError(file.string() + ": cannot be read; expected a readable file; check its permissions");
  }
  return bytes;
}

}  // namespace dejavid::io
