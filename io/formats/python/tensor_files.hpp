#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>

#include "io/formats/python/torch_tensors.hpp"

namespace alignment::io {

/// Files of torch.save as samples need them, one after the other. Ids need not be grouped by file, so what is known of
/// files of several tensors stays.
class TensorFiles {
 public:
  /// The file, which holds a tensor of this id, or only one; valid until the next call. Throws StoreError.
  [[nodiscard]] const TensorFile& open(const std::filesystem::path& file, const std::string& id);

 private:
  std::optional<TensorFile> one_;                           ///< the latest of a single tensor
  std::unordered_map<std::string, TensorFile> of_several_;  ///< by path
};

}  // namespace alignment::io
