#pragma once

#include <cstdint>
#include <vector>

#include "io/bytes/half_float.hpp"
#include "io/store/sample_stream.hpp"
#include "kernels/blocks.hpp"
#include "kernels/slope.hpp"
#include "src/training/samples/dataset.hpp"

namespace alignment::dejavid {

/// Features of one sample in host memory: rows [T,F], of halves where `halves` is set, or in blocks of features. Where
/// slopes follow them (kernels/slope.hpp), blocks are of both, and rows of the features alone.
struct SampleFeatures {
  const float* data = nullptr;
  std::int64_t length = 0, feature_dim = 0;  ///< T, F of the store
  bool blocked = false;
  const std::uint16_t* halves = nullptr;  ///< in place of `data`
  bool slopes = false;

  /// Features with their slopes.
  [[nodiscard]] std::int64_t width() const { return slopes ? 2 * feature_dim : feature_dim; }

  /// `feature` counts to width().
  [[nodiscard]] float at(std::int64_t step, std::int64_t feature) const {
    if (blocked) {
      const std::int64_t first = feature / kernels::kBlockFeatures * kernels::kBlockFeatures;
      return data[kernels::block_offset(length, width(), first, step) + feature - first];
    }
    if (feature < feature_dim) return in_row(step, feature);
    const kernels::SlopeSteps steps = kernels::slope_steps(step, length);
    const float rise = in_row(steps.after, feature - feature_dim) - in_row(steps.before, feature - feature_dim);
    return rise / static_cast<float>(2 * kernels::slope_window(length));
  }

 private:
  [[nodiscard]] float in_row(std::int64_t step, std::int64_t feature) const {
    const std::int64_t at = step * feature_dim + feature;
    return halves != nullptr ? io::widen_half(halves[at]) : data[at];
  }
};

/// The layout that the CPU kernels read (kernels/blocks.hpp).
inline constexpr io::SampleLayout kBlockedLayout{
    [](std::int64_t length, std::int64_t feature_dim) { return kernels::blocked_count(length, feature_dim); },
    [](const float* rows, std::int64_t length, std::int64_t feature_dim, float* blocked) {
      kernels::cpu::to_blocks(rows, length, feature_dim, blocked, 1);
    }};

/// The same with slopes.
inline constexpr io::SampleLayout kBlockedSlopesLayout{
    [](std::int64_t length, std::int64_t feature_dim) { return kernels::blocked_count(length, 2 * feature_dim); },
    [](const float* rows, std::int64_t length, std::int64_t feature_dim, float* blocked) {
      std::vector<float> wide(static_cast<std::size_t>(2 * length * feature_dim));
      kernels::cpu::append_slopes(rows, length, feature_dim, wide.data());
      kernels::cpu::to_blocks(wide.data(), length, 2 * feature_dim, blocked, 1);
    }};

/// Features of a sample of a batch that `dataset` hands out.
[[nodiscard]] inline SampleFeatures features_of(const Dataset& dataset, const io::SampleBatch& batch,
                                                std::size_t sample) {
  const bool as_halves = !batch.halves.empty();
  const io::SampleLayout* const layout = dataset.needs.layout;
  return {as_halves ? nullptr : batch.features[sample],
          batch.length(sample),
          dataset.store.feature_dim(),
          layout == &kBlockedLayout || layout == &kBlockedSlopesLayout,
          as_halves ? batch.halves[sample] : nullptr,
          dataset.needs.slopes};
}

}  // namespace alignment::dejavid
