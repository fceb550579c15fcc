#include "tests/fuzz/handmade_hdf5.hpp"

#include <cstdlib>
#include <stdexcept>

#include "tests/fuzz/target.hpp"

namespace alignment::fuzz {

std::string bytes_of_file(void (*make)(const std::filesystem::path&)) {
  const std::filesystem::path memory = "/dev/shm";  // where syncing costs nothing
  const auto parent = std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
  std::string folder = (parent / "dejavid_seed_XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("mkdtemp failed: " + folder);
  const auto file = std::filesystem::path(folder) / "seed.h5";
  make(file);
  std::string bytes = read_output(file);
  std::filesystem::remove_all(folder);
  return bytes;
}

}  // namespace alignment::fuzz
