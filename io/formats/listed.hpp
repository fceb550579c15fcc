#pragma once

#include <filesystem>
#include <memory>

#include "io/formats/sample_source.hpp"

namespace alignment::io {

/// Samples listed in a CSV manifest (text/manifest.hpp), a file of features [T,F] each (feature_files.hpp). Classes are
/// the label texts in class order. Samples come in the manifest's order. Throws StoreError naming file, line and
/// column.
[[nodiscard]] std::unique_ptr<SampleSource> open_listed(const std::filesystem::path& manifest);

}  // namespace alignment::io
