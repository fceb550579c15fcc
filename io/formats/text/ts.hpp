#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "io/formats/sample_source.hpp"

namespace alignment::io {

/// The text format of the UEA/UCR archive (`.ts`): one sample a line, dimensions apart by ':', values by ',', the label
/// last.
///
/// Training samples become split train with ids PREFIX_train_000000..., test samples split test with ids
/// PREFIX_test_000000...; the prefix is the training file's name without its ending and a "_TRAIN" before that, or
/// `id_prefix`, where an empty one leaves the underscore out too. The order of the classes is that of the training
/// file's @classLabel line, else the sorted label texts; labels match without regard to the case of ASCII letters where
/// none matches exactly. Unknown header lines are passed over and stand in notes(). Both files are scanned once when
/// opened and then read line by line. Lengths may differ between samples. Refused, with StoreError: time stamps,
/// regression targets, files without labels, a second @classLabel line, dimensions of different length within a sample,
/// headers that contradict each other or the data. Missing ('?') and non-finite values: NotFiniteError naming file,
/// line and sample.
[[nodiscard]] std::unique_ptr<SampleSource> open_ts(const std::filesystem::path& train,
                                                    const std::optional<std::filesystem::path>& test,
                                                    const std::optional<std::string>& id_prefix = {});

}  // namespace alignment::io
