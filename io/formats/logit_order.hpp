#pragma once

#include <filesystem>
#include <memory>

#include "io/formats/sample_source.hpp"

namespace alignment::io {

/// The samples of `source` with the logits of every step in class order. `logits` of a step's last features are sets of
/// logits, one a class, each set in the order of `classes`: a text file with a class a line, every class of the source
/// once; empty lines are skipped. `source` must outlive what is returned. Throws StoreError that names file and line.
[[nodiscard]] std::unique_ptr<SampleSource> with_logits_in_class_order(SampleSource& source, std::int64_t logits,
                                                                       const std::filesystem::path& classes);

}  // namespace alignment::io
