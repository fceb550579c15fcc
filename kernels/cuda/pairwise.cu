#include "kernels/pairwise.hpp"

#include "kernels/cuda/device.cuh"

namespace alignment::kernels::cuda {
namespace {

constexpr int kTile = 16;  ///< rows, columns and features that a block has in shared memory at a time
constexpr int kThreads = kTile * kTile;
constexpr int kFeatures = 128;  ///< features of a row that a block sums the gradient of

__device__ __forceinline__ float fused(float a, float b, float c) {
  return fmaf(a, b, c);
}
__device__ __forceinline__ double fused(double a, double b, double c) {
  return fma(a, b, c);
}
__device__ __forceinline__ float root(float square) {
  return sqrtf(square);
}
__device__ __forceinline__ double root(double square) {
  return sqrt(square);
}

/// A block kTile x kTile distances, a thread one of them.
template <typename Real>
__global__ void __launch_bounds__(kThreads)
    pairwise_distances_kernel(const RowsView<Real> a, const RowsView<Real> b, Real smallest_square, Real smallest,
                              Real* __restrict__ distances) {
  __shared__ Real a_tile[kTile][kTile + 1], b_tile[kTile][kTile + 1];  // [row][feature]; one more: other banks
  const int column = static_cast<int>(threadIdx.x) % kTile, row = static_cast<int>(threadIdx.x) / kTile;
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.x) * kTile;
  const std::int64_t first_column = static_cast<std::int64_t>(blockIdx.y) * kTile;
  Real sum = 0;
  for (std::int64_t first = 0; first < a.width; first += kTile) {
    const std::int64_t e = first + column;  // as a loader, a thread has a feature of one row each
    a_tile[row][column] = e < a.width && first_row + row < a.count ? a.rows[(first_row + row) * a.width + e] : Real{0};
    b_tile[row][column] =
        e < a.width && first_column + row < b.count ? b.rows[(first_column + row) * a.width + e] : Real{0};
    __syncthreads();
#pragma unroll
    for (int k = 0; k < kTile; ++k) {
      const Real difference = a_tile[row][k] - b_tile[column][k];
      sum = fused(difference, difference, sum);
    }
    __syncthreads();
  }
  if (first_row + row >= a.count || first_column + column >= b.count) return;
  distances[(first_row + row) * b.count + first_column + column] = sum <= smallest_square ? smallest : root(sum);
}

/// gradient[row] += sum_j g / D (rows[row] - others[j]). A block a row and kFeatures features, a thread one of them.
/// `row_step`, `other_step`: cells of D and g from one row, or other row, to the next.
template <typename Real>
__global__ void __launch_bounds__(kFeatures)
    pairwise_gradient_kernel(const RowsView<Real> rows, const RowsView<Real> others, const Real* __restrict__ distances,
                             const Real* __restrict__ distance_gradient, std::int64_t row_step, std::int64_t other_step,
                             Real smallest, Real* __restrict__ gradient) {
  __shared__ Real factors[kFeatures];
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t row = blockIdx.x, e = static_cast<std::int64_t>(blockIdx.y) * kFeatures + thread;
  const bool exists = e < rows.width;
  const Real number = exists ? rows.rows[row * rows.width + e] : Real{0};
  Real sum = 0;
  for (std::int64_t first = 0; first < others.count; first += kFeatures) {
    if (first + thread < others.count) {
      const std::int64_t cell = row * row_step + (first + thread) * other_step;
      const Real distance = distances[cell];
      factors[thread] = distance <= smallest ? Real{0} : distance_gradient[cell] / distance;
    }
    __syncthreads();
    const int count = static_cast<int>(others.count - first < kFeatures ? others.count - first : kFeatures);
    for (int j = 0; exists && j < count; ++j)
      sum = fused(factors[j], number - others.rows[(first + j) * rows.width + e], sum);
    __syncthreads();
  }
  if (exists) gradient[row * rows.width + e] += sum;
}

}  // namespace

template <typename Real>
void pairwise_distances(const RowsView<Real>& a, const RowsView<Real>& b, Real* distances, Stream stream) {
  launch("pairwise_distances", pairwise_distances_kernel<Real>,
         grid(divide_up<std::int64_t>(a.count, kTile), divide_up<std::int64_t>(b.count, kTile)), kThreads, 0, stream, a,
         b, static_cast<Real>(kSmallestSquare), smallest_distance<Real>(), distances);
}

template <typename Real>
void pairwise_gradient(const RowsView<Real>& a, const RowsView<Real>& b, const Real* distances,
                       const Real* distance_gradient, Real* a_gradient, Real* b_gradient, Stream stream) {
  const std::int64_t parts = divide_up<std::int64_t>(a.width, kFeatures);
  const auto start = [&](const RowsView<Real>& rows, const RowsView<Real>& others, std::int64_t row_step,
                         std::int64_t other_step, Real* gradient) {
    launch("pairwise_gradient", pairwise_gradient_kernel<Real>, grid(rows.count, parts), kFeatures, 0, stream, rows,
           others, distances, distance_gradient, row_step, other_step, smallest_distance<Real>(), gradient);
  };
  start(a, b, b.count, 1, a_gradient);
  start(b, a, 1, b.count, b_gradient);
}

template void pairwise_distances(const RowsView<float>&, const RowsView<float>&, float*, Stream);
template void pairwise_distances(const RowsView<double>&, const RowsView<double>&, double*, Stream);
template void pairwise_gradient(const RowsView<float>&, const RowsView<float>&, const float*, const float*, float*,
                                float*, Stream);
template void pairwise_gradient(const RowsView<double>&, const RowsView<double>&, const double*, const double*, double*,
                                double*, Stream);

}  // namespace alignment::kernels::cuda
