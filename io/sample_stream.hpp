#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "io/tse_store.hpp"

namespace dejavid::io {

/// What a stream keeps of the features that it has read.
enum class SampleCache : std::uint8_t { kNone, kMemory };

/// Some samples, one after the other.
struct SampleBatch {
  std::vector<std::int64_t> samples;  ///< [B] indices into the store
  std::vector<std::int64_t> offsets;  ///< [B+1] sample b is rows offsets[b] .. offsets[b+1]
  std::vector<std::int32_t> labels;   ///< [B]
  std::vector<float> features;        ///< [sum of T, F]
};

/// Hands out batches in a given order; one thread reads ahead, the only one that touches the store's features.
///
/// start() begins a sequence of batches (dropping what is left of the one before); next() waits for the coming one and
/// rethrows, at the batch it struck, what the reader met (StoreError, NotFiniteError). The store must outlive the
/// stream.
class SampleStream {
 public:
  /// `prefetch` is how many batches may lie ready ahead of the consumer (at least 1).
  SampleStream(TseStore& store, SampleCache cache, int prefetch = 2);
  ~SampleStream();
  SampleStream(const SampleStream&) = delete;
  SampleStream& operator=(const SampleStream&) = delete;

  void start(std::vector<std::vector<std::int64_t>> batches);
  /// The next batch, valid until the following call of next() or start(). Calling it past the last batch is a logic
  /// error.
  const SampleBatch& next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dejavid::io
