#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "dist/communicator.hpp"
#include "io/store/sample_stream.hpp"
#include "io/store/tse_store.hpp"
#include "src/config/config.hpp"
#include "src/dejavid/sample_features.hpp"

namespace alignment {

class Device;

/// How often a device sees every sample.
enum class DatasetUse : std::uint8_t { kOnce, kTraining };

/// What a rank reads: the store and the one stream that reads from it.
struct Dataset {
  io::TseStore store;
  bool blocked;  ///< whether the stream hands out features in blocks
  io::SampleStream stream;
  bool kept_on_device;  ///< whether the device keeps the features that it has seen

  /// Collective. Opens data.store on every rank, agrees that all succeeded and read the same content and on what
  /// data.bad_samples leaves out, and chooses the cache. The stream's layout is that of `device`: blocks, or as without
  /// one rows in the width of the store. Throws dist::AgreedFailure.
  static Dataset open(const Config& config, dist::Communicator& communicator, Device* device = nullptr,
                      DatasetUse use = DatasetUse::kOnce, io::ClassMatching matching = io::ClassMatching::kSame);

  Dataset(io::TseStore opened, bool in_blocks, io::SampleCache cache, bool keep_on_device, const Config& config);

  /// What the stream hands out next. A wait longer than dist.timeout_s ends the process with 14.
  const io::SampleBatch& next_batch();

  /// As TseStore's, in bounded time.
  void require_unchanged() const;

  [[nodiscard]] SampleFeatures features(const io::SampleBatch& batch, std::size_t sample) const {
    const bool as_halves = !batch.halves.empty();
    return {as_halves ? nullptr : batch.features[sample], batch.length(sample), store.feature_dim(), blocked,
            as_halves ? batch.halves[sample] : nullptr};
  }

 private:
  std::chrono::duration<double> timeout_;
};

/// The samples that an evaluation is about, and what to call them.
struct EvaluationSplit {
  io::Split split = io::Split::kValidation;
  const char* name = "val";
  std::vector<std::int64_t> samples;
};

/// auto: val, or test where there is no val. Its samples may be none.
[[nodiscard]] EvaluationSplit choose_split(const io::TseStore& store, EvalSplit choice);

/// The split without the samples that have no label among the store's classes.
[[nodiscard]] EvaluationSplit labelled(const io::TseStore& store, EvaluationSplit split);

}  // namespace alignment
