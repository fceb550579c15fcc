#include "tests/fuzz/handmade_hdf5.hpp"

#include <cstdlib>
#include <stdexcept>

#include "tests/fuzz/target.hpp"

namespace dejavid::fuzz {

std::string bytes_of_file(void (*make)(const std::filesystem::path&)) {
  std::string folder = (std::filesystem::temp_directory_path() / "dejavid_seed_XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("mkdtemp failed: " + folder);
  const auto file = std::filesystem::path(folder) / "seed.h5";
  make(file);
  std::string bytes = read_output(file);
  std::filesystem::remove_all(folder);
  return bytes;
}

}  // namespace dejavid::fuzz
