#include "io/formats/whole_file.hpp"

#include <fstream>

#include "io/errors.hpp"

namespace dejavid::io {

std::vector<char> read_whole_file(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) {
    throw StoreError(file.string() + ": found no such file; expected a file to read; check the path");
  }
  if (!std::filesystem::is_regular_file(file)) {
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
