#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace alignment::io {

/// An array of whole numbers, row-major.
struct IntegerArray {
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> values;
};

/// The datasets of these names, of integers of any width, in an HDF5 file that others have made; `kind` ("plan file")
/// is for messages. Throws StoreError.
[[nodiscard]] std::vector<IntegerArray> read_integer_arrays(const std::filesystem::path& file, const char* kind,
                                                            const std::vector<std::string>& names);

}  // namespace alignment::io
