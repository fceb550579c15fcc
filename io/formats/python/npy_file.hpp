#pragma once

#include <filesystem>

#include "io/formats/feature_matrix.hpp"

namespace alignment::io {

/// Reads a 2-D array saved by numpy.save: format 1.0, 2.0 or 3.0, f2, f4 or f8 of either byte order, C or Fortran
/// order. Throws StoreError for anything else; NotFiniteError where an f8 value is too large for f32. NaN and infinity
/// pass through.
[[nodiscard]] FeatureMatrix read_npy(const std::filesystem::path& file);

/// F of such an array, whatever its numbers are. Throws StoreError as read_npy() does.
[[nodiscard]] std::int64_t read_npy_feature_dim(const std::filesystem::path& file);

}  // namespace alignment::io
