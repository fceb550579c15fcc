#pragma once

#include <filesystem>
#include <memory>

#include "io/formats/sample_source.hpp"

namespace alignment::io {

/// Where the reference implementation's data lies.
struct TorchInput {
  std::filesystem::path features;  ///< folder of torch.save'd 2-D tensors, one a file, or dicts id -> tensor
  std::filesystem::path splits;    ///< id -> "train", "val", "validation" or "test"
  std::filesystem::path labels;    ///< id -> integer, or id -> name of the class
  std::filesystem::path files;     ///< id -> file name within `features`
};

/// The reference implementation's data: the three dicts as pickles or as JSON. Samples come in the order of the splits
/// dict; labels become 0..C-1 in class order (text/manifest.hpp); the original integers or names stay as the class
/// names. The three dicts must name the same ids and every file must exist; both are checked when opened. Throws
/// StoreError.
[[nodiscard]] std::unique_ptr<SampleSource> open_torch(const TorchInput& input);

}  // namespace alignment::io
