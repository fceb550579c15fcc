#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "io/store/tse_store.hpp"

namespace alignment::io {

/// What a stream keeps of the features that it has read.
enum class SampleCache : std::uint8_t { kNone, kMemory };

/// What a stream makes of the rows [T,F] of a sample before it hands them out. An element is an f32 number's room.
struct SampleLayout {
  /// Elements that a sample takes.
  std::int64_t (*count)(std::int64_t length, std::int64_t feature_dim);
  /// `destination`: count() elements, aligned to 64 bytes. nullptr: rows as they are.
  void (*arrange)(const float* rows, std::int64_t length, std::int64_t feature_dim, float* destination);
  bool halves = false;  ///< rows of halves; see kHalfRows
};

/// Rows as a store of halves holds them: half the memory, and nothing to widen.
inline constexpr SampleLayout kHalfRows{
    [](std::int64_t length, std::int64_t feature_dim) { return (length * feature_dim + 1) / 2; }, nullptr, true};

/// Some samples.
struct SampleBatch {
  std::vector<std::int64_t> samples;   ///< [B] indices into the store
  std::vector<std::int64_t> offsets;   ///< [B+1] sample b has offsets[b+1] - offsets[b] steps
  std::vector<std::int32_t> labels;    ///< [B]
  std::vector<const float*> features;  ///< [B] each [T,F], or in the stream's layout; aligned to 64 bytes
  /// [B] each [T,F], in place of `features`, where the stream's layout is kHalfRows.
  std::vector<const std::uint16_t*> halves;

  [[nodiscard]] std::int64_t length(std::size_t sample) const { return offsets[sample + 1] - offsets[sample]; }
};

/// Hands out batches in a given order; one thread reads ahead, the only one that touches the store's features.
///
/// start() begins a sequence of batches (dropping what is left of the one before); next() waits for the coming one and
/// rethrows, at the batch it struck, what the reader met (StoreError, NotFiniteError). The store must outlive the
/// stream. Samples that are kept are handed out where they lie.
class SampleStream {
 public:
  /// `prefetch` is how many batches may lie ready ahead of the consumer (at least 1). Without a layout: rows.
  SampleStream(TseStore& store, SampleCache cache, int prefetch = 2, const SampleLayout* layout = nullptr);
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

}  // namespace alignment::io
