// Costs of quantized numbers. As in cost.inl a tile is Panels panels of 16 rows by Columns columns, lanes are rows; a
// lane holds four features of its row as bytes. The including file defines accumulate().
#pragma once

#include "kernels/cost.hpp"
#include "kernels/cpu/simd/simd.inl"
#include "kernels/quantized.hpp"

namespace {

using alignment::kernels::kPanelRows;

/// sum + the four products weight * |centroid - step| of every lane.
IntVector accumulate(IntVector sum, IntVector centroid, IntVector weight, IntVector step);

constexpr int kVectorsPerPanel = static_cast<int>(kPanelRows) / kLanes;
#if defined(__AVX512F__)
constexpr int kTilePanels = 2, kTileColumns = 12;
#elif defined(__AVX2__)
constexpr int kTilePanels = 1, kTileColumns = 4;
#else
constexpr int kTilePanels = 1, kTileColumns = 2;
#endif
/// Bytes that a group of features takes in a packed panel: centroids, then weights.
constexpr std::int64_t kHalfBytes = kPanelRows * alignment::kernels::kQuantizedGroup, kGroupBytes = 2 * kHalfBytes;
/// Groups of a panel that are on their way to the nearest cache; see kFeaturesAhead in cost.inl.
constexpr std::int64_t kGroupsAhead = 16;
/// Numbers of a sample that are: these come from memory.
constexpr std::int64_t kFloatsAhead = 512;

template <typename Vectors>
Vectors load_bytes(const std::int8_t* source) {
  Vectors vector;
  std::memcpy(&vector, source, sizeof(vector));
  return vector;
}

template <int Panels, int Columns>
void quantized_tile(const std::int8_t* packed, std::int64_t groups, const std::int8_t* sample, std::int64_t length,
                    float* cost, std::int64_t stride) {
  constexpr int kVectors = Panels * kVectorsPerPanel;
  constexpr int kVectorBytes = 4 * kLanes;
  const std::int64_t panel_stride = groups * kGroupBytes;
  const auto row_at = [&](int v) {
    return (v / kVectorsPerPanel) * panel_stride + (v % kVectorsPerPanel) * kVectorBytes;
  };
  IntVector sum[static_cast<std::size_t>(Columns * kVectors)] = {};
  for (std::int64_t group = 0; group < groups; ++group) {
#pragma GCC unroll 8
    for (int panel = 0; panel < Panels; ++panel) {
      const std::int8_t* const ahead = packed + panel * panel_stride + kGroupsAhead * kGroupBytes;
      prefetch(ahead);
      prefetch(ahead + kHalfBytes);
    }
    IntVector centroid[static_cast<std::size_t>(kVectors)];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) centroid[v] = load_bytes<IntVector>(packed + row_at(v));
#pragma GCC unroll 16
    for (int column = 0; column < Columns; ++column) {
      const IntVector step =
          load_bytes<std::int32_t>(sample + column * alignment::kernels::kQuantizedGroup) - IntVector{};
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        IntVector& one = sum[column * kVectors + v];
        one = accumulate(one, centroid[v], load_bytes<IntVector>(packed + kHalfBytes + row_at(v)), step);
      }
    }
    packed += kGroupBytes;
    sample += length * alignment::kernels::kQuantizedGroup;
  }
#pragma GCC unroll 16
  for (int column = 0; column < Columns; ++column) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      store(cost + column * stride + v * kLanes, __builtin_convertvector(sum[column * kVectors + v], Vector));
    }
  }
}

/// Tiles as equal as can be, as in cost.inl.
template <int Panels, int Columns>
void quantized_columns(const std::int8_t* packed, std::int64_t groups, const std::int8_t* sample, std::int64_t length,
                       std::int64_t column, std::int64_t end, std::int64_t columns, float* cost, std::int64_t stride) {
  if (columns == Columns) {
    for (; column < end; column += Columns) {
      quantized_tile<Panels, Columns>(packed, groups, sample + column * alignment::kernels::kQuantizedGroup, length,
                                      cost + column * stride, stride);
    }
  } else if constexpr (Columns > 1) {
    quantized_columns<Panels, Columns - 1>(packed, groups, sample, length, column, end, columns, cost, stride);
  }
}

template <int Panels>
void quantized_sample(const std::int8_t* packed, std::int64_t groups, const std::int8_t* sample, std::int64_t length,
                      float* cost, std::int64_t stride) {
  const std::int64_t tiles = (length + kTileColumns - 1) / kTileColumns;
  const std::int64_t columns = length / tiles, in_wider = length % tiles * (columns + 1);
  quantized_columns<Panels, kTileColumns>(packed, groups, sample, length, 0, in_wider, columns + 1, cost, stride);
  quantized_columns<Panels, kTileColumns>(packed, groups, sample, length, in_wider, length, columns, cost, stride);
}

void quantized_cost(const std::int8_t* packed, std::int64_t first_panel, std::int64_t last_panel, std::int64_t groups,
                    const std::int8_t* sample, std::int64_t length, float* cost, std::int64_t stride) {
  std::int64_t panel = first_panel;
  for (; panel + kTilePanels <= last_panel; panel += kTilePanels) {
    quantized_sample<kTilePanels>(packed + panel * groups * kGroupBytes, groups, sample, length,
                                  cost + panel * kPanelRows, stride);
  }
  for (; panel < last_panel; ++panel) {
    quantized_sample<1>(packed + panel * groups * kGroupBytes, groups, sample, length, cost + panel * kPanelRows,
                        stride);
  }
}

/// As alignment::kernels::quantize, operation by operation: no sum stands beside a product that could swallow it.
inline ByteVector quantize_vector(Vector value, Vector low, Vector inverse_step) {
  const Vector most = Vector{} + static_cast<float>(alignment::kernels::kMostQuantized);
  const Vector position = (value - low) * inverse_step;
  const Vector least = position > 0.0F ? position : Vector{};
  const Vector clamped = least < most ? least : most;
  return __builtin_convertvector(__builtin_convertvector(clamped + 0.5F, IntVector), ByteVector);
}

void quantize_sample(const float* blocked, std::int64_t length, std::int64_t feature_dim,
                     const alignment::kernels::FeatureScale& scale, std::int8_t* sample) {
  constexpr std::int64_t kGroup = alignment::kernels::kQuantizedGroup;
  for (std::int64_t first = 0; first < feature_dim; first += alignment::kernels::kBlockFeatures) {
    const std::int64_t width = alignment::kernels::block_width(feature_dim, first);
    const float* features = blocked + alignment::kernels::block_offset(length, feature_dim, first, 0);
    for (std::int64_t j = 0; j < length; ++j, features += width) {  // in the order in which they lie in memory
      for (std::int64_t f = 0; f < width; f += kLanes) {
        if (f % kFloatsPerLine == 0) prefetch(features + f + kFloatsAhead);
        const ByteVector bytes =
            quantize_vector(load(features + f), load(scale.lows + first + f), load(scale.inverse_steps + first + f));
        std::int8_t values[sizeof(bytes)];
        std::memcpy(values, &bytes, sizeof(bytes));
        std::int8_t* const groups = sample + (first + f) * length;
#pragma GCC unroll 4
        for (int group = 0; group < kLanes / kGroup; ++group) {
          std::memcpy(groups + (group * length + j) * kGroup, values + group * kGroup, kGroup);
        }
      }
    }
  }
}

}  // namespace
