#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>

#include "io/formats/feature_matrix.hpp"

namespace dejavid::io {

/// What one file of torch.save holds: a tensor, or tensors by id. Exactly one of the two is filled.
struct TensorFile {
  std::optional<FeatureMatrix> tensor;
  std::unordered_map<std::string, FeatureMatrix> by_id;  ///< integer keys as their decimal text
};

/// Reads a torch.save'd 2-D floating tensor, or a dict of them, as f32. Nothing in the file is executed. Throws
/// StoreError for the format before torch 1.6 and for everything else that LibTorch cannot read; NotFiniteError for an
/// f64 too large for f32. NaN and infinity pass through.
[[nodiscard]] TensorFile read_tensor_file(const std::filesystem::path& file);

}  // namespace dejavid::io
