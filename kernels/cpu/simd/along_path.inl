// Distances and gradients on fixed paths. Lanes are features; one block of them stays in registers while the path's
// cells pass by.
#pragma once

#include "kernels/blocks.hpp"
#include "kernels/cpu/simd/simd.inl"
#include "kernels/variants.hpp"

namespace {

using alignment::kernels::GradientCell;
using alignment::kernels::kMostPathBlocks;
using alignment::kernels::PathBlocks;
using alignment::kernels::PathRow;
using alignment::kernels::TieSign;

constexpr int kVectorsPerQuantum = static_cast<int>(alignment::kernels::kBlockQuantum) / kLanes;
constexpr int kVectorsPerBlock = static_cast<int>(alignment::kernels::kBlockFeatures) / kLanes;

template <int Vectors>
struct Width {
  static constexpr int kVectors = Vectors;
};

/// Calls `body` with the Width that is `width` features.
template <int Vectors = kVectorsPerBlock, typename Body>
void with_width(std::int64_t width, Body&& body) {
  if (width == Vectors * kLanes) {
    body(Width<Vectors>{});
  } else if constexpr (Vectors > kVectorsPerQuantum) {
    with_width<Vectors - kVectorsPerQuantum>(width, body);
  }
}

/// Vectors of features whose sums over a row stay in registers at once.
#if defined(__AVX512F__)
constexpr int kDistanceVectors = 12;
#else
constexpr int kDistanceVectors = 8;
#endif

/// `Vectors` of features from `kOffset` on of each of `Blocks` blocks whose rows are `kWidth` wide. The columns of a
/// row are added up before the weight is applied: |centroid - m| needs no more than the sample's number from memory.
template <int Vectors, int Blocks, std::int64_t kWidth, std::int64_t kOffset>
Vector path_distance_rows(const float* centroids, const float* weights, const float* sample, const PathBlocks& blocks,
                          const PathRow* rows, std::int64_t steps) {
  constexpr int kVectors = Vectors * Blocks;
  const auto at = [](int v, std::int64_t next) { return kOffset + (v / Vectors) * next + (v % Vectors) * kLanes; };
  const Vector one = opaque_one();
  Registers<2> sum = {};
  for (std::int64_t i = 0; i < steps; ++i) {
    const float* const centroid = centroids + i * kWidth;
    const float* const weight = weights + i * kWidth;
    const float* m = sample + rows[i].first * kWidth;
    const float* const end = m + rows[i].count * kWidth;
    Registers<kVectors> row = {};
    for (; m < end; m += kWidth) {
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) {
        const Vector difference = load(centroid + at(v, blocks.next_parameters)) - load(m + at(v, blocks.next_sample));
        row[v] += for_other_units(absolute(difference), one);
      }
    }
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) sum[v % 2] += load(weight + at(v, blocks.next_parameters)) * row[v];
  }
  return sum[0] + sum[1];
}

/// The vectors from `First` on of rows that are `Vectors` wide, some at once.
template <int Vectors, int First = 0>
double path_distance_passes(const float* centroids, const float* weights, const float* sample, const PathBlocks& blocks,
                            const PathRow* rows, std::int64_t steps) {
  constexpr int kAtOnce = Vectors - First < kDistanceVectors ? Vectors - First : kDistanceVectors;
  const double distance = lane_sum(path_distance_rows<kAtOnce, 1, Vectors * kLanes, First * kLanes>(
      centroids, weights, sample, blocks, rows, steps));
  if constexpr (First + kAtOnce < Vectors) {
    return distance + path_distance_passes<Vectors, First + kAtOnce>(centroids, weights, sample, blocks, rows, steps);
  } else {
    return distance;
  }
}

double path_distance(const float* centroids, const float* weights, const float* sample, const PathBlocks& blocks,
                     const PathRow* rows, std::int64_t steps) {
  if constexpr (kMostPathBlocks * kVectorsPerBlock <= kDistanceVectors) {
    if (blocks.count == kMostPathBlocks) {
      return lane_sum(path_distance_rows<kVectorsPerBlock, kMostPathBlocks, alignment::kernels::kBlockFeatures, 0>(
          centroids, weights, sample, blocks, rows, steps));
    }
    if (blocks.count == 2) {
      return lane_sum(path_distance_rows<kVectorsPerBlock, 2, alignment::kernels::kBlockFeatures, 0>(
          centroids, weights, sample, blocks, rows, steps));
    }
  }
  double distance = 0;
  for (std::int64_t block = 0; block < blocks.count; ++block) {
    const std::int64_t parameters = block * blocks.next_parameters;
    with_width(blocks.width, [&](auto width) {
      distance += path_distance_passes<decltype(width)::kVectors>(
          centroids + parameters, weights + parameters, sample + block * blocks.next_sample, blocks, rows, steps);
    });
  }
  return distance;
}

