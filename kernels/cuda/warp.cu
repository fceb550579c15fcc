#include "kernels/cuda/device.cuh"
#include "kernels/warp.hpp"
#include "kernels/workspace.hpp"

// One thread a path: a thread has one sample and one class, and neighbouring threads neighbouring classes, whose costs
// are neighbours in memory. A band of centroid steps keeps its column of the dynamic programme in registers while the
// sample's steps pass by; where there are more steps than that, the band's last row is the next band's upper edge.
namespace alignment::kernels::cuda {
namespace {

constexpr int kBand = 32;  ///< rows whose decisions are one bit each of a word
constexpr int kThreads = 64;

/// Words of decisions for one column of one band: whether the path came from i-1, and with the diagonal a second word,
/// whether it came from the diagonal.
template <bool kDiagonal>
constexpr int kWordCount = kDiagonal ? 2 : 1;

struct Arrays {
  std::uint32_t* decisions;  ///< [bands][total_steps][kWordCount][C]
  float* edge;               ///< [total_steps][C] last row of the band before; only with several bands
};

Arrays carve(Workspace& workspace, std::int64_t classes, std::int64_t steps, const Samples& samples, bool diagonal) {
  const std::int64_t bands = divide_up<std::int64_t>(steps, kBand), paths = samples.total_steps * classes;
  return {workspace.request<std::uint32_t>(bands * paths * (diagonal ? kWordCount<true> : kWordCount<false>)),
          workspace.request<float>(bands > 1 ? paths : 0)};
}

/// `kRows`: rows of a band held in registers, at most kBand.
template <int kRows, bool kDiagonal>
__global__ void __launch_bounds__(kThreads)
    warp_kernel(const float* __restrict__ cost, std::int64_t stride, const std::int32_t* __restrict__ offsets,
                int classes, int steps, std::int64_t total_steps, std::uint32_t* __restrict__ decisions,
                float* __restrict__ edge, std::int32_t* __restrict__ breakpoints, double* __restrict__ distances) {
  const int c = static_cast<int>(blockIdx.y) * kThreads + static_cast<int>(threadIdx.x);
  if (c >= classes) return;
  const std::int64_t b = blockIdx.x, first_column = offsets[b];
  const int length = offsets[b + 1] - offsets[b];
  constexpr int kWords = kWordCount<kDiagonal>;
  const auto words_at = [&](int band, int j) {
    return decisions + ((band * total_steps + first_column + j) * kWords) * classes + c;
  };
  const float infinity = __int_as_float(0x7F800000);

  for (int first_row = 0; first_row < steps; first_row += kBand) {
    const int rows = min(steps - first_row, kBand);
    float left[kRows];  // D(i, j-1), and after its turn D(i, j)
    float corner_edge = infinity;
    for (int j = 0; j < length; ++j) {
      const float* const column =
          cost + (first_column + j) * stride + static_cast<std::int64_t>(first_row) * classes + c;
      float* const edge_column = edge + (first_column + j) * classes + c;
      // The row above this band at columns j and j-1. Row 0 can only be entered from the left, and the first cell from
      // nowhere.
      float above = infinity, corner = corner_edge;
      if (first_row > 0) above = corner_edge = *edge_column;
      std::uint32_t from_row_word = 0, from_diagonal_word = 0;
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        if (i >= rows) break;
        const float before = j > 0 ? left[i] : infinity;
        float best;
        if (kDiagonal) {
          const bool from_row = above < before && above < corner;
          const bool from_column = before < corner;
          best = from_row ? above : (from_column ? before : corner);
          from_row_word |= from_row ? 1U << i : 0U;
          from_diagonal_word |= from_row || from_column ? 0U : 1U << i;
        } else {
          const bool from_row = above < before;
          best = from_row ? above : before;
          from_row_word |= from_row ? 1U << i : 0U;
        }
        if (i == 0 && first_row + j == 0) best = 0.0F;
        corner = before;
        left[i] = above = best + column[static_cast<std::int64_t>(i) * classes];
      }
      std::uint32_t* const words = words_at(first_row / kBand, j);
      words[0] = from_row_word;
      if (kDiagonal) words[classes] = from_diagonal_word;
      if (first_row + kBand < steps) *edge_column = above;
    }
  }

  std::int32_t* const path = breakpoints + (b * classes + c) * (steps - 1);
  int i = steps - 1, j = length - 1;
  double distance = 0;
  const auto visit = [&] {
    if (distances != nullptr)
      distance += cost[(first_column + j) * stride + static_cast<std::int64_t>(i) * classes + c];
  };
  while (i > 0) {
    visit();
    const std::uint32_t* const words = words_at(i / kBand, j);
    const std::uint32_t bit = 1U << i % kBand;
    if (j == 0 || (words[0] & bit) != 0) {
      path[--i] = j;
    } else if (kDiagonal && (words[classes] & bit) != 0) {
      path[--i] = ~--j;
    } else {
      --j;
    }
  }
  if (distances == nullptr) return;
  for (; j >= 0; --j) visit();
  distances[b * classes + c] = distance;
}

template <int kRows>
void launch_warp(const float* cost, std::int64_t classes, std::int64_t steps, const Samples& samples, bool diagonal,
                 const Arrays& arrays, std::int32_t* breakpoints, double* distances, Stream stream) {
  launch("warp", diagonal ? warp_kernel<kRows, true> : warp_kernel<kRows, false>,
         grid(samples.count, divide_up<std::int64_t>(classes, kThreads)), kThreads, 0, stream, cost,
         cost_stride(classes, steps), samples.offsets, static_cast<int>(classes), static_cast<int>(steps),
         samples.total_steps, arrays.decisions, arrays.edge, breakpoints, distances);
}

}  // namespace

std::size_t warp_workspace_bytes(std::int64_t classes, std::int64_t steps, const Samples& samples, bool diagonal) {
  Workspace sizing(nullptr);
  carve(sizing, classes, steps, samples, diagonal);
  return sizing.required_bytes();
}

void warp(const float* cost, std::int64_t classes, std::int64_t steps, const Samples& samples, bool diagonal,
          std::int32_t* breakpoints, double* distances, std::byte* workspace, Stream stream) {
  if (steps == 1 && distances == nullptr) return;  // one row has no breakpoints
  Workspace arena(workspace);
  const Arrays arrays = carve(arena, classes, steps, samples, diagonal);
  const auto run = steps <= 8 ? launch_warp<8> : (steps <= 16 ? launch_warp<16> : launch_warp<kBand>);
  run(cost, classes, steps, samples, diagonal, arrays, breakpoints, distances, stream);
}

}  // namespace alignment::kernels::cuda
