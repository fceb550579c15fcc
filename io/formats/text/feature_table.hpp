#pragma once

#include <cstdint>
#include <filesystem>

#include "io/formats/feature_matrix.hpp"

namespace alignment::io {

/// Reads features [T,F] from a CSV file (text/csv.hpp): T rows of F numbers with decimal points, below a row of
/// headings or without one. A first row without a single number is one of headings if one of them at least begins with
/// a letter or an underscore, else refused; a '#' before the first is not part of it. Every column is a feature: what
/// looks like the row numbers and column numbers that pandas writes by itself is refused. Throws StoreError that names
/// the line; NotFiniteError where a number is too large for f32. NaN and infinity pass through.
[[nodiscard]] FeatureMatrix read_feature_table(const std::filesystem::path& file);

/// F of such a file, by its first row. Throws StoreError as read_feature_table() does.
[[nodiscard]] std::int64_t read_feature_table_dim(const std::filesystem::path& file);

}  // namespace alignment::io
