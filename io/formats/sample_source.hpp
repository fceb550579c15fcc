#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "io/bytes/first_few.hpp"
#include "io/store/tse_writer.hpp"

namespace alignment::io {

/// One sample as a format hands it over; the buffers are reused from sample to sample.
struct SourceSample {
  std::string id;
  std::string origin;      ///< the file it was read from, with the line or id there, for messages
  std::int32_t label = 0;  ///< 0..C-1, or kNoLabel
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
  /// What was passed over in the input, one line each.
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }
  /// What samples were taken for where they leave it open, one line each; to be asked for behind the last of them.
  [[nodiscard]] virtual std::vector<std::string> closing_notes() const { return {}; }
  /// Fills `sample` with the coming one, its id and origin first. To be called sample_count() times. Throws StoreError,
  /// and NotFiniteError for a sample that may be left out: the next call goes on behind it. NaN and infinity may also
  /// be handed over.
  virtual void next(SourceSample& sample) = 0;
};

/// What becomes of a sample with a number that is not finite.
enum class NotFiniteSamples : std::uint8_t { kRefuse, kLeaveOut };

/// What write_store() wrote.
struct StoreTotals {
  FirstFew left_out;  ///< samples that are not finite, and where
  std::int64_t samples_of_split[3] = {0, 0, 0};
  std::int64_t classes = 0, feature_dim = 0;
  std::int64_t shortest = 0, longest = 0, steps = 0;  ///< of the samples' T; `steps` is their sum
  std::uintmax_t bytes = 0;                           ///< size of the finished file
  FaintFeatures faint;                                ///< which f16 holds badly
  FirstFew still_samples;                             ///< ids of those with several steps that are all the same
  FirstFew constant_features;                         ///< the same at every step of all samples, of several steps
};

/// Streams `source` into a new store `file`, one sample in memory at a time; `advance` is called after every sample.
/// `encoder` and `logits` take the place of what the source says where they are not empty and not 0. Throws what the
/// source and TseWriter throw, NotFiniteError also where every sample was left out; messages about a sample name its
/// origin.
StoreTotals write_store(SampleSource& source, const std::filesystem::path& file, const TseWriterOptions& options,
                        const std::string& encoder, std::int64_t logits, NotFiniteSamples not_finite,
                        const std::function<void()>& advance);

}  // namespace alignment::io
