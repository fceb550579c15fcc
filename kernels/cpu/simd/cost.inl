// Weighted L1 cost matrices. A tile is Panels panels of 16 rows by Columns columns, all accumulators in registers.
// Lanes are rows, so a column's number is broadcast and nothing is summed across lanes; each element's sum runs over
// the features in order, block after block.
#pragma once

#include "kernels/cost.hpp"
#include "kernels/cpu/simd/simd.inl"

namespace {

using alignment::kernels::kBlockFeatures;
using alignment::kernels::kBlockQuantum;
using alignment::kernels::kPanelRows;

constexpr std::int64_t smaller(std::int64_t a, std::int64_t b) {
  return a < b ? a : b;
}

constexpr int kVectorsPerPanel = static_cast<int>(kPanelRows) / kLanes;
#if defined(__AVX512F__)
constexpr bool kFewRegisters = false;
constexpr int kTilePanels = 2,
              kTileColumns = 12;  // 24 accumulators, 4 parameter vectors, mask and temporary: 30 of 32 registers
#elif defined(__AVX2__)
constexpr bool kFewRegisters = true;
constexpr int kTilePanels = 1, kTileColumns = 5;  // 10 accumulators, 2 centroid vectors, mask and temporaries: 16 of 16
#else
constexpr bool kFewRegisters = true;
constexpr int kTilePanels = 1, kTileColumns = 2;
#endif

/// Features that a tile adds up before it moves on: that much of two panels stays in the second-level cache beside the
/// samples, and sums are not written and read again more often than that.
constexpr std::int64_t kFeaturesPerPass = 8 * kBlockFeatures;
/// Features of a panel that are on their way to the nearest cache: processors fetch ahead by themselves, but not beyond
/// a page, which is 32 features of a panel.
constexpr std::int64_t kFeaturesAhead = 16;
constexpr std::int64_t kLinesPerRow = kBlockFeatures / kFloatsPerLine;

/// A blocked array [rows,F].
struct FeatureRows {
  const float* features;
  std::int64_t rows, feature_dim;
  const float* after;  ///< the numbers that are read after those of the last row

  [[nodiscard]] const float* at(std::int64_t first_feature, std::int64_t row) const {
    return features + alignment::kernels::block_offset(rows, feature_dim, first_feature, row);
  }
};

/// Adds `feature_count` features of one block, kWidth wide, to the sums. `packed` at the first of them, `next` where
/// the rows of the next block begin: a row's lines lie in no order that processors would guess.
template <int Panels, int Columns, std::int64_t kWidth = kBlockFeatures>
inline void add_features(const float* packed, std::int64_t panel_stride, std::int64_t feature_count,
                         const float* features, const float* next,
                         Registers<Columns * Panels * kVectorsPerPanel>& sum) {
  constexpr int kVectors = Panels * kVectorsPerPanel;
  for (std::int64_t f = 0; f < feature_count; ++f) {
    const float* const rows = packed + f * 2 * kPanelRows;
    if (f < Columns * kLinesPerRow) prefetch(next + f * kFloatsPerLine);
#pragma GCC unroll 8
    for (int panel = 0; panel < Panels; ++panel) {
      const float* const ahead = rows + panel * panel_stride + kFeaturesAhead * 2 * kPanelRows;
      prefetch(ahead);
      prefetch(ahead + kPanelRows);
    }
    const auto row_at = [&](int v) { return (v / kVectorsPerPanel) * panel_stride + (v % kVectorsPerPanel) * kLanes; };
    Registers<kVectors> centroid;
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) centroid[v] = load(rows + row_at(v));
    const float* weights = rows + kPanelRows;
#pragma GCC unroll 16
    for (int column = 0; column < Columns; ++column) {
      if constexpr (kFewRegisters) asm("" : "+r"(weights));  // read again for each column, not held in registers
      const float& m = features[column * kWidth + f];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        sum[column * kVectors + v] += load(weights + row_at(v)) * absolute(subtract_number(centroid[v], m));
      }
    }
  }
}

