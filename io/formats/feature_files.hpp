#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "io/formats/feature_matrix.hpp"
#include "io/formats/python/tensor_files.hpp"

namespace alignment::io {

/// Files of features: an array of numpy.save, what torch.save writes (python/torch_tensors.hpp), or a CSV file of
/// numbers (text/feature_table.hpp), told apart by what is in them, not by their names. CSV files of as many columns
/// that have headings have to have the same, in the same order.
class FeatureFiles {
 public:
  /// A sample's features; `id` tells which where the file is a dict of tensors. Throws StoreError, NotFiniteError for a
  /// number too large for f32. NaN and infinity pass through.
  [[nodiscard]] FeatureMatrix read(const std::filesystem::path& file, const std::string& id);
  /// F of these features. Throws as read() does.
  [[nodiscard]] std::int64_t feature_dim(const std::filesystem::path& file, const std::string& id);
  /// Says of how many of the files read so far the first row was taken for headings, where there are any.
  [[nodiscard]] std::vector<std::string> notes() const;

 private:
  void require_headings(const std::filesystem::path& file, const std::vector<std::string>& headings);

  TensorFiles tensors_;
  std::filesystem::path first_with_headings_;
  std::vector<std::string> headings_;  ///< of that file; empty before there is one
  std::set<std::filesystem::path> files_with_headings_;
};

}  // namespace alignment::io
