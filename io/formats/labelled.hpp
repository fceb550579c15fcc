#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "io/formats/sample_source.hpp"
#include "io/formats/text/frame_labels.hpp"

namespace alignment::io {

/// A TSE store with other frame labels.
class LabelledSource : public SampleSource {
 public:
  /// How the store keeps its features.
  [[nodiscard]] virtual TseWriterOptions features() const = 0;
  /// Frames of each phase, by its number; and those without one.
  [[nodiscard]] virtual const std::vector<std::int64_t>& frames_of_phases() const = 0;
  [[nodiscard]] virtual std::int64_t frames_without_phase() const = 0;
  /// Samples that the file of phases names, and others that have phases, kept or dropped.
  [[nodiscard]] virtual std::int64_t samples_named() const = 0;
  [[nodiscard]] virtual std::int64_t other_samples() const = 0;
};

/// Opens `store` with the phases of the CSV file `labels` (text/frame_labels.hpp) in the place of those that the
/// samples named there have, and of the others' where `unnamed` says so; all else stays as it is. Throws StoreError.
[[nodiscard]] std::unique_ptr<LabelledSource> open_labelled(const std::filesystem::path& store,
                                                            const std::filesystem::path& labels,
                                                            const std::vector<std::string>& phases,
                                                            UnnamedSamples unnamed);

}  // namespace alignment::io
