#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "io/formats/sample_source.hpp"

namespace alignment::io {

/// A TSE store with other frame labels.
class LabelledSource : public SampleSource {
 public:
  /// How the store keeps its features.
  [[nodiscard]] virtual TseWriterOptions features() const = 0;
  /// Frames of each phase, by its number; and those without one.
  [[nodiscard]] virtual const std::vector<std::int64_t>& frames_of_phases() const = 0;
  [[nodiscard]] virtual std::int64_t frames_without_phase() const = 0;
};

/// Opens `store` with the phases of the CSV file `labels` (text/frame_labels.hpp) in the place of those that it has;
/// all else stays as it is. Throws StoreError.
[[nodiscard]] std::unique_ptr<LabelledSource> open_labelled(const std::filesystem::path& store,
                                                            const std::filesystem::path& labels,
                                                            const std::vector<std::string>& phases);

}  // namespace alignment::io
