// Weighted L1 cost matrices. A tile is Panels panels of 16 rows by Columns columns, all accumulators in registers.
// Lanes are rows, so a column's number is broadcast and nothing is summed across lanes; each element's sum runs over
// the features in order, block after block.
#pragma once

#include "kernels/cost.hpp"
#include "kernels/cpu/simd.inl"

namespace {

using dejavid::kernels::kFeatureBlock;
using dejavid::kernels::kPanelRows;

constexpr std::int64_t smaller(std::int64_t a, std::int64_t b) {
  return a < b ? a : b;
}

constexpr int kVectorsPerPanel = static_cast<int>(kPanelRows) / kLanes;
#if defined(__AVX512F__)
constexpr int kTilePanels = 2,
              kTileColumns = 12;  // 24 accumulators, 4 parameter vectors, mask and temporary: 30 of 32 registers
#elif defined(__AVX2__)
constexpr int kTilePanels = 1, kTileColumns = 5;  // 10 accumulators, 4 parameter vectors, mask and temporary: 16 of 16
#else
constexpr int kTilePanels = 1, kTileColumns = 2;
#endif

template <int Panels, int Columns>
void cost_tile(const float* packed, std::int64_t panel_stride, std::int64_t feature_count, const float* features,
               std::int64_t feature_dim, float* cost, std::int64_t stride, bool first_block) {
  constexpr int kVectors = Panels * kVectorsPerPanel;
  Registers<Columns* kVectors> sum = {};
  if (!first_block) {  // goes on where the block before ended
    for (int column = 0; column < Columns; ++column) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[column * kVectors + v] = load(cost + column * stride + v * kLanes);
    }
  }
  for (std::int64_t f = 0; f < feature_count; ++f) {
    Registers<kVectors> centroid, weight;
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      const float* row =
          packed + (v / kVectorsPerPanel) * panel_stride + f * 2 * kPanelRows + (v % kVectorsPerPanel) * kLanes;
      centroid[v] = load(row);
      weight[v] = load(row + kPanelRows);
    }
#pragma GCC unroll 16
    for (int column = 0; column < Columns; ++column) {
      const float m = features[column * feature_dim + f];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[column * kVectors + v] += weight[v] * absolute(centroid[v] - m);
    }
  }
  for (int column = 0; column < Columns; ++column) {
    for (int v = 0; v < kVectors; ++v) {
      store(cost + column * stride + v * kLanes, sum[column * kVectors + v]);
    }
  }
}

template <int Panels, int Columns>
void cost_columns(const float* packed, std::int64_t panel_stride, std::int64_t feature_count, const float* features,
                  std::int64_t feature_dim, std::int64_t columns, float* cost, std::int64_t stride, bool first_block) {
  std::int64_t column = 0;
  for (; column + Columns <= columns; column += Columns) {
    cost_tile<Panels, Columns>(packed, panel_stride, feature_count, features + column * feature_dim, feature_dim,
                               cost + column * stride, stride, first_block);
  }
  if constexpr (Columns > 1) {
    if (column < columns) {
      cost_columns<Panels, Columns - 1>(packed, panel_stride, feature_count, features + column * feature_dim,
                                        feature_dim, columns - column, cost + column * stride, stride, first_block);
    }
  }
}

template <int Panels>
void cost_panels(const float* packed, std::int64_t panel_stride, std::int64_t feature_dim, const float* features,
                 std::int64_t columns, float* cost, std::int64_t stride) {
  for (std::int64_t f = 0; f < feature_dim; f += kFeatureBlock) {
    cost_columns<Panels, kTileColumns>(packed + f * 2 * kPanelRows, panel_stride,
                                       smaller(kFeatureBlock, feature_dim - f), features + f, feature_dim, columns,
                                       cost, stride, f == 0);
  }
}

void cost(const float* packed, std::int64_t panels, std::int64_t feature_dim, const float* features,
          std::int64_t columns, float* cost_rows, std::int64_t stride) {
  const std::int64_t panel_stride = feature_dim * 2 * kPanelRows;
  std::int64_t panel = 0;
  for (; panel + kTilePanels <= panels; panel += kTilePanels) {
    cost_panels<kTilePanels>(packed + panel * panel_stride, panel_stride, feature_dim, features, columns,
                             cost_rows + panel * kPanelRows, stride);
  }
  for (; panel < panels; ++panel) {
    cost_panels<1>(packed + panel * panel_stride, panel_stride, feature_dim, features, columns,
                   cost_rows + panel * kPanelRows, stride);
  }
}

}  // namespace
