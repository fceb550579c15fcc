#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "io/formats/file_reader.hpp"
#include "io/formats/sample_source.hpp"
#include "src/encoding/job/parts.hpp"
#include "src/encoding/samples/video_list.hpp"

namespace alignment::encoding {

/// Encoded videos as samples, in the order of the list.
class PartsSource final : public io::SampleSource {
 public:
  struct Sample {
    const Video* video;
    const PartEntry* entry;
  };

  /// What `samples` point to must outlive it.
  PartsSource(io::TseStoreHeader header, std::vector<Sample> samples)
      : header_(std::move(header)), samples_(std::move(samples)) {}

  [[nodiscard]] const io::TseStoreHeader& header() const override { return header_; }
  [[nodiscard]] std::int64_t sample_count() const override { return std::ssize(samples_); }
  /// Throws io::StoreError for rows that are no longer what was written.
  void next(io::SourceSample& sample) override;

 private:
  io::TseStoreHeader header_;
  std::vector<Sample> samples_;
  std::size_t position_ = 0;
  std::unique_ptr<io::FileReader> rows_;  ///< of the sample before
};

}  // namespace alignment::encoding
