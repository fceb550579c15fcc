#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "src/dejavid/sample_features.hpp"

namespace alignment::dejavid {

/// Which parameters paths are searched with.
enum class PathSource : std::uint8_t { kFrozen, kLive };

/// One batch and its distances.
struct AlignedBatch {
  std::span<const std::int64_t> samples;     ///< [B] indices into the store
  std::span<const SampleFeatures> features;  ///< [B]; empty where they are kept in GPU memory
  std::span<const double> distances;         ///< [B,C]
  std::span<const std::int32_t> paths;       ///< [B,C,K-1] breakpoints (kernels/tensors.hpp); empty unless asked for
};

/// What is wanted of a pass.
enum class AlignerOutput : std::uint8_t { kDistances, kDistancesAndPaths };

/// Distances of the live parameters to samples of the dataset, batch by batch.
class Aligner {
 public:
  virtual ~Aligner() = default;
  Aligner() = default;
  Aligner(const Aligner&) = delete;
  Aligner& operator=(const Aligner&) = delete;

  /// Begins a pass over these batches of sample indices, dropping what is left of the one before. The parameters must
  /// stay as they are until its end.
  virtual void start(std::vector<std::vector<std::int64_t>> batches, PathSource source,
                     AlignerOutput wanted = AlignerOutput::kDistances) = 0;
  /// The coming batch, valid until the following call. Throws what reading samples of the pass throws, at the latest
  /// where they are due.
  virtual AlignedBatch next() = 0;
};

}  // namespace alignment::dejavid
