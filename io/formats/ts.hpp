#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "io/formats/sample_source.hpp"

namespace dejavid::io {

/// The text format of the UEA/UCR archive (`.ts`): one sample a line, dimensions apart by ':', values by ',', the label
/// last.
///
/// Training samples become split train with ids train_000000..., test samples split test with ids test_000000.... The
/// order of the classes is that of the @classLabel line, else the sorted label texts. Both files are scanned once when
/// opened and then read line by line. Lengths may differ between samples. Refused, with StoreError: time stamps,
/// regression targets, files without labels, dimensions of different length within a sample, headers that contradict
/// each other or the data. Missing ('?') and non-finite values: NotFiniteError naming file, line and sample.
[[nodiscard]] std::unique_ptr<SampleSource> open_ts(const std::filesystem::path& train,
                                                    const std::optional<std::filesystem::path>& test);

}  // namespace dejavid::io
