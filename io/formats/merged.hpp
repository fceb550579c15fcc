#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "io/formats/sample_source.hpp"

namespace alignment::io {

/// Several TSE stores as one source, in the order given.
class MergedSource : public SampleSource {
 public:
  /// True where every store keeps its features as f16.
  [[nodiscard]] virtual bool all_float16() const = 0;
  /// The stores, as messages call them together.
  [[nodiscard]] virtual std::string describe_files() const = 0;
};

/// Opens stores that agree on features and share no id; classes are matched by name, those of the first store first.
/// Where only some have frame labels, the frames of the others have none, kNoPhase, and a note says so; where only some
/// have timestamps, the merge is refused. Throws StoreError.
[[nodiscard]] std::unique_ptr<MergedSource> open_merged(const std::vector<std::filesystem::path>& files);

}  // namespace alignment::io
