#include "io/integer_arrays.hpp"

#include "io/errors.hpp"
#include "io/hdf5/crash_guard.hpp"
#include "io/hdf5/input.hpp"

namespace alignment::io {

std::vector<IntegerArray> read_integer_arrays(const std::filesystem::path& file, const char* kind,
                                              const std::vector<std::string>& names) {
  try {
    const hdf5::LibraryLock lock(file);
    const CrashGuard guard(file, GuardedFile::kStore);
    const hdf5::Handle opened = hdf5::open_for_reading(file, kind);
    const hdf5::Handle root = hdf5::owned(H5Gopen2(opened.get(), "/", H5P_DEFAULT), H5Gclose, "", "opening its root");
    std::vector<IntegerArray> arrays;
    for (const std::string& name : names) {
      const hdf5::Dataset dataset = hdf5::open_dataset(root, name);
      arrays.push_back({dataset.shape, hdf5::read_integers(dataset)});
    }
    return arrays;
  } catch (const hdf5::Refusal& refusal) {
    throw StoreError(file.string() + refusal.what());
  }
}

}  // namespace alignment::io