void add_wide(const float* narrow, std::int64_t count, double* wide) {
  for (std::int64_t k = 0; k < count; k += kLanes) {
    WideVector sum;
    std::memcpy(&sum, wide + k, sizeof(sum));
    sum += __builtin_convertvector(load(narrow + k), WideVector);
    std::memcpy(wide + k, &sum, sizeof(sum));
  }
}

inline void add_to(float* destination, Vector vector) {
  store(destination, load(destination) + vector);
}

/// Vectors of features whose two sums stay in registers at once.
constexpr int kGradientVectors = 4;

/// `Vectors` of features from `kOffset` on, of rows that are `kWidth` wide. With x = g * sign(centroid - m): slope += x
/// and magnitude += (centroid - m) * x = g * |centroid - m|.
template <TieSign tie_sign, int Vectors, std::int64_t kWidth, std::int64_t kOffset>
void path_gradient_block(const float* centroids, const float* const* steps_of_run, const GradientCell* cells,
                         const std::int64_t* row_ends, std::int64_t steps, float* slope_sum, float* magnitude_sum) {
  [[maybe_unused]] const Vector one = opaque_one();
  const GradientCell* cell = cells;
  for (std::int64_t i = 0; i < steps; ++i) {
    const float* const centroid = centroids + i * kWidth + kOffset;
    Registers<Vectors> slope = {}, magnitude = {};
    for (const GradientCell* const end = cells + row_ends[i]; cell < end; ++cell) {
      const float* const m = steps_of_run[cell->step] + kOffset;
      const Vector distance_gradient = cell->distance_gradient - Vector{};  // one load to all lanes
#pragma GCC unroll 16
      for (int v = 0; v < Vectors; ++v) {
        if constexpr (tie_sign == TieSign::kZero) {
          const Vector difference = load(centroid + v * kLanes) - load(m + v * kLanes);
          const Vector signed_gradient = flip_sign(distance_gradient, difference);
          slope[v] = difference != 0.0F ? slope[v] + signed_gradient : slope[v];
          magnitude[v] += difference * signed_gradient;
        } else {  // m - centroid is +0 at a tie (adding 0 makes it so for zeros of either sign), and its sign stands
                  // for -1
          const Vector difference = (load(m + v * kLanes) - load(centroid + v * kLanes)) + 0.0F;
          const Vector signed_gradient = flip_sign(distance_gradient, difference);
          slope[v] -= for_other_units(signed_gradient, one);
          magnitude[v] += difference * signed_gradient;
        }
      }
    }
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v) {
      add_to(slope_sum + i * kWidth + kOffset + v * kLanes, slope[v]);
      add_to(magnitude_sum + i * kWidth + kOffset + v * kLanes, magnitude[v]);
    }
  }
}

/// The vectors from `First` on of rows that are `Vectors` wide, some at once.
template <TieSign tie_sign, int Vectors, int First = 0>
void path_gradient_passes(const float* centroids, const float* const* steps_of_run, const GradientCell* cells,
                          const std::int64_t* row_ends, std::int64_t steps, float* slope_sum, float* magnitude_sum) {
  if constexpr (First < Vectors) {
    constexpr int kAtOnce = Vectors - First < kGradientVectors ? Vectors - First : kGradientVectors;
    path_gradient_block<tie_sign, kAtOnce, Vectors * kLanes, First * kLanes>(centroids, steps_of_run, cells, row_ends,
                                                                             steps, slope_sum, magnitude_sum);
    path_gradient_passes<tie_sign, Vectors, First + kAtOnce>(centroids, steps_of_run, cells, row_ends, steps, slope_sum,
                                                             magnitude_sum);
  }
}

void path_gradient(const float* centroids, const float* const* steps_of_run, std::int64_t width,
                   const GradientCell* cells, const std::int64_t* row_ends, std::int64_t steps, TieSign tie_sign,
                   float* slope_sum, float* magnitude_sum) {
  with_width(width, [&](auto block) {
    constexpr int kVectors = decltype(block)::kVectors;
    const auto gradient = tie_sign == TieSign::kZero ? path_gradient_passes<TieSign::kZero, kVectors>
                                                     : path_gradient_passes<TieSign::kMinusOne, kVectors>;
    gradient(centroids, steps_of_run, cells, row_ends, steps, slope_sum, magnitude_sum);
  });
}

}  // namespace
