// Apart, for those who hold their samples in memory and link no HDF5.
#include "io/store/store_file.hpp"
#include "io/store/tse_store.hpp"

namespace alignment::io {
namespace {

std::vector<std::unique_ptr<StorePart>> open(const std::vector<std::filesystem::path>& files) {
  std::vector<std::unique_ptr<StorePart>> parts;
  for (const auto& file : files) parts.push_back(std::make_unique<StoreFile>(file));
  return parts;
}

}  // namespace

TseStore::TseStore(const std::vector<std::filesystem::path>& files, ClassMatching matching)
    : TseStore(open(files), matching) {}

}  // namespace alignment::io
