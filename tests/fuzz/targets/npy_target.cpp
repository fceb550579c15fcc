#include "io/errors.hpp"
#include "io/formats/python/npy_file.hpp"
#include "tests/fuzz/matrix_promise.hpp"

namespace alignment::fuzz {

const char* const kFormat = "npy";

namespace {

/// What numpy.save writes; `major` is its format.
std::string npy(int major, const std::string& dict, std::string_view data) {
  std::string header = dict;
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  while ((8 + length_bytes + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string file("\x93NUMPY", 6);
  file += static_cast<char>(major);
  file += '\0';
  for (std::size_t byte = 0; byte < length_bytes; ++byte)
    file += static_cast<char>(static_cast<unsigned char>(header.size() >> (8 * byte) & 0xFFU));
  return file + header + std::string(data);
}

std::string floats(std::initializer_list<float> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(float)};
}
std::string doubles(std::initializer_list<double> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(double)};
}

}  // namespace

std::vector<std::string> seeds() {
  return {
      npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", floats({1, 2, 3, 4, 5, 6})),
      npy(2, "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 2), }", doubles({1, -2, 3, 1e10})),
      npy(3, "{'descr': '>f2', 'fortran_order': False, 'shape': (1, 4), }", std::string("\x3C\0\x40\0\x42\0\x44\0", 8)),
  };
}

bool reads(std::string_view input, const std::filesystem::path& folder) {
  const auto file = folder / "input.npy";
  write_input(file, input);
  return returns<io::StoreError, io::NotFiniteError>(file, [&] {
    const auto matrix = io::read_npy(file);
    require_shape(matrix);
  });
}

}  // namespace alignment::fuzz
