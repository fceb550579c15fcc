#pragma once

#include <cstdint>

/// Symbols: B samples, C classes, K centroid steps, T steps of one sample (ragged), F features. Arrays are row-major.
/// The kernels own nothing: pointers stay the caller's.
namespace alignment::kernels {

/// B ragged samples: sample b is rows offsets[b] .. offsets[b+1] of `features`, each row F numbers. offsets[0] need not
/// be 0.
template <typename Real>
struct SamplesView {
  const Real* features = nullptr;         ///< [offsets[B], F]
  const std::int64_t* offsets = nullptr;  ///< [B+1], increasing: every sample has at least one step
  std::int64_t count = 0;                 ///< B
  std::int64_t feature_dim = 0;           ///< F

  [[nodiscard]] std::int64_t length(std::int64_t sample) const { return offsets[sample + 1] - offsets[sample]; }
  [[nodiscard]] std::int64_t total_steps() const { return offsets[count] - offsets[0]; }
  [[nodiscard]] const Real* sample(std::int64_t index) const { return features + offsets[index] * feature_dim; }
  [[nodiscard]] SamplesView slice(std::int64_t first, std::int64_t slice_count) const {
    return {features, offsets + first, slice_count, feature_dim};
  }
};

/// One centroid sequence and one sequence of positive weights u a class.
template <typename Real>
struct ParametersView {
  const Real* centroids = nullptr;  ///< [C,K,F]
  const Real* weights = nullptr;    ///< [C,K,F], u = exp(log_weight) > 0
  std::int64_t classes = 0;         ///< C
  std::int64_t steps = 0;           ///< K
  std::int64_t feature_dim = 0;     ///< F

  [[nodiscard]] std::int64_t element_count() const { return classes * steps * feature_dim; }
};

/// How large a model is.
struct Extents {
  std::int64_t classes = 0;      ///< C
  std::int64_t steps = 0;        ///< K
  std::int64_t feature_dim = 0;  ///< F

  [[nodiscard]] std::int64_t element_count() const { return classes * steps * feature_dim; }
};

/// What sign(centroid - m) is where the two are equal.
enum class TieSign : std::uint8_t { kZero, kMinusOne };

/// Inclusive columns (sample steps) that one centroid step covers.
struct ColumnRange {
  std::int64_t first = 0, last = 0;
};

/// Columns of centroid step `row` on the path whose K-1 breakpoints are given.
///
/// A breakpoint b >= 0: row ends at column b and row+1 starts there too (a step along the centroid).
/// A breakpoint ~b < 0: row ends at column b and row+1 starts at b+1 (a diagonal step).
[[nodiscard]] inline ColumnRange row_columns(const std::int32_t* breakpoints, std::int64_t row, std::int64_t steps,
                                             std::int64_t length) {
  ColumnRange range{0, length - 1};
  if (row > 0) {
    const std::int32_t start = breakpoints[row - 1];
    range.first = start >= 0 ? start : ~start + 1;
  }
  if (row < steps - 1) {
    const std::int32_t end = breakpoints[row];
    range.last = end >= 0 ? end : ~end;
  }
  return range;
}

}  // namespace alignment::kernels
