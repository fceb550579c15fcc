#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "io/formats/sample_source.hpp"
#include "io/formats/text/manifest.hpp"

namespace alignment::io {

/// Samples listed in a CSV manifest (text/manifest.hpp), a file of features [T,F] each (feature_files.hpp). Classes are
/// the label texts in class order. With a `rate`, steps a second, step n of every sample has the timestamp n / rate,
/// else none. `absent` is not kAllow; a note tells what was left out. Samples come in the manifest's order. Throws
/// StoreError naming file, line and column.
[[nodiscard]] std::unique_ptr<SampleSource> open_listed(const std::filesystem::path& manifest,
                                                        std::optional<double> rate = {},
                                                        AbsentFiles absent = AbsentFiles::kRefuse);

}  // namespace alignment::io
