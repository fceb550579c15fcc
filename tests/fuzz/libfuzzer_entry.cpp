// What libFuzzer calls. `fuzz_FORMAT --write-seeds FOLDER` writes the seeds that its corpus begins with.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/target.hpp"

namespace {

/// Inputs of one process; libFuzzer's workers are processes.
struct Folder {
  std::filesystem::path path;
  Folder() : path((std::filesystem::temp_directory_path() / ("dejavid_fuzz_" + std::to_string(getpid()))).string()) {
    std::filesystem::create_directories(path);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argument_count, char*** arguments) {
  if (*argument_count != 3 || std::string_view((*arguments)[1]) != "--write-seeds") return 0;
  const std::filesystem::path folder((*arguments)[2]);
  std::filesystem::create_directories(folder);
  int number = 0;
  for (const auto& seed : alignment::fuzz::seeds())
    alignment::fuzz::write_input(folder / ("seed-" + std::to_string(number++)), seed);
  std::exit(0);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  static_cast<void>(alignment::fuzz::reads({reinterpret_cast<const char*>(data), size}, folder.path));
  return 0;
}
