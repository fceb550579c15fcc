#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "io/tse_writer.hpp"

namespace dejavid::io {

/// One sample as a format hands it over; the buffers are reused from sample to sample.
struct SourceSample {
  std::string id;
  std::int32_t label = 0;  ///< 0..C-1
  Split split = Split::kTrain;
  std::vector<float> features;             ///< [T,F]
  std::vector<std::int32_t> frame_labels;  ///< [T] or empty
  std::vector<double> timestamps;          ///< [T] seconds, or empty
};

/// Samples in some format, read one by one: what every file of this folder makes, and what becomes a TSE store.
class SampleSource {
 public:
  SampleSource() = default;
  virtual ~SampleSource() = default;
  SampleSource(const SampleSource&) = delete;
  SampleSource& operator=(const SampleSource&) = delete;

  [[nodiscard]] virtual const TseStoreHeader& header() const = 0;
  [[nodiscard]] virtual std::int64_t sample_count() const = 0;
  /// Fills `sample` with the coming one. To be called sample_count() times. Throws StoreError, NotFiniteError.
  virtual void next(SourceSample& sample) = 0;
};

/// What write_store() wrote.
struct StoreTotals {
  std::int64_t samples_of_split[3] = {0, 0, 0};
  std::int64_t classes = 0, feature_dim = 0;
  std::int64_t shortest = 0, longest = 0, steps = 0;  ///< of the samples' T; `steps` is their sum
  std::uintmax_t bytes = 0;                           ///< size of the finished file
  FaintFeatures faint;                                ///< which f16 holds badly
};

/// Streams `source` into a new store `file`, one sample in memory at a time; `advance` is called after every sample.
/// `encoder` takes the place of the source's own text where it is not empty. Throws what the source and TseWriter
/// throw.
StoreTotals write_store(SampleSource& source, const std::filesystem::path& file, const TseWriterOptions& options,
                        const std::string& encoder, const std::function<void()>& advance);

}  // namespace dejavid::io
