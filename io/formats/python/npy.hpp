#pragma once

#include <filesystem>
#include <memory>

#include "io/formats/sample_source.hpp"

namespace alignment::io {

/// Samples listed in a CSV manifest with the columns id, file, label, split (in any order): one .npy file [T,F] each,
/// `file` seen from the manifest's folder, `split` one of train, val (or validation), test. Classes are the label
/// texts: sorted as numbers where all are integers, else as text. A sample that is not of the train split may have an
/// empty label, or the manifest no such column: its class is not known. Samples come in the manifest's order. Throws
/// StoreError naming file, line and column.
[[nodiscard]] std::unique_ptr<SampleSource> open_npy(const std::filesystem::path& manifest);

}  // namespace alignment::io
