#include "kernels/soft_dtw.hpp"

#include "kernels/cuda/diagonals.cuh"
#include "kernels/workspace.hpp"

// A block a matrix, a thread a cell of the diagonal. The table keeps r by diagonals, in the order in which it is read.
namespace alignment::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kRollingRows = 7;  ///< forward three of r; back two of what goes up and left, three of corners

struct Arrays {
  double* rolling;  ///< [B][kRollingRows][rolling_width], or nullptr: in shared memory
  double* table;    ///< [span], matrix b's from its offset on; only with alignments
};

template <typename Real>
Arrays carve(Workspace& workspace, const Matrices<Real>& distances, bool alignments) {
  Arrays arrays{};
  if (shared_rolling_bytes(kRollingRows, distances.diagonal) == 0) {
    arrays.rolling =
        workspace.request<double>(distances.matrices.count * kRollingRows * rolling_width(distances.diagonal));
  }
  if (alignments) arrays.table = workspace.request<double>(distances.span);
  return arrays;
}

/// As in kernels/cpu/simd/soft_dtw.inl: exp(-(a - min a) / gamma) is 1 for the smallest.
struct Shares {
  double smallest, other, far, sum;

  __device__ Shares(double above, double left, double corner, double gamma) {
    const double near = above <= left ? above : left, farther = above <= left ? left : above;
    smallest = near <= corner ? near : corner;
    other = exp(-fabs(near - corner) / gamma);
    far = exp((smallest - farther) / gamma);
    sum = 1.0 + other + far;
  }
};

/// r of every cell, diagonal by diagonal; into `table` too unless it is nullptr.
template <typename Real>
__device__ __forceinline__ double forward(const Real* __restrict__ matrix, const Diagonals& diagonals, double gamma,
                                          const RollingRows& rows, double* table) {
  const double infinity = HUGE_VAL;
  const auto row_of = [&](int d) { return rows.row((d + 3) % 3); };
  fill_rows<kThreads>(rows, 3, infinity);
  __syncthreads();
  if (threadIdx.x == 0) row_of(-2)[0] = 0.0;  // where every path begins
  __syncthreads();
  for (int d = 0; d < diagonals.count(); ++d) {
    const int first = diagonals.first(d), length = diagonals.length(d);
    double* const row = row_of(d);
    const double* const left = row_of(d - 1) + first - diagonals.first(d - 1) + 1;
    const double* const corner = row_of(d - 2) + first - diagonals.first(d - 2);
    for (int k = static_cast<int>(threadIdx.x); k < length; k += kThreads) {
      const Shares shares(left[k - 1], left[k], corner[k], gamma);
      const int i = first + k;
      const double reached =
          static_cast<double>(matrix[diagonals.place(d, i)]) + (shares.smallest - gamma * log(shares.sum));
      row[1 + k] = reached;
      if (table != nullptr) table[k] = reached;
    }
    if (threadIdx.x == 0) row[0] = row[length + 1] = infinity;
    if (table != nullptr) table += length;
    __syncthreads();
  }
  return row_of(diagonals.count() - 1)[1];
}

