#include "io/formats/whole_file.hpp"

#include <system_error>

#include "io/formats/file_reader.hpp"

namespace alignment::io {

bool names_a_file(const std::filesystem::path& file) {
  std::error_code refused;
  return std::filesystem::is_regular_file(file, refused);
}

std::vector<char> read_whole_file(const std::filesystem::path& file) {
  const FileReader reader(file);
  std::vector<char> bytes(reader.size());
  reader.read(0, bytes);
  return bytes;
}

}  // namespace alignment::io
