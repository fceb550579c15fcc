#pragma once

#include <algorithm>
#include <cstdint>

/// The layout that the CPU kernels read: rows of F features cut into blocks of kBlockFeatures, a block's rows
/// one after the other, [ceil(F / kBlockFeatures)][rows][width]. Rows of a plain [rows,F] array lie kilobytes apart,
/// and a kernel that holds a few features of many rows would touch a page a row.
namespace alignment::kernels {

inline constexpr std::int64_t kBlockFeatures = 64;
/// Block widths are multiples of this; features beyond F are zero and add nothing to any sum.
inline constexpr std::int64_t kBlockQuantum = 16;
static_assert(kBlockFeatures == 4 * kBlockQuantum);

[[nodiscard]] constexpr std::int64_t padded_features(std::int64_t feature_dim) {
  return (feature_dim + kBlockQuantum - 1) / kBlockQuantum * kBlockQuantum;
}

/// Elements of a blocked array.
[[nodiscard]] constexpr std::int64_t blocked_count(std::int64_t rows, std::int64_t feature_dim) {
  return rows * padded_features(feature_dim);
}

/// Width of the block that begins at `first_feature` (a multiple of kBlockFeatures).
[[nodiscard]] constexpr std::int64_t block_width(std::int64_t feature_dim, std::int64_t first_feature) {
  return std::min(kBlockFeatures, padded_features(feature_dim) - first_feature);
}

/// Where row `row` of the block at `first_feature` begins.
[[nodiscard]] constexpr std::int64_t block_offset(std::int64_t rows, std::int64_t feature_dim,
                                                  std::int64_t first_feature, std::int64_t row) {
  return rows * first_feature + row * block_width(feature_dim, first_feature);
}

/// Parameters in blocks of features.
struct BlockedParameters {
  const float* centroids = nullptr;  ///< blocked [C*K, F]
  const float* weights = nullptr;    ///< blocked [C*K, F]
  std::int64_t classes = 0, steps = 0, feature_dim = 0;

  [[nodiscard]] std::int64_t rows() const { return classes * steps; }
};

/// Samples in blocks of features, each a blocked array of its own, wherever it lies.
struct BlockedSamples {
  const float* const* features = nullptr;  ///< [B], each blocked [T,F]
  const std::int64_t* offsets = nullptr;   ///< [B+1] sample b has offsets[b+1] - offsets[b] steps
  std::int64_t count = 0, feature_dim = 0;

  [[nodiscard]] std::int64_t total_steps() const { return offsets[count] - offsets[0]; }
  [[nodiscard]] std::int64_t length(std::int64_t sample) const { return offsets[sample + 1] - offsets[sample]; }
  /// [T,width] of the block at `first_feature`.
  [[nodiscard]] const float* block(std::int64_t sample, std::int64_t first_feature) const {
    return features[sample] + block_offset(length(sample), feature_dim, first_feature, 0);
  }
};

namespace cpu {
/// rows_major [rows,F] -> blocked (blocked_count() elements, aligned to 64 bytes).
void to_blocks(const float* rows_major, std::int64_t rows, std::int64_t feature_dim, float* blocked, int threads);
}  // namespace cpu

}  // namespace alignment::kernels