/// E of every cell, from the last diagonal to the first. `table_end`: behind the last one.
template <typename Real>
__device__ __forceinline__ void way_back(const Diagonals& diagonals, double gamma, const RollingRows& rows,
                                         const double* table_end, Real* __restrict__ alignment) {
  const int count = diagonals.count();
  const auto above_of = [&](int d) { return rows.row(d % 2); };
  const auto left_of = [&](int d) { return rows.row(2 + d % 2); };
  const auto corner_of = [&](int d) { return rows.row(4 + d % 3); };
  fill_rows<kThreads>(rows, kRollingRows, 0.0);
  __syncthreads();
  if (threadIdx.x == 0) left_of(count)[0] = 1.0;  // the last cell's own share
  __syncthreads();
  const double* table = table_end - diagonals.length(count - 1);
  for (int d = count - 1; d >= 0; --d) {
    const int first = diagonals.first(d), length = diagonals.length(d);
    const double* const before = d > 0 ? table - diagonals.length(d - 1) : nullptr;
    const double* const second_before = d > 1 ? before - diagonals.length(d - 2) : nullptr;
    const auto reach = [&](const double* diagonal, int other, int i) {
      return other < 0 || i < diagonals.first(other) || i > diagonals.last(other)
                 ? HUGE_VAL
                 : diagonal[i - diagonals.first(other)];
    };
    for (int k = static_cast<int>(threadIdx.x); k < length; k += kThreads) {
      const int i = first + k;
      const int from_next = i - diagonals.first(d + 1), from_second = i - diagonals.first(d + 2);
      double share = above_of(d + 1)[from_next + 2] + left_of(d + 1)[from_next + 1] + corner_of(d + 2)[from_second + 2];
      alignment[diagonals.place(d, i)] = static_cast<Real>(share);
      const double above = reach(before, d - 1, i - 1), left = reach(before, d - 1, i);
      const double corner = reach(second_before, d - 2, i - 1);
      const Shares shares(above, left, corner, gamma);
      share /= shares.sum;
      const bool above_is_nearer = above <= left, side_is_smallest = (above_is_nearer ? above : left) <= corner;
      const double other = share * shares.other, far = share * shares.far, near = side_is_smallest ? share : other;
      above_of(d)[1 + k] = above_is_nearer ? near : far;
      left_of(d)[1 + k] = above_is_nearer ? far : near;
      corner_of(d)[1 + k] = side_is_smallest ? other : share;
    }
    if (threadIdx.x == 0) {
      above_of(d)[0] = above_of(d)[length + 1] = left_of(d)[0] = left_of(d)[length + 1] = 0.0;
      corner_of(d)[0] = corner_of(d)[length + 1] = 0.0;
    }
    table = before;
    __syncthreads();
  }
}

template <typename Real>
__global__ void __launch_bounds__(kThreads)
    soft_dtw_kernel(const MatricesView<Real> distances, std::int64_t diagonal, double gamma,
                    double* __restrict__ rolling, double* table, double* __restrict__ values,
                    Real* __restrict__ alignments) {
  const std::int64_t b = blockIdx.x, offset = distances.offsets[b];
  const Diagonals diagonals = Diagonals::of(distances, b);
  const RollingRows rows = rolling_rows(rolling, kRollingRows, diagonal);
  const double value =
      forward(distances.values + offset, diagonals, gamma, rows, alignments == nullptr ? nullptr : table + offset);
  if (threadIdx.x == 0) values[b] = value;
  if (alignments == nullptr) return;
  __syncthreads();
  way_back(diagonals, gamma, rows, table + offset + diagonals.cells(), alignments + offset);
}

}  // namespace

template <typename Real>
std::size_t soft_dtw_workspace_bytes(const Matrices<Real>& distances, bool alignments) {
  Workspace sizing(nullptr);
  carve(sizing, distances, alignments);
  return sizing.required_bytes();
}

template <typename Real>
void soft_dtw(const Matrices<Real>& distances, double gamma, double* values, Real* alignments, std::byte* workspace,
              Stream stream) {
  Workspace arena(workspace);
  const Arrays arrays = carve(arena, distances, alignments != nullptr);
  launch("soft_dtw", soft_dtw_kernel<Real>, grid(distances.matrices.count), kThreads,
         shared_rolling_bytes(kRollingRows, distances.diagonal), stream, distances.matrices, distances.diagonal, gamma,
         arrays.rolling, arrays.table, values, alignments);
}

template std::size_t soft_dtw_workspace_bytes(const Matrices<float>&, bool);
template std::size_t soft_dtw_workspace_bytes(const Matrices<double>&, bool);
template void soft_dtw(const Matrices<float>&, double, double*, float*, std::byte*, Stream);
template void soft_dtw(const Matrices<double>&, double, double*, double*, std::byte*, Stream);

}  // namespace alignment::kernels::cuda
