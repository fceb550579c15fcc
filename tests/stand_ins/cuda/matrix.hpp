#pragma once

#include <array>

/// What the lanes of a warp compute together; the parts of one lane are laid out as the PTX ISA says, see
/// kernels/cuda/matrix.cuh.
namespace alignment::cuda_shim {

inline constexpr unsigned kWarpLanes = 32;

/// One lane's part of mma.m16n8k16.
struct MultiplyAdd {
  float* sum;         ///< 4
  const unsigned* a;  ///< 4
  const unsigned* b;  ///< 2
};

/// Every element is its old sum and the 16 products, in the order of k, added in f64 and rounded once to f32. A NaN
/// becomes 0x7fffffff.
void multiply_add(const std::array<const MultiplyAdd*, kWarpLanes>& lanes);

/// One lane's part of ldmatrix.m8n8.x4.
struct LoadMatrices {
  unsigned* result;             ///< 4
  std::array<unsigned, 4> row;  ///< what was at the lane's address
};

void load_matrices(const std::array<const LoadMatrices*, kWarpLanes>& lanes, bool transposed);

}  // namespace alignment::cuda_shim
