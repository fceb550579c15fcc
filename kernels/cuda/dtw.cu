#include "kernels/dtw.hpp"

#include "kernels/cuda/diagonals.cuh"
#include "kernels/workspace.hpp"

// A block a matrix, a thread a cell of the diagonal; then one thread walks back along a byte a cell.
namespace alignment::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kRollingRows = 3;
constexpr std::int8_t kCorner = 0, kAbove = 1, kLeft = 2;  ///< where the path to a cell came from

struct Arrays {
  double* rolling;     ///< [B][kRollingRows][rolling_width], or nullptr: in shared memory
  std::int8_t* steps;  ///< [span] by diagonals, matrix b's from its offset on
};

template <typename Real>
Arrays carve(Workspace& workspace, const Matrices<Real>& distances) {
  Arrays arrays{};
  if (shared_rolling_bytes(kRollingRows, distances.diagonal) == 0) {
    arrays.rolling =
        workspace.request<double>(distances.matrices.count * kRollingRows * rolling_width(distances.diagonal));
  }
  arrays.steps = workspace.request<std::int8_t>(distances.span);
  return arrays;
}

/// r of the last cell. `steps`: of every cell.
template <typename Real>
__device__ __forceinline__ double reach_all(const Real* __restrict__ matrix, const Diagonals& diagonals,
                                            const RollingRows& rows, std::int8_t* steps) {
  const double infinity = HUGE_VAL;
  const auto row_of = [&](int d) { return rows.row((d + 3) % 3); };
  fill_rows<kThreads>(rows, kRollingRows, infinity);
  __syncthreads();
  if (threadIdx.x == 0) row_of(-2)[0] = 0.0;  // where every path begins
  __syncthreads();
  for (int d = 0; d < diagonals.count(); ++d) {
    const int first = diagonals.first(d), length = diagonals.length(d);
    double* const row = row_of(d);
    const double* const left_row = row_of(d - 1) + first - diagonals.first(d - 1) + 1;
    const double* const corner_row = row_of(d - 2) + first - diagonals.first(d - 2);
    for (int k = static_cast<int>(threadIdx.x); k < length; k += kThreads) {
      const double above = left_row[k - 1], left = left_row[k], corner = corner_row[k];
      const int i = first + k;
      const double side = above <= left ? above : left;
      row[1 + k] = static_cast<double>(matrix[diagonals.place(d, i)]) + (corner <= side ? corner : side);
      steps[k] = corner <= side ? kCorner : (above <= left ? kAbove : kLeft);
    }
    if (threadIdx.x == 0) row[0] = row[length + 1] = infinity;
    steps += length;
    __syncthreads();
  }
  return row_of(diagonals.count() - 1)[1];
}

/// Writes the path backwards before `end`; returns its length. `steps`: behind those of the last diagonal.
__device__ __forceinline__ int walk_back(const Diagonals& diagonals, const std::int8_t* steps, PathCell* end) {
  int i = diagonals.rows - 1, j = diagonals.columns - 1, count = 0;
  steps -= diagonals.length(i + j);
  for (;;) {
    ++count;
    end[-count] = {i, j};
    if (i == 0 && j == 0) return count;
    const std::int8_t step = i == 0 ? kLeft : (j == 0 ? kAbove : steps[i - diagonals.first(i + j)]);
    if (step != kLeft) --i;
    if (step != kAbove) --j;
    if (step == kCorner) steps -= diagonals.length(i + j + 1);
    steps -= diagonals.length(i + j);
  }
}

template <typename Real>
__global__ void __launch_bounds__(kThreads)
    dtw_paths_kernel(const MatricesView<Real> distances, std::int64_t diagonal, double* __restrict__ rolling,
                     std::int8_t* all_steps, PathCell* cells, std::int64_t* __restrict__ lengths,
                     double* __restrict__ costs) {
  __shared__ int shared_count;
  const std::int64_t b = blockIdx.x, offset = distances.offsets[b];
  const Diagonals diagonals = Diagonals::of(distances, b);
  const RollingRows rows = rolling_rows(rolling, kRollingRows, diagonal);
  const double cost = reach_all(distances.values + offset, diagonals, rows, all_steps + offset);
  for (std::int64_t other = 0; other < b; ++other) cells += distances.rows[other] + distances.columns[other] - 1;
  if (threadIdx.x == 0) {
    shared_count = walk_back(diagonals, all_steps + offset + diagonals.cells(), cells + diagonals.count());
    lengths[b] = shared_count;
    if (costs != nullptr) costs[b] = cost;
  }
  __syncthreads();
  // To the front of its room, some at a time: what is written has been read.
  const int count = shared_count, gap = diagonals.count() - count;
  for (int begin = 0; begin < count; begin += kThreads) {
    const int k = begin + static_cast<int>(threadIdx.x);
    PathCell cell;
    if (k < count) cell = cells[gap + k];
    __syncthreads();
    if (k < count) cells[k] = cell;
    __syncthreads();
  }
}

}  // namespace

template <typename Real>
std::size_t dtw_paths_workspace_bytes(const Matrices<Real>& distances) {
  Workspace sizing(nullptr);
  carve(sizing, distances);
  return sizing.required_bytes();
}

template <typename Real>
void dtw_paths(const Matrices<Real>& distances, PathCell* cells, std::int64_t* lengths, double* costs,
               std::byte* workspace, Stream stream) {
  Workspace arena(workspace);
  const Arrays arrays = carve(arena, distances);
  launch("dtw_paths", dtw_paths_kernel<Real>, grid(distances.matrices.count), kThreads,
         shared_rolling_bytes(kRollingRows, distances.diagonal), stream, distances.matrices, distances.diagonal,
         arrays.rolling, arrays.steps, cells, lengths, costs);
}

template std::size_t dtw_paths_workspace_bytes(const Matrices<float>&);
template std::size_t dtw_paths_workspace_bytes(const Matrices<double>&);
template void dtw_paths(const Matrices<float>&, PathCell*, std::int64_t*, double*, std::byte*, Stream);
template void dtw_paths(const Matrices<double>&, PathCell*, std::int64_t*, double*, std::byte*, Stream);

}  // namespace alignment::kernels::cuda
