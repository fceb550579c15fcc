// Dynamic programme and walk back. Lanes are classes. decisions[i][j][class]: 0 came from j-1, 1 from i-1, 2 from the
// diagonal.
#pragma once

#include "kernels/cost.hpp"
#include "kernels/cpu/simd/simd.inl"

namespace {

constexpr std::int8_t kFromColumn = 0, kFromRow = 1, kFromDiagonal = 2;

/// One vector of classes; `state` and `decisions` point at the first of them and are `padded_classes` wide.
void warp_classes(const float* cost_rows, std::int64_t stride, std::int64_t classes, std::int64_t padded_classes,
                  std::int64_t steps, std::int64_t length, bool diagonal, float* state, std::int8_t* decisions) {
  Vector left = {};
  for (std::int64_t j = 0; j < length; ++j) {  // row 0 can only be entered from the left
    left += load(cost_rows + j * stride);
    store(state + j * padded_classes, left);
  }
  for (std::int64_t i = 1; i < steps; ++i) {
    const float* row = cost_rows + i * classes;
    std::int8_t* row_decisions = decisions + i * length * padded_classes;
    Vector corner = load(state);
    left = corner + load(row);
    store(state, left);
    for (std::int64_t j = 1; j < length; ++j) {
      const Vector above = load(state + j * padded_classes);
      IntVector decision;
      Vector best;
      if (diagonal) {
        const IntVector from_row = (above < left) & (above < corner);
        const IntVector from_column = left < corner;
        decision =
            from_row ? IntVector{} + kFromRow : (from_column ? IntVector{} + kFromColumn : IntVector{} + kFromDiagonal);
        best = from_row ? above : (from_column ? left : corner);
      } else {
        const IntVector from_row = above < left;
        decision = from_row & kFromRow;
        best = from_row ? above : left;
      }
      left = best + load(row + j * stride);
      store(state + j * padded_classes, left);
      const ByteVector narrow = __builtin_convertvector(decision, ByteVector);
      std::memcpy(row_decisions + j * padded_classes, &narrow, sizeof(narrow));
      corner = above;
    }
  }
}

/// Calls `visit(i, j)` for every cell of the path, from the last to the first.
template <typename Visit>
void walk_back(const std::int8_t* decisions, std::int64_t padded_classes, std::int64_t steps, std::int64_t length,
               std::int32_t* breakpoints, Visit&& visit) {
  std::int64_t i = steps - 1, j = length - 1;
  while (i > 0) {
    visit(i, j);
    const std::int8_t decision = j == 0 ? std::int8_t{kFromRow} : decisions[(i * length + j) * padded_classes];
    if (decision == kFromRow) {
      breakpoints[--i] = static_cast<std::int32_t>(j);
    } else if (decision == kFromDiagonal) {
      breakpoints[--i] = ~static_cast<std::int32_t>(--j);
    } else {
      --j;
    }
  }
  for (; j >= 0; --j) visit(i, j);
}

void warp(const float* cost_rows, std::int64_t stride, std::int64_t classes, std::int64_t steps, std::int64_t length,
          bool diagonal, std::int32_t* breakpoints, double* distances, float* state, std::int8_t* decisions) {
  const std::int64_t padded_classes =
      (classes + alignment::kernels::kPanelRows - 1) / alignment::kernels::kPanelRows * alignment::kernels::kPanelRows;
  for (std::int64_t c = 0; c < classes; c += kLanes) {
    warp_classes(cost_rows + c, stride, classes, padded_classes, steps, length, diagonal, state + c, decisions + c);
  }
  for (std::int64_t c = 0; c < classes; ++c) {
    std::int32_t* const path = breakpoints + c * (steps - 1);
    if (distances == nullptr) {
      walk_back(decisions + c, padded_classes, steps, length, path, [](std::int64_t /*i*/, std::int64_t /*j*/) {});
      continue;
    }
    double distance = 0;
    walk_back(decisions + c, padded_classes, steps, length, path, [&](std::int64_t i, std::int64_t j) {
      distance += static_cast<double>(cost_rows[j * stride + i * classes + c]);
    });
    distances[c] = distance;
  }
}

}  // namespace
