#pragma once

#include <cstdint>

#include "io/bytes/half_float.hpp"
#include "io/store/sample_stream.hpp"
#include "kernels/blocks.hpp"
#include "src/training/dataset.hpp"

namespace alignment {

/// Features of one sample in host memory: rows [T,F], of halves where `halves` is set, or in blocks of features.
struct SampleFeatures {
  const float* data = nullptr;
  std::int64_t length = 0, feature_dim = 0;
  bool blocked = false;
  const std::uint16_t* halves = nullptr;  ///< in place of `data`

  [[nodiscard]] float at(std::int64_t step, std::int64_t feature) const {
    if (halves != nullptr) return io::widen_half(halves[step * feature_dim + feature]);
    if (!blocked) return data[step * feature_dim + feature];
    const std::int64_t first = feature / kernels::kBlockFeatures * kernels::kBlockFeatures;
    return data[kernels::block_offset(length, feature_dim, first, step) + feature - first];
  }
};

/// The layout that the CPU kernels read (kernels/blocks.hpp).
inline constexpr io::SampleLayout kBlockedLayout{
    [](std::int64_t length, std::int64_t feature_dim) { return kernels::blocked_count(length, feature_dim); },
    [](const float* rows, std::int64_t length, std::int64_t feature_dim, float* blocked) {
      kernels::cpu::to_blocks(rows, length, feature_dim, blocked, 1);
    }};

/// Features of a sample of a batch that `dataset` hands out.
[[nodiscard]] inline SampleFeatures features_of(const Dataset& dataset, const io::SampleBatch& batch,
                                                std::size_t sample) {
  const bool as_halves = !batch.halves.empty();
  return {as_halves ? nullptr : batch.features[sample], batch.length(sample), dataset.store.feature_dim(),
          dataset.needs.layout == &kBlockedLayout, as_halves ? batch.halves[sample] : nullptr};
}

}  // namespace alignment
