#include "tests/fuzz/target.hpp"

#include <fstream>
#include <iterator>

namespace alignment::fuzz {

void write_input(const std::filesystem::path& file, std::string_view input) {
  std::filesystem::remove(file);  // another inode: HDF5 must not take it for one that it has open
  std::ofstream stream(file, std::ios::binary);
  stream.write(input.data(), static_cast<std::streamsize>(input.size()));
  stream.close();
  if (!stream) throw std::runtime_error("cannot write " + file.string());
}

std::string read_output(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void require_good_message(const std::filesystem::path& file, std::string_view message) {
  if (!message.starts_with(file.string() + ":"))
    throw BrokenPromise("a message that does not begin with the file: " + std::string(message));
  for (const char letter : message) {
    if (static_cast<unsigned char>(letter) < 0x20)
      throw BrokenPromise("a message with control characters: " + std::string(message));
  }
}

}  // namespace alignment::fuzz