template <int Panels, int Columns>
void cost_tile(const float* packed, std::int64_t panel_stride, std::int64_t first_feature, const FeatureRows& rows,
               std::int64_t row, float* cost, std::int64_t stride) {
  constexpr int kVectors = Panels * kVectorsPerPanel;
  Registers<Columns* kVectors> sum = {};
  if (first_feature > 0) {  // goes on where the pass before ended
#pragma GCC unroll 16
    for (int column = 0; column < Columns; ++column) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[column * kVectors + v] = load(cost + column * stride + v * kLanes);
    }
  }
  const std::int64_t end = smaller(first_feature + kFeaturesPerPass, rows.feature_dim);
  for (std::int64_t f = first_feature; f < end; f += kBlockFeatures) {
    const float* const parameters = packed + f * 2 * kPanelRows;
    const std::int64_t width = alignment::kernels::block_width(rows.feature_dim, f);
    const float* const features = rows.at(f, row);
    const float* const next = f + kBlockFeatures < end    ? rows.at(f + kBlockFeatures, row)
                              : row + Columns < rows.rows ? rows.at(first_feature, row + Columns)
                                                          : rows.after;
    if (width == kBlockFeatures) {
      add_features<Panels, Columns>(parameters, panel_stride, smaller(kBlockFeatures, end - f), features, next, sum);
    } else if (width == 3 * kBlockQuantum) {
      add_features<Panels, Columns, 3 * kBlockQuantum>(parameters, panel_stride, end - f, features, next, sum);
    } else if (width == 2 * kBlockQuantum) {
      add_features<Panels, Columns, 2 * kBlockQuantum>(parameters, panel_stride, end - f, features, next, sum);
    } else {
      add_features<Panels, Columns, kBlockQuantum>(parameters, panel_stride, end - f, features, next, sum);
    }
  }
#pragma GCC unroll 16
  for (int column = 0; column < Columns; ++column) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) store(cost + column * stride + v * kLanes, sum[column * kVectors + v]);
  }
}

/// Tiles as equal as can be: the last of a full width and a rest would leave most of the registers idle.
template <int Panels, int Columns>
void cost_columns(const float* packed, std::int64_t panel_stride, std::int64_t first_feature, const FeatureRows& rows,
                  std::int64_t row, std::int64_t end, std::int64_t columns, float* cost, std::int64_t stride) {
  if (columns == Columns) {
    for (; row < end; row += Columns) {
      cost_tile<Panels, Columns>(packed, panel_stride, first_feature, rows, row, cost + row * stride, stride);
    }
  } else if constexpr (Columns > 1) {
    cost_columns<Panels, Columns - 1>(packed, panel_stride, first_feature, rows, row, end, columns, cost, stride);
  }
}

template <int Panels>
void cost_sample(const float* packed, std::int64_t panel_stride, std::int64_t first_feature, const FeatureRows& rows,
                 float* cost, std::int64_t stride) {
  const std::int64_t tiles = (rows.rows + kTileColumns - 1) / kTileColumns;
  const std::int64_t columns = rows.rows / tiles, wider = rows.rows % tiles;
  const std::int64_t rows_in_wider = wider * (columns + 1);
  cost_columns<Panels, kTileColumns>(packed, panel_stride, first_feature, rows, 0, rows_in_wider, columns + 1, cost,
                                     stride);
  cost_columns<Panels, kTileColumns>(packed, panel_stride, first_feature, rows, rows_in_wider, rows.rows, columns, cost,
                                     stride);
}

void cost(const float* packed, std::int64_t panels, const alignment::kernels::BlockedSamples& samples,
          std::int64_t first_sample, std::int64_t count, float* cost_rows, std::int64_t stride) {
  const std::int64_t feature_dim = samples.feature_dim, panel_stride = feature_dim * 2 * kPanelRows;
  // One pass over all panels before the next features: what they read of the samples stays in the second-level cache.
  for (std::int64_t f = 0; f < feature_dim; f += kFeaturesPerPass) {
    for (std::int64_t panel = 0; panel < panels; panel += kTilePanels) {
      float* columns = cost_rows + panel * kPanelRows;
      for (std::int64_t b = first_sample; b < first_sample + count; ++b) {
        const std::int64_t next = b + 1 < first_sample + count ? b + 1 : first_sample;
        const FeatureRows rows{samples.features[b], samples.length(b), feature_dim, samples.block(next, f)};
        if (panel + kTilePanels <= panels) {
          cost_sample<kTilePanels>(packed + panel * panel_stride, panel_stride, f, rows, columns, stride);
        } else {
          cost_sample<1>(packed + panel * panel_stride, panel_stride, f, rows, columns, stride);
        }
        columns += rows.rows * stride;
      }
    }
  }
}

}  // namespace
