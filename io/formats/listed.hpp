#pragma once

#include <filesystem>
#include <memory>

#include "io/formats/sample_source.hpp"

namespace alignment::io {

/// Samples listed in a CSV manifest (text/manifest.hpp), one .npy file [T,F] each. Classes are the label texts in class
/// order. Samples come in the manifest's order. Throws StoreError naming file, line and column.
[[nodiscard]] std::unique_ptr<SampleSource> open_npy(const std::filesystem::path& manifest);

}  // namespace alignment::io
