// Distances and gradients on fixed paths. Lanes are features; one block of them stays in registers while the path's
// cells pass by.
#pragma once

#include "kernels/blocks.hpp"
#include "kernels/cpu/simd.inl"
#include "kernels/variants.hpp"

namespace {

using dejavid::kernels::GradientCell;
using dejavid::kernels::PathCell;
using dejavid::kernels::PathCells;
using dejavid::kernels::TieSign;

constexpr int kVectorsPerQuantum = static_cast<int>(dejavid::kernels::kBlockQuantum) / kLanes;
constexpr int kVectorsPerBlock = static_cast<int>(dejavid::kernels::kBlockFeatures) / kLanes;

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

template <int Vectors>
double path_distance_block(const float* centroids, const float* weights, const float* sample, const PathCells& cells) {
  // Flat runs of cells: a loop for each row would cost a mispredicted branch a row, more than loading the row again.
  // Two cells share a load of the row, without which loads would be the limit.
  constexpr std::int64_t kWidth = Vectors * kLanes;
  Registers<Vectors> sum = {};
  const PathCell* cell = cells.cells;
  for (const PathCell* const end = cell + cells.pairs; cell < end; ++cell) {
    const float* const centroid = centroids + cell->row * kWidth;
    const float* const weight = weights + cell->row * kWidth;
    const float* const m = sample + cell->column * kWidth;
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v) {
      const Vector c = load(centroid + v * kLanes);
      Vector u = load(weight + v * kLanes);
      keep_in_register(u);
      sum[v] += u * absolute(c - load(m + v * kLanes));
      sum[v] += u * absolute(c - load(m + kWidth + v * kLanes));
    }
  }
  for (const PathCell* const end = cell + cells.singles; cell < end; ++cell) {
    const float* const centroid = centroids + cell->row * kWidth;
    const float* const weight = weights + cell->row * kWidth;
    const float* const m = sample + cell->column * kWidth;
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v) {
      sum[v] += load(weight + v * kLanes) * absolute(load(centroid + v * kLanes) - load(m + v * kLanes));
    }
  }
#pragma GCC unroll 16
  for (int v = 1; v < Vectors; ++v) sum[0] += sum[v];
  return lane_sum(sum[0]);
}

double path_distance(const float* centroids, const float* weights, const float* sample, std::int64_t width,
                     const PathCells& cells) {
  double distance = 0;
  with_width(width, [&](auto block) {
    distance = path_distance_block<decltype(block)::kVectors>(centroids, weights, sample, cells);
  });
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
          slope[v] -= signed_gradient;
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
